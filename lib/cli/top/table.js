'use strict';

/** @typedef {import('./looks.js').Server} Server */

/** The narrowest that the names are cut to. */
const NARROWEST = 8;

/** From here on slots are those of a server that drains: docs/protocol.md. */
const DRAIN_SLOT = 1_000_000_000;

/** The columns behind the name of a server, each with a space before it. */
const COLUMNS = [
  { title: 'slot', width: 5, cell: ({ slot }) => (slot === null ? '-' : shortCount(slot)) },
  { title: 'p50', width: 4, cell: ({ connectTime }) => timeOf(connectTime, 'p50') },
  { title: 'p99', width: 4, cell: ({ connectTime }) => timeOf(connectTime, 'p99') },
  { title: 'p50', width: 4, cell: ({ slotTime }) => timeOf(slotTime, 'p50') },
  { title: 'p99', width: 4, cell: ({ slotTime }) => timeOf(slotTime, 'p99') },
  { title: 'fail', width: 5, cell: ({ failed }) => shortCount(failed) },
];

/** What the times are of, above their columns. */
const GROUPS = '       connect   slot line';

/** Of the state: as long as most codes. */
const STATE_WIDTH = 12;

/** All that is not the name. */
const REST = COLUMNS.reduce((sum, { width }) => sum + 1 + width, 0) + 1 + STATE_WIDTH;

/** A count in five characters. */
function shortCount(count) {
  if (count < 1e5) return `${count}`;
  if (count < 1e7) return `${Math.floor(count / 1e3)}k`;
  return count < 1e10 ? `${Math.floor(count / 1e6)}M` : 'many';
}

/** A time in ms, in four characters: from `.123` to `9999`, and then in seconds. */
function timeOf(times, percentile) {
  if (times.count === 0) return '-';
  const ms = times[percentile];
  if (ms >= 9999.5) return `${Math.round(ms / 1000)}s`;
  if (ms >= 99.95) return ms.toFixed(0);
  if (ms >= 9.995) return ms.toFixed(1);
  return ms >= 0.9995 ? ms.toFixed(2) : ms.toFixed(3).slice(1);
}

/**
 * Returns the state of a server in one word: `up`, `draining`, the code of the error that took it down (`CLOSED`,
 * `PROTOCOL`, `ECONNREFUSED`), or `-` where nothing is known yet.
 *
 * @param {Server} server
 */
function stateOf({ isDown, slot, lastError }) {
  if (!isDown && slot !== null) return slot < DRAIN_SLOT ? 'up' : 'draining';
  return (lastError ?? '-').replace(/^ERR_(CALLOSUM_)?/, '');
}

/** Cut in the middle: hosts of a fleet begin alike, and the port is at the end. */
function cut(name, width) {
  if (name.length <= width) return name;
  const end = Math.ceil((width - 1) / 2);
  return `${name.slice(0, width - 1 - end)}…${name.slice(name.length - end)}`;
}

/**
 * Returns how wide the names of servers may be.
 *
 * @param {Server[]} servers
 * @param {number} columns of the whole line
 */
function nameWidth(servers, columns) {
  const longest = Math.max('server'.length, ...servers.map(({ id }) => id.length));
  return Math.max(NARROWEST, Math.min(longest, columns - REST));
}

/**
 * Returns the two lines above the servers.
 *
 * @param {number} width of the names
 */
function head(width) {
  const titles = COLUMNS.map(({ title, width }) => ` ${title.padStart(width)}`);
  return [`${'ms'.padEnd(width)}${GROUPS}`, `${'server'.padEnd(width)}${titles.join('')} state`];
}

/**
 * Returns the line of a server, without its state, which may be coloured.
 *
 * @param {Server} server
 * @param {number} width of the names
 */
function row(server, width) {
  const cells = COLUMNS.map((column) => ` ${column.cell(server).padStart(column.width)}`);
  return `${cut(server.id, width).padEnd(width)}${cells.join('')} `;
}

/**
 * Returns a line on all of them.
 *
 * @param {Server[]} servers
 */
function summary(servers) {
  const up = servers.filter((server) => stateOf(server) === 'up');
  const slots = up.map(({ slot }) => /** @type {number} */ (slot));
  const mean = slots.reduce((sum, slot) => sum + slot, 0) / slots.length;
  const load = up.length > 0 ? `, slots ${Math.min(...slots)} to ${Math.max(...slots)}, mean ${mean.toFixed(1)}` : '';
  return `${servers.length} server${servers.length === 1 ? '' : 's'}, ${up.length} up${load}`;
}

module.exports = { STATE_WIDTH, cut, head, nameWidth, row, stateOf, summary };
