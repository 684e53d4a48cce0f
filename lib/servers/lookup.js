'use strict';

const { builtins } = require('../builtins');
const { codedError } = require('../errors');

/**
 * Looks a name up by the app's own `lookup`, as `net.connect()` calls it (lib/net.js of Node.js 20 to 26): with
 * `all`, unless a family or a local address leaves nothing to choose.
 *
 * @param {import('./normalize').NormalizedServer} server
 * @param {(error: Error | null, addresses?: string[]) => void} done Called once.
 */
function lookUp(server, done) {
  const { family, headStart, hints, host, localAddress, lookup } = server;
  const all = family === 0 && localAddress === undefined && headStart !== 0;
  const isPlain = hints === 0 && family === 0 && process.platform !== 'win32';
  const options = {
    __proto__: null,
    family: family || undefined,
    hints: isPlain ? builtins.dns.ADDRCONFIG : hints,
    ...(all && { all }),
  };
  let isDone = false;
  const settle = (error, found, foundFamily) => {
    if (isDone) return;
    isDone = true;
    if (error) return done(error);
    try {
      done(null, all ? usable(found) : [checked(found, foundFamily)]);
    } catch (badAddress) {
      done(/** @type {Error} */ (badAddress));
    }
  };
  try {
    Reflect.apply(/** @type {Function} */ (lookup), undefined, [host, options, settle]);
  } catch (error) {
    settle(error);
  }
}

/** The addresses that can be connected to; throws what is wrong with the first one where none can. */
function usable(found) {
  const good = found.filter(isGood);
  if (good.length === 0) checked(found[0]?.address, found[0]?.family);
  return good.map(({ address }) => address);
}

function isGood({ address, family }) {
  return builtins.net.isIP(address) !== 0 && (family === 4 || family === 6);
}

function checked(address, family) {
  if (builtins.net.isIP(address) === 0) {
    throw codedError(TypeError, 'ERR_INVALID_IP_ADDRESS', `Invalid IP address: ${address}`);
  }
  if (family !== 4 && family !== 6) {
    throw codedError(RangeError, 'ERR_INVALID_ADDRESS_FAMILY', `Invalid address family: ${family}`);
  }
  return address;
}

module.exports = { lookUp };
