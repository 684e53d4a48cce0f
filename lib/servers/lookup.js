'use strict';

const { format } = require('node:util');

const { builtins } = require('../builtins');
const { codedError } = require('../errors');
const { defaultAddressPolicy } = require('../net-defaults');
const { readsAsAddress } = require('./normalize');

/** @typedef {import('./normalize').OwnLookup} OwnLookup */

/**
 * Looks a name up by the app's own `lookup`, as `net.connect()` calls it and takes its answers (lib/net.js of Node.js 20
 * to 26): with `all`, unless a family or a local address leaves nothing to choose.
 *
 * @param {import('./normalize').NormalizedServer} server That has a `lookup`.
 * @param {(addresses: string[]) => void} succeed Called once, or else `fail`.
 * @param {(error: unknown) => void} fail With whatever the app's lookup gave or threw.
 */
function lookUp({ headStart, localAddress, lookup }, succeed, fail) {
  const own = /** @type {OwnLookup} */ (lookup);
  const { family, hints, host, run } = own;
  const isOfAnyFamily = family !== 4 && family !== 6;
  const isPlain = hints === 0 && isOfAnyFamily && process.platform !== 'win32';
  const options = { family, hints: isPlain ? builtins.dns.ADDRCONFIG : hints };
  const all = isOfAnyFamily && localAddress === undefined && (headStart ?? defaultAddressPolicy().headStart) !== 0;
  if (all) Object.assign(options, { all });
  let isDone = false;
  const onDone = (error, found, foundFamily) => {
    if (isDone) return;
    isDone = true;
    if (error) return fail(error);
    try {
      succeed(all ? usable(found, own) : [checked(found, foundFamily, own)]);
    } catch (badAddress) {
      fail(badAddress);
    }
  };
  try {
    Reflect.apply(run, undefined, [host, options, onDone]);
  } catch (error) {
    if (isDone) return;
    isDone = true;
    fail(error);
  }
}

/** The addresses that can be connected to, each once; throws what is wrong with the first one where none can. */
function usable(found, own) {
  const good = new Set();
  // Not an iterable: Node takes whatever has a length.
  for (let index = 0; index < found?.length; index++) {
    const { address, family } = found[index] ?? {};
    if (readsAsAddress(address) && isFamily(family)) good.add(`${address}`);
  }
  if (good.size === 0) checked(found?.[0]?.address, found?.[0]?.family, own);
  return [...good];
}

function checked(address, family, { givenHost: host, givenPort: port }) {
  if (!readsAsAddress(address)) {
    throw codedError(TypeError, 'ERR_INVALID_IP_ADDRESS', format('Invalid IP address: %s', address));
  }
  if (!isFamily(family)) {
    const message = `Invalid address family: ${family} ${host}:${port}`;
    throw codedError(RangeError, 'ERR_INVALID_ADDRESS_FAMILY', message, { host, port });
  }
  return `${address}`;
}

function isFamily(family) {
  return family === 4 || family === 6;
}

module.exports = { lookUp };
