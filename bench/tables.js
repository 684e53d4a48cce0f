'use strict';

// Writes the figures of bench/results.json into the tables of README.md and bench/README.md, and draws the chart:
//
//     npm run bench -- --json bench/results.json && node bench/tables.js

const fs = require('node:fs');
const path = require('node:path');

const { draw } = require('./chart');
const { FIGURES, round } = require('./figures');

const ROOT = path.join(__dirname, '..');
const RESULTS = path.join(__dirname, 'results.json');

/** `3.6 ×`: how many times better. */
const times = (ratio) => `${round(Number(ratio.toPrecision(2)))} ×`;

/** `1.2 × less`, or the other way round. */
function compared(ratio, [better, worse]) {
  return ratio >= 1 ? `${times(ratio)} ${better}` : `${times(1 / ratio)} ${worse}`;
}

/** The cells behind the label of a row, from the figures of its case. */
const costs = (...names) => (figures) =>
  names.map((name) => {
    const { contestants, ratio } = figures[name];
    return `${FIGURES[name].format(contestants.package.median)}, ${times(ratio)}`;
  });
const comparison = (name, words, format = FIGURES[name].format) => (figures) => {
  const { contestants, ratio } = figures[name];
  return [format(contestants.package.median), format(contestants.baseline.median), compared(ratio, words)];
};

const LESS = ['less', 'more'];
const kilobytes = (bytes) => `${round(bytes / 1000)} kB`;

/** By page and by label of the row: the case of the benchmark, and what its cells are. */
const ROWS = {
  'README.md': {
    'kept, by IP': ['kept-ip', costs('mainCpu', 'processCpu', 'rate')],
    'kept, by `localhost`': ['kept-localhost', costs('mainCpu', 'processCpu', 'rate')],
    'refused, by IP': ['refused-ip', costs('mainCpu', 'processCpu', 'rate')],
    'refused, by `localhost`': ['refused-localhost', costs('mainCpu', 'processCpu', 'rate')],
    'rejected by a full pool (`MAX_SLOT`)': ['rejected', (figures) => [...costs('mainCpu', 'processCpu')(figures), '']],
    'refused, 100,000 servers in the table': ['servers-100000', (figures) => [...costs('mainCpu')(figures), '', '']],
  },
  'bench/README.md': {
    'refused, started at 1 ms: main-thread CPU': ['started-refused', comparison('mainCpu', LESS)],
    'refused, 10 servers in the table: main-thread CPU': ['servers-10', comparison('mainCpu', LESS)],
    'memory of an attempt pending on a silent server': ['pending', comparison('memory', LESS)],
    'latency of a single rove, p50, by IP': ['latency-ip', comparison('latency', ['shorter', 'longer'])],
    'latency of a single rove, p50, by `localhost`': ['latency-localhost', comparison('latency', ['shorter', 'longer'])],
    'main thread blocked for 100 ms, then until `connection`': ['blocked', comparison('delay', ['sooner', 'later'])],
    '1,000 rovers at 500 ms, process CPU of a rove': ['rovers-1000', comparison('processCpu', LESS)],
    'memory of a rover': ['rovers-1000', comparison('memory', LESS, kilobytes)],
    '`require`': [
      'require',
      (figures) => {
        const [ours, ...others] = comparison('loading', ['sooner', 'later'])(figures);
        return [`${ours}, no thread, a binary of ${kilobytes(figures.binary.contestants.package.median)}`, ...others];
      },
    ],
    '`require`, a rover, and its first attempt': ['startup', comparison('loading', ['sooner', 'later'])],
    'HTTP requests by `RoverAgent`, against a plain `http.Agent`: p99': ['http', comparison('latency99', ['shorter', 'longer'])],
    'the same: requests per second': ['http', comparison('requestRate', ['more', 'less'])],
  },
};

const report = JSON.parse(fs.readFileSync(RESULTS, 'utf8'));
const figuresOf = (name) => report.cases.find((one) => one.name === name).figures;

for (const [page, rows] of Object.entries(ROWS)) {
  const file = path.join(ROOT, page);
  let text = fs.readFileSync(file, 'utf8');
  for (const [label, [name, cells]] of Object.entries(rows)) {
    const start = text.indexOf(`\n| ${label} |`) + 1;
    if (start === 0) throw new Error(`${page} has no row: ${label}`);
    const end = text.indexOf('\n', start);
    text = `${text.slice(0, start)}| ${[label, ...cells(figuresOf(name))].join(' | ')} |${text.slice(end)}`;
  }
  fs.writeFileSync(file, text);
}
fs.writeFileSync(path.join(__dirname, 'results.svg'), draw(report));
