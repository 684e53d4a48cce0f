'use strict';

/** The main results as a picture: a bar for each way in three panels. Hand-written SVG, for light and dark. */

const WIDTH = 1000;
const LABELS = 24;
const PANEL = { left: 244, width: 228, gap: 22 };
const TOP = 132;
const ROW = 34;
const BAR = 16;
/** The longest bar: what is left is for its value. */
const LONGEST = PANEL.width - 60;

/** A bar of more than so many medians may be cut short. One outlier would make all others alike. */
const CUT = 3;

/** Ours are drawn in colour. */
const OURS = /^rover-/;

const whole = (value) => Math.round(value).toLocaleString('en-US');

const PANELS = [
  { title: 'p50 of a request, µs', note: 'at 1,000 a second', read: ({ rest }) => rest.p50, format: whole, mayBeCut: true },
  {
    title: 'CPU of all processes, µs',
    note: 'a request, as fast as it goes',
    read: ({ flood }) => flood.cpu,
    format: whole,
    mayBeCut: true,
  },
  {
    title: 'fullest server, above the mean',
    note: 'connections, 5 s after one restarted',
    read: (windows) => {
      const { worstConnections } = windows['restart-5'];
      return worstConnections === null ? null : worstConnections - 1;
    },
    format: (value) => (whole(value * 100) === '0' ? 'even' : `+${whole(value * 100)} %`),
  },
];

const STYLE = `
  .card { fill: #ffffff; stroke: #d8dee4 }
  text { font: 13px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #1f2328 }
  .title { font-size: 18px; font-weight: 600 }
  .strong { font-weight: 600 }
  .quiet { fill: #59636e; font-size: 12px }
  .ours { fill: #d4521a }
  .other { fill: #aab4be }
  .axis { stroke: #8c959f }
  .cut { stroke: #ffffff; stroke-width: 3; fill: none }
  @media (prefers-color-scheme: dark) {
    .card { fill: #151b23; stroke: #3d444d }
    text { fill: #f0f6fc }
    .quiet { fill: #9198a1 }
    .ours { fill: #f26a2e }
    .other { fill: #59636e }
    .axis { stroke: #656c76 }
    .cut { stroke: #151b23 }
  }
`;

/**
 * @param {{ machine: object, ways: Record<string, { title: string, windows: object }> }} results
 * @returns {string} an SVG document
 */
function draw({ machine, ways }) {
  const rows = Object.entries(ways);
  const bottom = TOP + rows.length * ROW;
  const height = bottom + 48;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">`,
    '<title>Ways to reach six servers: latency, CPU, evenness</title>',
    `<style>${STYLE}</style>`,
    `<rect class="card" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="8"/>`,
    text(LABELS, 38, 'Ways to reach six servers', 'title'),
    text(LABELS, 60, '6 Node.js HTTP servers, 4 clients: less is better in all three. A bar with a gap is cut short.', 'quiet'),
    ...rows.map(([name, { title }], index) => text(LABELS, TOP + index * ROW + 13, title, OURS.test(name) ? 'strong' : '')),
    ...PANELS.flatMap((panel, index) => drawPanel(panel, PANEL.left + index * (PANEL.width + PANEL.gap), rows, bottom)),
    text(LABELS, height - 18, `Node ${machine.node} · ${machine.cpu}, ${machine.cores} cores · ${machine.os}`, 'quiet'),
    '</svg>',
    '',
  ].join('\n');
}

function drawPanel({ title, note, read, format, mayBeCut = false }, left, rows, bottom) {
  const values = rows.map(([, { windows }]) => read(windows));
  const known = values.filter((value) => value !== null).sort((one, other) => one - other);
  const limit = mayBeCut ? CUT * known[Math.floor(known.length / 2)] : Infinity;
  const most = Math.max(...known.filter((value) => value <= limit)) || 1;
  const bars = rows.flatMap(([name], index) => {
    const value = values[index];
    const y = TOP + index * ROW;
    if (value === null) return [text(left + 6, y + 13, 'one to each', 'quiet')];
    // An even fleet has a bar as well, if a short one.
    const width = Math.round(Math.max(1.5, Math.min(1, value / most) * LONGEST) * 10) / 10;
    const kind = OURS.test(name) ? 'ours' : 'other';
    return [
      `<rect class="${kind}" x="${left}" y="${y}" width="${width}" height="${BAR}" rx="2"/>`,
      ...(value > most ? [`<path class="cut" d="M${left + width - 22} ${y + BAR + 2}l8 -20m6 0l-8 20"/>`] : []),
      text(left + width + 6, y + 13, format(value), kind === 'ours' ? 'strong' : ''),
    ];
  });
  return [
    text(left, TOP - 34, title, 'strong'),
    text(left, TOP - 17, note, 'quiet'),
    ...bars,
    `<path class="axis" d="M${left} ${TOP - 8}V${bottom - 8}"/>`,
  ];
}

function text(x, y, content, kind = '') {
  return `<text class="${kind}" x="${x}" y="${y}">${content}</text>`;
}

module.exports = { draw };
