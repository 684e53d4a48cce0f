'use strict';

/** The running demo on a terminal: a bar for each server, redrawn in place below the events. */

const { isNearMean, spread } = require('./criterion.js');
const { seconds, whole } = require('./format.js');

const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
const WIDEST = 100;
const BOLD = 1;
const DIM = 2;
const REVERSE = 7;
const GREEN = 32;
const YELLOW = 33;

/** Keeps servers that have stopped in view, so that the bars never change places. */
class BarView {
  #output;
  #ids = new Set();
  #fullest = 1;
  #frame = [];
  #drawn = 0;

  /** @param {import('node:tty').WriteStream} output */
  constructor(output) {
    this.#output = output;
  }

  /**
   * @param {import('node:tty').WriteStream} output
   * @returns {boolean} whether bars can be drawn there
   */
  static fits(output) {
    return Boolean(output.isTTY) && process.env.TERM !== 'dumb' && output.columns >= 60 && output.rows >= 14;
  }

  /** @param {{time: number, text: string}} event */
  showEvent({ time, text }) {
    this.#redraw([`${seconds(time).padStart(6)}  ${this.#style(text, BOLD)}`]);
  }

  /** @param {import('./monitor.js').Sample} sample */
  showSample(sample) {
    for (const id of sample.counts.keys()) this.#ids.add(id);
    this.#fullest = Math.max(this.#fullest, ...sample.counts.values());
    this.#frame = this.#lines(sample);
    this.#redraw([]);
  }

  #lines({ time, counts, fullPools, clients, roves }) {
    const { mean, worstToMean } = spread(counts);
    const bars = [...this.#ids].map((id) => (counts.has(id)
      ? `     ${id}  ${this.#bar(counts.get(id), mean)} ${String(counts.get(id)).padStart(4)}`
      : `     ${id}  ${this.#style('stopped', DIM)}`));
    return [
      '',
      ...bars,
      '',
      `${seconds(time).padStart(6)}  worst/mean ${worstToMean.toFixed(2)}   mean ${mean.toFixed(0)} ┊   `
        + `full pools ${fullPools}/${clients}`,
      `        ${this.#style(`attempts ${whole(roves.attempts)}   rejected ${whole(roves.rejected)}   `
        + `unreachable ${whole(roves.unreachable)}`, DIM)}`,
    ];
  }

  #bar(count, mean) {
    const width = Math.min(this.#output.columns, WIDEST) - 14;
    const cells = (count / this.#fullest) * width;
    const bar = '█'.repeat(cells) + EIGHTHS[Math.floor((cells % 1) * 8)];
    const color = isNearMean(count, mean) ? GREEN : YELLOW;
    const mark = Math.min(Math.floor((mean / this.#fullest) * width), width - 1);
    if (mark < Math.floor(cells)) {
      return this.#style(bar.slice(0, mark), color) + this.#style('┊', color, REVERSE)
        + this.#style(bar.slice(mark + 1), color) + ' '.repeat(width - bar.length);
    }
    const gap = bar.length > mark ? '' : `${' '.repeat(mark - bar.length)}┊`;
    return this.#style(bar, color) + gap + ' '.repeat(width - bar.length - gap.length);
  }

  #style(text, ...codes) {
    // hasColors knows NO_COLOR and its kin.
    return this.#output.hasColors() ? `\x1b[${codes.join(';')}m${text}\x1b[0m` : text;
  }

  /** One write for a whole frame, or the terminal shows halves of it. */
  #redraw(above) {
    const back = this.#drawn > 0 ? `\x1b[${this.#drawn}A\r` : '';
    // Line by line: clearing the block at once flickers, and leaves copies in tmux's scrollback.
    const lines = [...above, ...this.#frame].map((line) => `${line}\x1b[K\n`);
    this.#output.write(`${back}${lines.join('')}\x1b[J`);
    this.#drawn = this.#frame.length;
  }
}

module.exports = { BarView };
