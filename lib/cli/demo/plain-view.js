'use strict';

/** The running demo as plain lines, for a pipe, a log or a simple terminal. */

const { spread } = require('./criterion.js');
const { seconds } = require('./format.js');

/** ms between two lines of load. */
const LINE_INTERVAL = 500;

/** One line for each event, and one for the load now and then. */
class PlainView {
  #output;
  #nextLine = LINE_INTERVAL;

  /** @param {import('node:stream').Writable} output */
  constructor(output) {
    this.#output = output;
  }

  /** @param {{time: number, text: string}} event */
  showEvent({ time, text }) {
    this.#write(time, `* ${text}`);
    this.#nextLine = time;
  }

  /** @param {import('./monitor.js').Sample} sample */
  showSample({ time, counts }) {
    if (time < this.#nextLine) return;
    this.#nextLine = time + LINE_INTERVAL;
    const load = [...counts].map(([id, count]) => `${id} ${String(count).padStart(3)}`);
    const ratio = spread(counts).worstToMean.toFixed(2);
    this.#write(time, `${load.join('  ')}  worst/mean ${ratio}`);
  }

  #write(time, text) {
    this.#output.write(`${seconds(time).padStart(6)}  ${text}\n`);
  }
}

module.exports = { PlainView };
