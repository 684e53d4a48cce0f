'use strict';

const { inspect } = require('node:util');

// How the options of pools and agents are checked.

/** The longest time that a timer of Node.js takes, in ms. */
const MAX_TIME = 2 ** 31 - 1;

/**
 * Checks a time in ms. A timer takes one that is too long for 1 ms.
 *
 * @param {string} name
 * @param {unknown} value
 * @throws {TypeError | RangeError}
 */
function checkTime(name, value) {
  if (typeof value !== 'number') throw new TypeError(`${name} must be a number: ${value}`);
  if (!(value >= 0 && value <= MAX_TIME)) throw new RangeError(`${name} must be from 0 to ${MAX_TIME}: ${value}`);
}

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

module.exports = { checkSignal, checkTime };
