'use strict';

/**
 * @typedef {object} Figure
 * @property {string} title
 * @property {boolean} [moreIsBetter]
 * @property {(value: number) => string} format
 */

const microseconds = (value) => `${round(value)} µs`;
const milliseconds = (value) => `${round(value / 1000)} ms`;

/**
 * What is measured. Times are in µs, memory is in bytes.
 *
 * @type {Record<string, Figure>}
 */
const FIGURES = {
  mainCpu: { title: 'main-thread CPU', format: microseconds },
  loopBusy: { title: 'event loop busy', format: microseconds },
  processCpu: { title: 'process CPU', format: microseconds },
  rate: { title: 'roves per second', format: round, moreIsBetter: true },
  requestRate: { title: 'requests per second', format: round, moreIsBetter: true },
  memory: { title: 'memory each', format: (value) => `${round(value)} B` },
  latency: { title: 'latency, p50', format: microseconds },
  latency99: { title: 'latency, p99', format: microseconds },
  delay: { title: 'unblocked to connection', format: microseconds },
  loading: { title: 'time', format: milliseconds },
  threads: { title: 'threads begun', format: round },
  binary: { title: 'size of the binary', format: (value) => `${round(value / 1000)} kB` },
};

/** A number as it is read best: three digits that count. */
function round(value) {
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en-US');
  return String(Number(value.toPrecision(3)));
}

/** How many times better, as a text. */
function formatRatio(ratio) {
  return `${Math.abs(ratio) >= 100 ? round(Number(ratio.toPrecision(2))) : ratio.toFixed(ratio < 10 ? 2 : 1)} ×`;
}

module.exports = { FIGURES, formatRatio, round };
