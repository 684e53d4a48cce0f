'use strict';

const { UsageError } = require('./usage-error.js');

/** The longest time that a timer of Node.js takes, in ms. */
const MAX_TIME = 2 ** 31 - 1;

/**
 * Returns the number that an option was given, or `undefined`.
 *
 * @param {{ [name: string]: any }} values as of `parseArgs`
 * @param {string} name
 * @param {(number: number) => boolean} isGood
 * @param {string} what it must be, for the message
 * @returns {number | undefined}
 * @throws {UsageError}
 */
function numberOf(values, name, isGood, what) {
  if (values[name] === undefined) return undefined;
  const number = Number(values[name]);
  if (values[name].trim() === '' || !isGood(number)) throw new UsageError(`--${name} must be ${what}: ${values[name]}`);
  return number;
}

module.exports = { MAX_TIME, numberOf };
