'use strict';

/** Draws a run: how even it is over time, and what the rovers find. Hand-written SVG, for light and dark. */

const { STYLE } = require('../../lib/cli/demo/chart-style.js');
const { TOLERANCE } = require('./figures.js');

const WIDTH = 1000;
const HEIGHT = 620;
const LEFT = 58;
const RIGHT = 982;
const LOADS = { top: 158, bottom: 398 };
const ROVES = { top: 458, bottom: 568 };

/** Lines of more servers than that are no more than a blur. */
const MAX_LINES = 60;

/** ms over which roves are summed up. */
const BIN = 500;

const ROVE_KINDS = [
  { key: 'rejected', title: 'rejected', color: 's0' },
  { key: 'kept', title: 'useful', color: 's2' },
  { key: 'unreachable', title: 'unreachable', color: 's3' },
];

const OWN_STYLE = `
  .server { fill: none; stroke: #818b98; stroke-opacity: 0.35; stroke-width: 1 }
  .small { font-size: 11px }
  .over { stroke: #ffffff; stroke-width: 5px; stroke-linejoin: round; paint-order: stroke }
  @media (prefers-color-scheme: dark) {
    .over { stroke: #0d1117 }
  }
`;

/**
 * @param {object} run
 * @param {string} run.subtitle
 * @param {import('./in-memory.js').Sample[]} run.samples
 * @param {import('./timeline.js').Phase[]} run.phases
 * @param {ReturnType<import('./figures.js').figuresOf>} run.figures
 * @returns {string} an SVG document
 */
function draw({ subtitle, samples, phases, figures }) {
  const end = phases.at(-1).end;
  const x = (time) => round(LEFT + (time / end) * (RIGHT - LEFT));
  const top = Math.min(3, Math.max(1.5, Math.ceil(Math.max(...figures.phases.map(({ peak }) => peak)) * 4) / 4));
  const load = scale(LOADS, top);
  const rates = ratesOf(samples);
  const most = Math.max(1, ...rates.flatMap((rate) => ROVE_KINDS.map(({ key }) => rate[key])));
  const rove = scale(ROVES, most);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img">`,
    '<title>Load of the servers, and roves, over time</title>',
    `<style>${STYLE}${OWN_STYLE}</style>`,
    `<rect class="ground" x="0.5" y="0.5" width="${WIDTH - 1}" height="${HEIGHT - 1}" rx="8"/>`,
    text(24, 34, 'How a fleet stays even', 'title'),
    text(24, 54, subtitle, 'soft'),
    ...loadLegend(),
    `<rect class="fair" x="${LEFT}" y="${load(1 + TOLERANCE)}" width="${RIGHT - LEFT}" `
      + `height="${round(load(1 - TOLERANCE) - load(1 + TOLERANCE))}"/>`,
    ...phaseMarks(phases, figures, x),
    ...axis(LOADS, ticks(top, 0.5), load, (value) => value.toFixed(1)),
    ...serverLines(figures, x, load),
    `<path class="line s0" d="${steps(figures.loads.map(({ time, best }) => [x(time), load(best)]))}"/>`,
    `<path class="line s1" d="${steps(figures.loads.map(({ time, worst }) => [x(time), load(Math.min(worst, top))]))}"/>`,
    ...axis(ROVES, ticks(most, niceStep(most)), rove, (value) => value.toLocaleString('en-US')),
    ...roveLegend(),
    ...ROVE_KINDS.map(({ key, color }) => path(rates.map((rate) => [x(rate.time), rove(rate[key])]), `line ${color}`)),
    ...seconds(end, x),
    '</svg>',
    '',
  ].join('\n');
}

function scale({ top, bottom }, most) {
  return (value) => round(bottom - (value / most) * (bottom - top));
}

function ratesOf(samples) {
  const rates = [];
  let first = null;
  for (const sample of samples) {
    const since = sample.time - (first?.time ?? 0);
    if (since < BIN) continue;
    const rate = { time: sample.time - since / 2 };
    for (const { key } of ROVE_KINDS) rate[key] = ((sample[key] - (first?.[key] ?? 0)) * 1000) / since;
    rates.push(rate);
    first = sample;
  }
  return rates;
}

function loadLegend() {
  return [
    line(24, 78, 44, 78, 'line s1') + text(50, 82, 'fullest server'),
    line(150, 78, 170, 78, 'line s0') + text(176, 82, 'emptiest'),
    `<rect class="fair" x="246" y="72" width="20" height="12"/>${text(272, 82, 'within 10 % of even')}`,
    `<rect class="levelling" x="402" y="72" width="20" height="12"/>${text(428, 82, 'until the fleet is even, and how long that takes')}`,
    text(RIGHT, 82, 'connections of each server, to the mean', 'soft small', 'end'),
  ];
}

/** It lies over the marks of the phases. */
function roveLegend() {
  const y = ROVES.top - 20;
  const roves = ROVE_KINDS.map(({ title, color }, index) => {
    const x = LEFT + 136 + index * 110;
    return line(x, y - 4, x + 20, y - 4, `line ${color}`) + text(x + 26, y, title, 'small over');
  });
  return [text(LEFT + 6, y, 'roves a second', 'soft small over'), ...roves];
}

function phaseMarks(phases, figures, x) {
  return phases.flatMap(({ title, start, changed, end }, index) => {
    const { evenIn } = figures.phases[index];
    const even = evenIn === null ? end : changed + evenIn;
    const when = evenIn === null ? 'not yet' : `${(evenIn / 1000).toFixed(1)} s`;
    return [
      `<rect class="levelling" x="${x(start)}" y="${LOADS.top}" width="${round(x(even) - x(start))}" `
        + `height="${LOADS.bottom - LOADS.top}"/>`,
      line(x(start), LOADS.top - 52, x(start), ROVES.bottom, 'mark'),
      ...title.map((part, row) => text(x(start) + 4, LOADS.top - 42 + row * 14, part, 'strong small')),
      text(x(start) + 4, LOADS.top - 10, when, 'soft small'),
    ];
  });
}

function serverLines({ loads }, x, y) {
  const count = loads.at(-1).servers.length;
  if (count > MAX_LINES) return [];
  const highest = (LOADS.bottom - LOADS.top) / (LOADS.bottom - y(1));
  return Array.from({ length: count }, (_, id) => {
    const points = loads.map(({ time, servers }) => {
      const value = servers[id] ?? null;
      return [x(time), value === null ? null : y(Math.min(value, highest))];
    });
    return `<path class="server" d="${steps(points)}"/>`;
  });
}

/** Loads change in steps; what does not change takes no room. A y of null is a gap. */
function steps(points) {
  let last = null;
  let lastX = 0;
  let commands = '';
  for (const [x, y] of points) {
    if (y !== last) {
      if (last !== null) commands += `H${y === null ? lastX : x}`;
      if (y !== null) commands += last === null ? `M${x} ${y}` : `V${y}`;
    }
    [lastX, last] = [x, y];
  }
  return last === null ? commands : `${commands}H${lastX}`;
}

function axis({ bottom }, values, y, format) {
  return values.flatMap((value) => [
    line(LEFT, y(value), RIGHT, y(value), y(value) === bottom ? 'axis' : 'grid'),
    text(LEFT - 8, y(value) + 4, format(value), 'soft small', 'end'),
  ]);
}

function seconds(end, x) {
  const step = Math.max(1, Math.ceil(end / 1000 / 15 / 5) * 5);
  const times = ticks(end / 1000, step);
  return [
    ...times.map((time) => text(x(time * 1000), ROVES.bottom + 18, time, 'soft small', 'middle')),
    text((LEFT + RIGHT) / 2, ROVES.bottom + 38, 'time (s)', 'soft small', 'middle'),
  ];
}

function ticks(most, step) {
  return Array.from({ length: Math.floor(most / step + 1e-9) + 1 }, (_, index) => index * step);
}

function niceStep(most) {
  const magnitude = 10 ** Math.floor(Math.log10(most / 2));
  return [1, 2, 5, 10].map((factor) => factor * magnitude).find((step) => most / step <= 4);
}

function path(points, kind) {
  return `<path class="${kind}" d="${points.map(([x, y], index) => `${index > 0 ? 'L' : 'M'}${x} ${y}`).join('')}"/>`;
}

function line(x1, y1, x2, y2, kind) {
  return `<path class="${kind}" d="M${x1} ${y1}L${x2} ${y2}"/>`;
}

function text(x, y, content, kind = '', anchor = 'start') {
  return `<text class="${kind}" x="${x}" y="${y}" text-anchor="${anchor}">${content}</text>`;
}

function round(pixels) {
  return Math.round(pixels * 10) / 10;
}

module.exports = { draw };
