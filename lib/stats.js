'use strict';

const { OutcomeKind } = require('./native');
const { systemErrorCode } = require('./errors');

/** The codes of failures that are no system errors. */
const CODES = new Map([
  [OutcomeKind.Closed, 'ERR_CALLOSUM_CLOSED'],
  [OutcomeKind.Protocol, 'ERR_CALLOSUM_PROTOCOL'],
]);

/** What `stats` and `server_stats` of src/binding/rover.rs write, and behind it `TIMES` for each of the two times. */
const COUNTS = ['attempts', 'connections', 'rejected', 'unreachable', 'closed', 'errors'];
const TOTALS = [...COUNTS, 'abandoned', 'skipped', 'pending'];
const FIELDS = [...COUNTS, 'pending', 'failures', 'lastError', 'lastSlot', 'isDown'];
const TIMES = ['count', 'min', 'mean', 'max', 'p50', 'p90', 'p99'];

const numbers = new Float64Array(FIELDS.length + 2 * TIMES.length);

/**
 * Returns what became of the attempts of a rover.
 *
 * @param {import('./state').State} state
 * @param {boolean} isByServer
 * @returns {import('./types').Stats & { servers?: Map<string, import('./types').ServerStats> }}
 */
function statsOf({ native, table }, isByServer) {
  native.stats(numbers);
  const stats = named(TOTALS, 0);
  if (!isByServer) return stats;
  const servers = new Map();
  for (const entry of table.entries) {
    if (native.serverStats(entry.key, numbers)) servers.set(entry.id, serverStats(entry));
  }
  return { ...stats, servers };
}

/** @param {import('./servers/table').Entry} entry */
function serverStats(entry) {
  const stats = named(FIELDS, 0);
  stats.lastError = codeOf(stats.lastError, entry);
  if (stats.lastSlot < 0) stats.lastSlot = null;
  stats.isDown = stats.isDown === 1;
  stats.connectTime = named(TIMES, FIELDS.length);
  stats.slotTime = named(TIMES, FIELDS.length + TIMES.length);
  return stats;
}

/**
 * @param {string[]} names
 * @param {number} from Where the numbers of these begin.
 */
function named(names, from) {
  const object = /** @type {any} */ ({});
  for (let index = 0; index < names.length; index++) object[names[index]] = numbers[from + index];
  return object;
}

function codeOf(lastError, { lastCode }) {
  if (lastError === 0) return null;
  if (lastError < 0) return systemErrorCode(lastError);
  return CODES.get(lastError) ?? lastCode;
}

module.exports = { statsOf };
