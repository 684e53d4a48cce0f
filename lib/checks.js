'use strict';

const { inspect } = require('node:util');

const { codedError } = require('./errors');

/** The longest delay of a timer in ms (https://nodejs.org/api/timers.html#settimeoutcallback-delay-args). */
const MAX_DELAY = 2 ** 31 - 1;

/**
 * The error for an argument of a wrong type.
 *
 * @param {string} name
 * @param {string} expected
 * @param {unknown} value
 */
function invalidType(name, expected, value) {
  const message = `The "${name}" property must be ${expected}. Received ${inspect(value, { depth: 0 })}`;
  return codedError(TypeError, 'ERR_INVALID_ARG_TYPE', message);
}

/**
 * The error for an argument of the right type with a value that can't be used.
 *
 * @param {string} name
 * @param {string} reason
 * @param {unknown} value
 */
function invalidValue(name, reason, value) {
  const message = `The "${name}" property ${reason}. Received ${inspect(value, { depth: 0 })}`;
  return codedError(TypeError, 'ERR_INVALID_ARG_VALUE', message);
}

/**
 * Checks a number within bounds, and converts a numeric string, as Node's timers do.
 *
 * @param {string} name
 * @param {unknown} value
 * @param {number} min
 * @param {number} max
 * @returns {number}
 * @throws {TypeError} ERR_INVALID_ARG_TYPE
 * @throws {RangeError} ERR_OUT_OF_RANGE
 */
function checkNumber(name, value, min, max) {
  const isNumeric = typeof value === 'string' && value.trim() !== '';
  if (typeof value !== 'number' && !isNumeric) throw invalidType(name, 'a number', value);
  const number = Number(value);
  if (!(number >= min && number <= max)) {
    const message = `The value of "${name}" is out of range. It must be >= ${min} and <= ${max}. Received ${inspect(value)}`;
    throw codedError(RangeError, 'ERR_OUT_OF_RANGE', message);
  }
  return number;
}

module.exports = { MAX_DELAY, checkNumber, invalidType, invalidValue };
