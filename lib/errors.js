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

function faultError(line) {
  const [, syscall, number, port, place] = /^(\S+) (\S+) (\S+) (.*)$/s.exec(line);
  const errno = Number(number);
  if (port === 'host') {
    const isUnknown = errno === UV_EAI_NODATA || errno === UV_EAI_NONAME;
    const code = isUnknown ? 'ENOTFOUND' : getSystemErrorName(errno);
    const error = errorWithoutStack(`${syscall} ${code} ${place}`);
    return Object.assign(error, { errno, code, syscall, hostname: place });
  }
  const code = getSystemErrorName(errno);
  // Node leaves out a port of 0.
  const isPort = port !== 'path' && port !== '0';
  const error = errorWithoutStack(`${syscall} ${code} ${isPort ? `${place}:${port}` : place}`);
  error.errno = errno;
  error.code = code;
  error.syscall = syscall;
  error.address = place;
  if (isPort) error.port = Number(port);
  return error;
}

/** Where it is made says nothing about a system call that failed elsewhere, and is dear to find out. */
function errorWithoutStack(message) {
  const { stackTraceLimit } = Error;
  // Not by assignment, which throws where the app has frozen it.
  Reflect.set(Error, 'stackTraceLimit', 0);
  const error = new Error(message);
  Reflect.set(Error, 'stackTraceLimit', stackTraceLimit);
  // JavaScriptCore leaves it out where V8 gives its first line.
  if (!('stack' in error)) {
    Object.defineProperty(error, 'stack', { configurable: true, value: `${error}`, writable: true });
  }
  return error;
}

module.exports = { codedError, systemError };
