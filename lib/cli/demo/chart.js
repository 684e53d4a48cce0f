'use strict';

/** The run as a picture: connections per server over time, in hand-written SVG. */

const { COLORS, STYLE } = require('./chart-style.js');
const { TOLERANCE, spread } = require('./criterion.js');
const { seconds } = require('./format.js');

const WIDTH = 880;
const HEIGHT = 500;
const PLOT = { left: 60, right: 800, top: 136, bottom: 444 };
const MIDDLE = { x: (PLOT.left + PLOT.right) / 2, y: (PLOT.top + PLOT.bottom) / 2 };
/** Between two direct labels, in pixels. */
const LABEL_HEIGHT = 16;

/**
 * @typedef {object} Scales
 * @property {(time: number) => number} x
 * @property {(count: number) => number} y
 * @property {number} end ms, the right end of the time axis
 * @property {number} top connections at the top of the load axis
 * @property {number} step connections between grid lines
 */

/**
 * @param {import('./monitor.js').Sample[]} samples
 * @param {import('./scenario.js').Phase[]} phases
 * @param {{poolSize: number}} service
 * @returns {string} an SVG document, for light and dark
 */
function drawChart(samples, phases, service) {
  const series = seriesOf(samples);
  const scales = scalesFor(samples, series);
  const subtitle = `${samples[0].clients} clients, each with a pool of ${service.poolSize} connections, `
    + 'whose rover tries random servers and knows nothing of the others';
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" `
      + `width="${WIDTH}" height="${HEIGHT}" role="img">`,
    '<title>Connections per server over time</title>',
    `<style>${STYLE}</style>`,
    `<rect class="ground" x="0.5" y="0.5" width="${WIDTH - 1}" height="${HEIGHT - 1}" rx="8"/>`,
    text(24, 34, 'Connections per server over time', 'title'),
    text(24, 54, subtitle, 'soft'),
    ...legend(series),
    ...axes(scales),
    ...changes(phases, scales),
    fairShare(samples, scales),
    ...series.map(({ color, points }) => `<path class="line ${color}" d="${path(points, scales)}"/>`),
    ...labels(series, scales),
    '</svg>',
    '',
  ].join('\n');
}

function seriesOf(samples) {
  const ids = [...new Set(samples.flatMap(({ counts }) => [...counts.keys()]))];
  return ids.map((id, i) => ({
    id,
    color: `s${i % COLORS}`,
    points: samples.filter(({ counts }) => counts.has(id)).map(({ time, counts }) => [time, counts.get(id)]),
  }));
}

/** @returns {Scales} */
function scalesFor(samples, series) {
  const most = Math.max(1, ...series.flatMap(({ points }) => points.map(([, count]) => count)));
  const step = [1, 2, 5, 10, 20, 25, 50, 100, 200, 500, 1000].find((each) => most / each <= 7) ?? most;
  const top = Math.ceil(most / step) * step;
  const end = samples.at(-1).time;
  return {
    x: (time) => round(PLOT.left + (time / end) * (PLOT.right - PLOT.left)),
    y: (count) => round(PLOT.bottom - (count / top) * (PLOT.bottom - PLOT.top)),
    end,
    top,
    step,
  };
}

function legend(series) {
  const y = 80;
  const servers = series.map(({ id, color }, i) => line(24 + i * 52, y, 44 + i * 52, y, `line ${color}`)
    + text(50 + i * 52, y + 4, id));
  const x = 36 + series.length * 52;
  return [
    ...servers,
    `<rect class="fair" x="${x}" y="${y - 6}" width="20" height="12"/>`,
    text(x + 26, y + 4, `fair share: the mean over all running servers ± ${TOLERANCE * 100} %`),
    `<rect class="levelling" x="${x + 354}" y="${y - 6}" width="20" height="12"/>`,
    text(x + 380, y + 4, 'until settled'),
  ];
}

function axes({ x, y, end, top, step }) {
  const counts = Array.from({ length: top / step + 1 }, (_, i) => i * step);
  const times = Array.from({ length: Math.floor(end / 1000) + 1 }, (_, i) => i * 1000);
  return [
    ...counts.map((count) => line(PLOT.left, y(count), PLOT.right, y(count), count > 0 ? 'grid' : 'axis')
      + text(PLOT.left - 8, y(count) + 4, count, 'soft', 'end')),
    ...times.map((time) => line(x(time), PLOT.bottom, x(time), PLOT.bottom + 5, 'axis')
      + text(x(time), PLOT.bottom + 20, time / 1000, 'soft', 'middle')),
    text(MIDDLE.x, PLOT.bottom + 42, 'time (s)', 'soft', 'middle'),
    `<g transform="translate(20 ${MIDDLE.y}) rotate(-90)">${text(0, 0, 'connections', 'soft', 'middle')}</g>`,
  ];
}

/** A line where something was changed, and a shade until the servers had settled. */
function changes(phases, { x }) {
  return phases.flatMap(({ title, state, start, reached }) => [
    `<rect class="levelling" x="${x(start)}" y="${PLOT.top}" width="${round(x(reached) - x(start))}" `
      + `height="${PLOT.bottom - PLOT.top}"/>`,
    line(x(start), PLOT.top - 32, x(start), PLOT.bottom, 'mark'),
    text(x(start) + 6, PLOT.top - 22, title, 'strong'),
    text(x(start) + 6, PLOT.top - 7, `${state} in ${seconds(reached - start)}`, 'soft'),
  ]);
}

function fairShare(samples, scales) {
  const means = samples.map(({ time, counts }) => [time, spread(counts).mean]);
  const upper = means.map(([time, mean]) => [time, mean * (1 + TOLERANCE)]);
  const lower = means.map(([time, mean]) => [time, mean * (1 - TOLERANCE)]);
  return `<path class="fair" d="${path([...upper, ...lower.reverse()], scales)}Z"/>`;
}

function labels(series, { x, y, end }) {
  const ends = series.map(({ id, color, points }) => {
    const [time, count] = points.at(-1);
    return { id, color, time, count };
  });
  const stopped = ends.filter(({ time }) => time < end);
  const running = ends.filter(({ time }) => time === end).sort((a, b) => b.count - a.count);
  // Balanced lines end in one place: their labels fan out around it.
  const middle = running.reduce((sum, { count }) => sum + y(count), 0) / running.length;
  const first = middle - ((running.length - 1) / 2) * LABEL_HEIGHT;
  return [
    ...stopped.map(({ id, color, time, count }) => {
      const [cx, cy] = [x(time), y(count)];
      return `<path class="line ${color}" d="M${cx - 5} ${cy - 5}l10 10m0 -10l-10 10"/>`
        + text(cx + 9, cy + 20, id, 'strong');
    }),
    ...running.map(({ id, color, count }, i) => {
      const at = round(first + i * LABEL_HEIGHT);
      return `<path class="leader ${color}" d="M${PLOT.right} ${y(count)}L${PLOT.right + 18} ${at}h6"/>`
        + text(PLOT.right + 29, at + 4, `${id} ${count}`, 'strong');
    }),
  ];
}

function path(points, { x, y }) {
  return points.map(([time, count], i) => `${i > 0 ? 'L' : 'M'}${x(time)} ${y(count)}`).join('');
}

function line(x1, y1, x2, y2, kind) {
  return `<path class="${kind}" d="M${x1} ${y1}L${x2} ${y2}"/>`;
}

function text(x, y, content, kind = '', anchor = 'start') {
  const escaped = String(content).replace(/&/g, '&amp;').replace(/</g, '&lt;');
  return `<text class="${kind}" x="${x}" y="${y}" text-anchor="${anchor}">${escaped}</text>`;
}

function round(pixels) {
  return Math.round(pixels * 10) / 10;
}

module.exports = { drawChart };
