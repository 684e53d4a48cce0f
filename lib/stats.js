'use strict';

const { OutcomeKind } = require('./native');
const { systemErrorCode } = require('./errors');

/** The codes of failures that are no system errors. */
const CODES = new Map([
  [OutcomeKind.Closed, 'ERR_CALLOSUM_CLOSED'],
  [OutcomeKind.Protocol, 'ERR_CALLOSUM_PROTOCOL'],
]);

/**
 * Returns what became of the attempts of a rover. What comes from Rust has the prototypes of the main realm, so it is
 * copied into objects of this one.
 *
 * @param {import('./state').State} state
 * @param {boolean} isByServer
 * @returns {import('./types').Stats & { servers?: Map<string, import('./types').ServerStats> }}
 */
function statsOf({ native, table }, isByServer) {
  const stats = { ...native.stats() };
  if (!isByServer) return stats;
  const servers = new Map();
  for (const entry of table.entries) {
    const found = native.serverStats(entry.key);
    if (found) servers.set(entry.id, serverStats(found, entry));
  }
  return { ...stats, servers };
}

function serverStats({ connectTime, lastError, lastSlot, slotTime, ...counts }, entry) {
  return {
    ...counts,
    lastError: codeOf(lastError, entry),
    lastSlot: lastSlot < 0 ? null : lastSlot,
    connectTime: { ...connectTime },
    slotTime: { ...slotTime },
  };
}

function codeOf(lastError, { lastCode }) {
  if (lastError === 0) return null;
  if (lastError < 0) return systemErrorCode(lastError);
  return CODES.get(lastError) ?? lastCode;
}

module.exports = { statsOf };
