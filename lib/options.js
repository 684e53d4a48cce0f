'use strict';

const { inspect } = require('node:util');

const { codedError } = require('./errors');

// The one table of options, and how a value is checked.

/** The longest delay of a timer in ms (https://nodejs.org/api/timers.html#settimeoutcallback-delay-args). */
const MAX_DELAY = 2 ** 31 - 1;

/**
 * @typedef {object} OptionRow
 * @property {any} default What `undefined` and `null` mean.
 * @property {string} [native] Its name in `NativeOptions`, where the native rover has to know it.
 * @property {(name: string, value: any) => any} check Returns the value that counts, or throws.
 */

/** @type {Record<string, OptionRow>} */
const OPTIONS = {
  ROVING_INTERVAL: { default: 1000, check: checkInterval },
  MAX_INTERVAL: { default: 0, check: between(0, MAX_DELAY), native: 'maxInterval' },
  JITTER: { default: 0, check: between(0, 1), native: 'jitter' },
  CONNECT_TIMEOUT: { default: 10_000, check: between(0, MAX_DELAY), native: 'connectTimeout' },
  SLOT_TIMEOUT: { default: 30_000, check: between(0, MAX_DELAY), native: 'slotTimeout' },
  MAX_PENDING: { default: 1024, check: between(1, MAX_DELAY), native: 'maxPending' },
  MAX_SLOT: { default: Infinity, check: checkMaxSlot, native: 'maxSlot' },
  signal: { default: null, check: checkSignal },
};

/**
 * Checks the options of a rover.
 *
 * @param {any} [options] As of `ClientRover`.
 * @returns {Record<string, any>} A value for each row of the table.
 * @throws {TypeError | RangeError} For a bad one.
 */
function checkOptions(options) {
  const checked = /** @type {Record<string, any>} */ ({});
  for (const name of Object.keys(OPTIONS)) checked[name] = checkOption(name, given(options, name));
  return checked;
}

/** What `Object.prototype` was given by whoever else is in the process is no option. */
function given(options, name) {
  const value = options?.[name];
  return value === /** @type {any} */ (Object.prototype)[name] && !Object.hasOwn(options ?? {}, name) ? undefined : value;
}

/**
 * Returns what the native rover has to know.
 *
 * @param {Record<string, any>} checked As `checkOptions` returns it.
 * @returns {import('../binding').NativeOptions}
 */
function nativeOptions(checked) {
  const options = /** @type {any} */ ({});
  for (const name of Object.keys(OPTIONS)) {
    const { native } = OPTIONS[name];
    if (native !== undefined) options[native] = checked[name];
  }
  return options;
}

/**
 * Checks one option.
 *
 * @param {string} name
 * @param {unknown} value
 * @returns {any} The value that counts.
 * @throws {TypeError | RangeError} For a bad one.
 */
function checkOption(name, value) {
  const row = OPTIONS[name];
  return row.check(name, value ?? row.default);
}

/** Whatever is falsy means the default, as in 0.1.0. A timer takes at least 1 ms. */
function checkInterval(name, value) {
  return Math.max(1, checkNumber(name, value || OPTIONS.ROVING_INTERVAL.default, 0, MAX_DELAY));
}

function between(min, max) {
  return (name, value) => checkNumber(name, value, min, max);
}

function checkMaxSlot(name, value) {
  if (typeof value !== 'number' || Number.isNaN(value)) throw invalidType(name, 'a number', value);
  return value;
}

function checkSignal(name, value) {
  if (value === null) return null;
  if (typeof value !== 'object' || !('aborted' in value)) throw invalidType(name, 'an AbortSignal', value);
  return value;
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
    const message = `The value of "${name}" is out of range. It must be >= ${min} and <= ${max}. Received ${shown(value)}`;
    throw codedError(RangeError, 'ERR_OUT_OF_RANGE', message);
  }
  return number;
}

/**
 * Makes the error for an argument of a wrong type.
 *
 * @param {string} name
 * @param {string} expected
 * @param {unknown} value
 */
function invalidType(name, expected, value) {
  const message = `The "${name}" property must be ${expected}. Received ${shown(value)}`;
  return codedError(TypeError, 'ERR_INVALID_ARG_TYPE', message);
}

/**
 * Makes the error for an argument of the right type with a value that can't be used.
 *
 * @param {string} name
 * @param {string} reason
 * @param {unknown} value
 */
function invalidValue(name, reason, value) {
  const message = `The "${name}" property ${reason}. Received ${shown(value)}`;
  return codedError(TypeError, 'ERR_INVALID_ARG_VALUE', message);
}

function shown(value) {
  return inspect(value, { depth: 0 });
}

module.exports = { MAX_DELAY, checkNumber, checkOption, checkOptions, invalidType, invalidValue, nativeOptions };
