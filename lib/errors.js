'use strict';

const { getSystemErrorName } = require('node:util');

// libuv's numbers for "no address for this name" and "no such name", which Node calls ENOTFOUND
// (https://nodejs.org/api/dns.html#error-codes).
const UV_EAI_NODATA = -3007;
const UV_EAI_NONAME = -3008;

/**
 * An error with a stable `code`.
 *
 * @param {ErrorConstructor} Base
 * @param {string} code
 * @param {string} message
 * @param {object} [properties] further properties
 */
function codedError(Base, code, message, properties) {
  return Object.assign(new Base(message), { code }, properties);
}

/**
 * The error that Node itself would give for a failed system call; an `AggregateError` where several
 * addresses failed.
 *
 * @param {string | string[]} detail a fault line or several, see `fault_line` in src/binding.rs
 * @returns {NodeJS.ErrnoException}
 */
function systemError(detail) {
  if (!Array.isArray(detail)) return faultError(detail);
  const causes = detail.map(faultError);
  const message = causes.map((cause) => cause.message).join(', ');
  return Object.assign(new AggregateError(causes, message), { code: causes[0].code });
}

/**
 * What a fault line says.
 *
 * @typedef {object} Fault
 * @property {string} message
 * @property {number} errno
 * @property {string} code
 * @property {string} syscall
 * @property {string} place an address, host or path
 * @property {number | undefined} port of an address; Node leaves out a port of 0
 * @property {boolean} isHost
 */

/**
 * Fault lines that were read. A rover meets the same ones again and again.
 *
 * @type {Map<string, Fault>}
 */
const faults = new Map();
const MAX_FAULTS = 1000;

/**
 * @param {string} line
 * @returns {NodeJS.ErrnoException}
 */
function faultError(line) {
  const { message, errno, code, syscall, place, port, isHost } = faults.get(line) ?? learnFault(line);
  const error = /** @type {NodeJS.ErrnoException & { hostname?: string, address?: string, port?: number }} */ (
    errorWithoutStack(message)
  );
  error.errno = errno;
  error.code = code;
  error.syscall = syscall;
  if (isHost) {
    error.hostname = place;
  } else {
    error.address = place;
    if (port !== undefined) error.port = port;
  }
  return error;
}

/**
 * @param {string} line
 * @returns {Fault}
 */
function learnFault(line) {
  const parts = /** @type {RegExpExecArray} */ (/^(\S+) (\S+) (\S+) (.*)$/s.exec(line));
  const [, syscall, number, kind, place] = parts;
  const errno = Number(number);
  const isHost = kind === 'host';
  const isUnknown = isHost && (errno === UV_EAI_NODATA || errno === UV_EAI_NONAME);
  const code = isUnknown ? 'ENOTFOUND' : getSystemErrorName(errno);
  const port = isHost || kind === 'path' || kind === '0' ? undefined : Number(kind);
  const message = `${syscall} ${code} ${port === undefined ? place : `${place}:${port}`}`;
  const fault = { message, errno, code, syscall, place, port, isHost };
  if (faults.size >= MAX_FAULTS) faults.clear();
  faults.set(line, fault);
  return fault;
}

/**
 * Where it is made says nothing about a system call that failed elsewhere, and is dear to find out.
 *
 * @param {string} message
 */
function errorWithoutStack(message) {
  const { stackTraceLimit } = Error;
  limitStackTraces(0);
  const error = new Error(message);
  limitStackTraces(stackTraceLimit);
  // JavaScriptCore leaves it out where V8 gives its first line.
  if (!('stack' in error)) {
    Object.defineProperty(error, 'stack', { configurable: true, value: `${error}`, writable: true });
  }
  return error;
}

/** @param {number} limit */
function limitStackTraces(limit) {
  try {
    Error.stackTraceLimit = limit;
  } catch {
    // The app has frozen it, and pays for the trace.
  }
}

module.exports = { codedError, systemError };
