'use strict';

/**
 * Draws the main result for the README: `node chart.js RESULTS.json > results.svg`, from what
 * `run.js --json` wrote.
 */

const fs = require('node:fs');

const { FIGURES } = require('./figures');

/** The panels, from top to bottom. */
const PANELS = [
  { figure: 'mainCpu', title: 'of the main thread, in µs' },
  { figure: 'processCpu', title: 'of the whole process, all its threads, in µs' },
];

/** Which cases are drawn, and under which name. */
const LABELS = {
  'kept-ip': ['connection kept', 'by IP'],
  'kept-localhost': ['connection kept', 'by localhost'],
  'refused-ip': ['refused', 'by IP'],
  'refused-localhost': ['refused', 'by localhost'],
  rejected: ['rejected', 'by a full pool'],
};
const REFERENCE = 'accept-reset';

const WIDTH = 760;
const PADDING = 28;
const PLOT = { left: 172, right: WIDTH - 218, top: 88 };
const HEADING = 52;
const GROUP = 52;
const BAR = { package: { y: 0, height: 19 }, baseline: { y: 22, height: 12 } };
const FOOTER = 62;

/**
 * The picture.
 *
 * @param {object} report of `run.js --json`
 * @returns {string} SVG
 */
function draw({ node, machine, cases }) {
  const panels = PANELS.map((panel) => ({ ...panel, ...ofPanel(panel.figure, cases) }));
  let bottom = PLOT.top;
  const drawn = panels.flatMap((panel) => {
    const top = bottom + HEADING;
    bottom = top + panel.groups.length * GROUP;
    return drawPanel(panel, top, bottom);
  });
  const height = bottom + FOOTER;
  const lines = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img">`,
    `<title>CPU time per rove: ${panels.map(describe).join('; ')}</title>`,
    STYLE,
    `<rect class="card" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="10"/>`,
    text(PADDING, 42, 'What a rove costs', 'title'),
    text(PADDING, 65, 'CPU time per rove: less is better', 'quiet'),
    ...drawLegend(),
    ...drawn,
    text(PADDING, height - 38, 'Dashed: what Node itself takes to accept a connection and to reset it. No rover that hands a', 'small'),
    text(PADDING, height - 22, `net.Socket over can cost much less. Node ${node} · ${machine.cpu}, ${machine.cores} cores · ${machine.os}`, 'small'),
    '</svg>',
  ];
  return `${lines.join('\n')}\n`;
}

/** What a panel shows of a report. */
function ofPanel(figure, cases) {
  const byName = new Map(cases.map((one) => [one.name, one.figures[figure]]));
  const groups = Object.keys(LABELS).filter((name) => byName.get(name)?.ratio !== undefined);
  const largest = Math.max(...groups.map((name) => byName.get(name).contestants.baseline.median));
  const scale = (value) => (value / largest) * (PLOT.right - PLOT.left);
  return { byName, groups, scale, reference: byName.get(REFERENCE)?.contestants.reference.median };
}

function drawPanel({ byName, figure, groups, reference, scale, title }, top, bottom) {
  const { format } = FIGURES[figure];
  return [
    text(PLOT.left, top - 24, title, 'heading'),
    ...(reference === undefined ? [] : drawReference(PLOT.left + scale(reference), top, bottom, format(reference))),
    ...groups.map((name, index) => drawGroup(top + index * GROUP, LABELS[name], byName.get(name), scale, format)),
    `<path class="axis" d="M${PLOT.left} ${top - 6}V${bottom - 12}"/>`,
  ];
}

// A card of its own, for a picture can't know which colour the page around it has.
const STYLE = `<style>
  .card { fill: #ffffff; stroke: #d8dee4 }
  text { fill: #1f2328; stroke: #ffffff; stroke-width: 4px; stroke-linejoin: round; paint-order: stroke; font: 13px system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif }
  .title { font-size: 20px; font-weight: 600 }
  .quiet { fill: #59636e }
  .heading { font-weight: 600 }
  .small { fill: #59636e; font-size: 11.5px }
  .ratio { font-size: 20px; font-weight: 700; fill: #b7410e }
  .package { fill: #d4521a }
  .baseline { fill: #aab4be }
  .value { font-weight: 600 }
  .axis { stroke: #8c959f; fill: none }
  .reference { stroke: #59636e; stroke-dasharray: 3 4; fill: none }
  @media (prefers-color-scheme: dark) {
    .card { fill: #151b23; stroke: #3d444d }
    text { fill: #f0f6fc; stroke: #151b23 }
    .quiet, .small { fill: #9198a1 }
    .ratio { fill: #ff8f5a }
    .package { fill: #f26a2e }
    .baseline { fill: #59636e }
    .axis { stroke: #656c76 }
    .reference { stroke: #9198a1 }
  }
</style>`;

function drawLegend() {
  const right = WIDTH - PADDING;
  return [
    `<rect class="package" x="${right - 136}" y="28" width="12" height="12" rx="2"/>`,
    text(right - 118, 39, 'this package'),
    `<rect class="baseline" x="${right - 136}" y="50" width="12" height="12" rx="2"/>`,
    text(right - 118, 61, 'plain net.connect'),
  ];
}

function drawReference(x, top, bottom, value) {
  return [
    `<path class="reference" d="M${x.toFixed(1)} ${top - 6}V${bottom - 12}"/>`,
    text(x, top - 10, value, 'small', 'middle'),
  ];
}

function drawGroup(y, [label, detail], { contestants, ratio }, scale, format) {
  const bars = Object.entries(BAR).flatMap(([contestant, bar]) => {
    const { median } = contestants[contestant];
    // What costs next to nothing shall still be seen.
    const width = Math.max(1.5, scale(median));
    const isOurs = contestant === 'package';
    const baseline = y + bar.y + bar.height / 2 + 4.5;
    return [
      `<rect class="${contestant}" x="${PLOT.left}" y="${y + bar.y}" width="${width.toFixed(1)}" height="${bar.height}" rx="2"/>`,
      text(PLOT.left + width + 6, baseline, format(median), isOurs ? 'value' : 'small'),
    ];
  });
  return [
    text(PLOT.left - 14, y + 14, label, '', 'end'),
    text(PLOT.left - 14, y + 31, detail, 'small', 'end'),
    ...bars,
    text(WIDTH - PADDING, y + 25, `${times(ratio)}× less`, 'ratio', 'end'),
  ].join('\n');
}

function text(x, y, content, style = '', anchor = 'start') {
  const attributes = [style && ` class="${style}"`, anchor === 'start' ? '' : ` text-anchor="${anchor}"`];
  const escaped = content.replace(/&/g, '&amp;').replace(/</g, '&lt;');
  return `<text x="${Number(x.toFixed(1))}" y="${y}"${attributes.join('')}>${escaped}</text>`;
}

function times(ratio) {
  return Number(ratio.toPrecision(2)).toLocaleString('en-US');
}

function describe({ byName, groups, title }) {
  const ratios = groups.map((name) => `${LABELS[name].join(' ')} ${times(byName.get(name).ratio)} times less`);
  return `${title}: ${ratios.join(', ')}`;
}

if (require.main === module) {
  const [file] = process.argv.slice(2);
  process.stdout.write(draw(JSON.parse(fs.readFileSync(file, 'utf8'))));
}

module.exports = { draw };
