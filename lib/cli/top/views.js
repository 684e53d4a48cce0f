'use strict';

const { head, nameWidth, row, stateOf, summary } = require('./table.js');

/** @typedef {import('./looks.js').Server} Server */

const GREEN = 32;
const YELLOW = 33;
const RED = 31;

/** The size of a terminal that does not know its own. */
const COLUMNS = 80;
const ROWS = 24;

/** The other screen of a terminal, as editors use it: what was there before comes back. And no cursor. */
const ENTER = '\x1b[?1049h\x1b[?25l';
const LEAVE = '\x1b[?25h\x1b[?1049l';
const HOME = '\x1b[H';
const CLEAR_LINE = '\x1b[K';
const CLEAR_BELOW = '\x1b[J';

/** A table on a terminal, drawn anew each time. At the end it stays there. */
class ScreenView {
  #output;
  #title;
  /** @type {Server[]} */
  #servers = [];
  #redraw = () => this.#draw();

  /**
   * @param {import('node:tty').WriteStream} output
   * @param {string} title
   */
  constructor(output, title) {
    this.#output = output;
    this.#title = title;
    output.write(ENTER);
    output.on('resize', this.#redraw);
  }

  /** @param {Server[]} servers */
  show(servers) {
    this.#servers = servers;
    this.#draw();
  }

  /** Leaves the last table where the command was typed. */
  end() {
    this.#output.off('resize', this.#redraw);
    const lines = this.#lines(Infinity).map((line) => `${line}\n`);
    this.#output.write(`${LEAVE}${lines.join('')}`);
  }

  #draw() {
    const lines = this.#lines((this.#output.rows || ROWS) - 1).map((line) => `${line}${CLEAR_LINE}`);
    // One write, and no clearing before it: both would flicker.
    this.#output.write(`${HOME}${lines.join('\n')}${CLEAR_BELOW}`);
  }

  /** @param {number} most lines that there is room for */
  #lines(most) {
    const servers = this.#servers;
    const columns = this.#output.columns || COLUMNS;
    const width = nameWidth(servers, columns);
    const above = [`${this.#title}: ${summary(servers)}`, '', ...head(width)];
    const room = Math.max(0, most - above.length);
    const shown = servers.length <= room ? servers : servers.slice(0, Math.max(0, room - 1));
    const rows = shown.map((server) => `${row(server, width)}${this.#coloured(stateOf(server))}`);
    const hidden = servers.length - shown.length;
    const more = hidden > 0 ? [`and ${hidden} more`] : [];
    return [...above.map((line) => line.slice(0, columns)), ...rows, ...more];
  }

  #coloured(state) {
    // hasColors knows NO_COLOR and its kin.
    if (!this.#output.hasColors() || state === '-') return state;
    const color = { up: GREEN, draining: YELLOW }[state] ?? RED;
    return `\x1b[${color}m${state}\x1b[0m`;
  }
}

/** A line for each server each time, for a pipe, a log or a simple terminal. Names are never cut. */
class LineView {
  #output;
  #width = 0;

  /** @param {import('node:stream').Writable} output */
  constructor(output) {
    this.#output = output;
  }

  /** @param {Server[]} servers */
  show(servers) {
    const time = new Date().toISOString().slice('YYYY-MM-DDT'.length, -'.000Z'.length);
    const width = nameWidth(servers, Infinity);
    // Again where the columns move.
    const heads = width === this.#width ? [] : head(width);
    this.#width = width;
    const lines = [
      ...heads.map((line, index) => `${(index === 0 ? '' : 'UTC').padEnd(time.length)} ${line}`),
      ...servers.map((server) => `${time} ${row(server, width)}${stateOf(server)}`),
    ];
    this.#output.write(lines.map((line) => `${line}\n`).join(''));
  }

  end() {}
}

/** A line of JSON each time. */
class JsonView {
  #output;

  /** @param {import('node:stream').Writable} output */
  constructor(output) {
    this.#output = output;
  }

  /** @param {Server[]} servers */
  show(servers) {
    this.#output.write(`${JSON.stringify({ time: new Date().toISOString(), servers })}\n`);
  }

  end() {}
}

module.exports = { JsonView, LineView, ScreenView };
