'use strict';

/** The longest time that a timer of Node.js takes, in ms. It takes one that is longer for 1 ms, or throws. */
const MAX_TIME = 2 ** 31 - 1;

/**
 * Checks a time in ms.
 *
 * @param {string} name
 * @param {unknown} value
 * @throws {TypeError | RangeError}
 */
function checkTime(name, value) {
  if (typeof value !== 'number') throw new TypeError(`${name} must be a number: ${value}`);
  if (!(value >= 0 && value <= MAX_TIME)) throw new RangeError(`${name} must be from 0 to ${MAX_TIME}: ${value}`);
}

module.exports = { MAX_TIME, checkTime };
