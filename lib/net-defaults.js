'use strict';

const { builtins } = require('./builtins');

// What an app sets for all connections of its process, in place of the defaults of node:net and node:dns.

/** Of each address over the next one, in ms (RFC 8305, section 5). */
const HEAD_START = 250;

/** The default of Node.js 26, in ms; before it was that of RFC 8305. Whoever did not set it gets ours. */
const NODE_26_HEAD_START = 500;

const ORDERS = new Map([
  ['ipv4first', 4],
  ['ipv6first', 6],
]);

const IS_NODE_26 = parseInt(process.versions.node, 10) >= 26;

/**
 * Returns what `node:net` is set to, or would be by default where a runtime does not say.
 *
 * @returns {{ autoSelectFamily: boolean, attemptTimeout: number }} The latter in ms.
 */
function netDefaults() {
  const { net } = builtins;
  return {
    autoSelectFamily: net.getDefaultAutoSelectFamily?.() ?? true,
    attemptTimeout: net.getDefaultAutoSelectFamilyAttemptTimeout?.() ?? HEAD_START,
  };
}

/**
 * Returns which addresses of a name are tried where a server does not say it.
 *
 * @returns {{ order: number, headStart: number }} `order`: 4 or 6 for that family first, else 0. `headStart`: of each
 *   address over the next one, in ms; 0 for the first one only.
 */
function defaultAddressPolicy() {
  const order = ORDERS.get(builtins.dns.getDefaultResultOrder?.()) ?? 0;
  const { autoSelectFamily, attemptTimeout } = netDefaults();
  if (!autoSelectFamily) return { order, headStart: 0 };
  const isGiven = !(IS_NODE_26 && attemptTimeout === NODE_26_HEAD_START);
  return { order, headStart: isGiven ? attemptTimeout : HEAD_START };
}

module.exports = { defaultAddressPolicy, netDefaults };
