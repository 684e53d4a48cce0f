'use strict';

const { inspect } = require('node:util');

// How the options of pools and agents are checked.

/**
 * Checks an `AbortSignal`, as `rover.rove()` does.
 *
 * @param {any} signal `undefined` and `null` are none.
 * @throws {TypeError} ERR_INVALID_ARG_TYPE
 */
function checkSignal(signal) {
  if ((signal ?? null) === null || (typeof signal === 'object' && 'aborted' in signal)) return;
  const message = `The "signal" property must be an AbortSignal. Received ${inspect(signal, { depth: 0 })}`;
  throw Object.assign(new TypeError(message), { code: 'ERR_INVALID_ARG_TYPE' });
}

module.exports = { checkSignal };
