'use strict';

/**
 * Draws the main result for the README: `node chart.js RESULTS.json > results.svg`, from what
 * `run.js --json` wrote.
 */

const fs = require('node:fs');

const { FIGURES } = require('./figures');

/** The panels, from left to right. */
const PANELS = [
  { figure: 'mainCpu', title: 'Main thread', note: 'what the event loop loses' },
  { figure: 'processCpu', title: 'Whole process', note: 'all threads, that of the rover included' },
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

const WIDTH = 960;
const PADDING = 28;
/** The first panel begins here; the names of the cases end before it. */
const LEFT = 168;
const PANEL = { width: 364, gap: 36, bars: 200 };
const TOP = 172;
const GROUP = 52;
const BAR = { package: { y: 0, height: 19 }, baseline: { y: 22, height: 12 } };
const FOOTER = 74;

/**
 * The picture.
 *
 * @param {object} report of `run.js --json`
 * @returns {string} SVG
 */
function draw({ node, machine, cases }) {
  const panels = PANELS.map((panel) => ({ ...panel, ...ofPanel(panel.figure, cases) }));
  const names = Object.keys(LABELS).filter((name) => panels.some(({ byName }) => byName.has(name)));
  const bottom = TOP + names.length * GROUP;
  const height = bottom + FOOTER;
  const lines = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img">`,
    `<title>CPU time per rove: ${panels.map((panel) => describe(panel, names)).join('; ')}</title>`,
    STYLE,
    `<rect class="card" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="10"/>`,
    text(PADDING, 42, 'What a rove costs', 'title'),
    text(PADDING, 65, 'CPU time per rove, in µs: less is better', 'quiet'),
    ...drawLegend(),
    ...names.flatMap((name, index) => drawLabel(TOP + index * GROUP, LABELS[name])),
    ...panels.flatMap((panel, index) => drawPanel(panel, names, LEFT + index * (PANEL.width + PANEL.gap), bottom)),
    ...drawNote(height - 44),
    text(PADDING, height - 20, `Node ${node} · ${machine.cpu}, ${machine.cores} cores · ${machine.os}`, 'small'),
    '</svg>',
  ];
  return `${lines.join('\n')}\n`;
}

/** What a panel shows of a report. */
function ofPanel(figure, cases) {
  const byName = new Map(cases.map((one) => [one.name, one.figures[figure]]).filter(([, one]) => one?.ratio !== undefined));
  const largest = Math.max(...Object.keys(LABELS).map((name) => byName.get(name)?.contestants.baseline.median ?? 0));
  const reference = cases.find(({ name }) => name === REFERENCE)?.figures[figure].contestants.reference.median;
  return { byName, reference, scale: (value) => (value / largest) * PANEL.bars };
}

function drawPanel({ byName, figure, note, reference, scale, title }, names, left, bottom) {
  const { format } = FIGURES[figure];
  const drawGroup = (name, index) => (byName.has(name) ? drawBars(left, TOP + index * GROUP, byName.get(name), scale, format) : '');
  return [
    text(left, TOP - 62, title, 'heading'),
    text(left, TOP - 44, note, 'small'),
    ...(reference === undefined ? [] : drawReference(left + scale(reference), bottom, format(reference))),
    ...names.map(drawGroup),
    `<path class="axis" d="M${left} ${TOP - 6}V${bottom - 12}"/>`,
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
  .ratio { font-size: 18px; font-weight: 700; fill: #b7410e }
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
  const right = WIDTH - PADDING - 136;
  return [
    `<rect class="package" x="${right}" y="28" width="12" height="12" rx="2"/>`,
    text(right + 20, 39, 'this package'),
    `<rect class="baseline" x="${right}" y="50" width="12" height="12" rx="2"/>`,
    text(right + 20, 61, 'plain net.connect'),
  ];
}

/** What the line is. */
function drawNote(y) {
  return [
    `<path class="reference" d="M${PADDING + 4} ${y - 14}v20"/>`,
    text(PADDING + 16, y, 'Dashed, for scale: what a net.Server of Node takes to accept a connection and to reset it. No rover takes part in that.'),
  ];
}

function drawReference(x, bottom, value) {
  return [
    `<path class="reference" d="M${x.toFixed(1)} ${TOP - 12}V${bottom - 12}"/>`,
    text(x, TOP - 18, `accept + reset: ${value}`, 'small', 'middle'),
  ];
}

function drawLabel(y, [label, detail]) {
  return [text(LEFT - 14, y + 14, label, '', 'end'), text(LEFT - 14, y + 31, detail, 'small', 'end')];
}

function drawBars(left, y, { contestants, ratio }, scale, format) {
  const bars = Object.entries(BAR).flatMap(([contestant, bar]) => {
    const { median } = contestants[contestant];
    // What costs next to nothing shall still be seen.
    const width = Math.max(1.5, scale(median));
    const isOurs = contestant === 'package';
    const baseline = y + bar.y + bar.height / 2 + 4.5;
    return [
      `<rect class="${contestant}" x="${left}" y="${y + bar.y}" width="${width.toFixed(1)}" height="${bar.height}" rx="2"/>`,
      text(left + width + 6, baseline, format(median), isOurs ? 'value' : 'small'),
    ];
  });
  return [...bars, text(left + PANEL.width, y + 23, `${times(ratio)}× less`, 'ratio', 'end')].join('\n');
}

function text(x, y, content, style = '', anchor = 'start') {
  const attributes = [style && ` class="${style}"`, anchor === 'start' ? '' : ` text-anchor="${anchor}"`];
  const escaped = content.replace(/&/g, '&amp;').replace(/</g, '&lt;');
  return `<text x="${Number(x.toFixed(1))}" y="${y}"${attributes.join('')}>${escaped}</text>`;
}

function times(ratio) {
  return Number(ratio.toPrecision(2)).toLocaleString('en-US');
}

function describe({ byName, title }, names) {
  const ratios = names.filter((name) => byName.has(name)).map((name) => {
    return `${LABELS[name].join(' ')} ${times(byName.get(name).ratio)} times less`;
  });
  return `${title}: ${ratios.join(', ')}`;
}

if (require.main === module) {
  const [file] = process.argv.slice(2);
  process.stdout.write(draw(JSON.parse(fs.readFileSync(file, 'utf8'))));
}

module.exports = { draw };
