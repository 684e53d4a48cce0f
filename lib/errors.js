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
 * @param {import('../binding').NativeFailure} failure
 * @returns {NodeJS.ErrnoException}
 */
function systemError({ syscall, errno, address, port, hostname, errors }) {
  if (errors) {
    const causes = errors.map(systemError);
    const message = causes.map((cause) => cause.message).join(', ');
    return Object.assign(new AggregateError(causes, message), { code: causes[0].code });
  }
  const code =
    errno === UV_EAI_NODATA || errno === UV_EAI_NONAME ? 'ENOTFOUND' : getSystemErrorName(errno);
  // Node leaves out a port of 0.
  const place = hostname ?? (port ? `${address}:${port}` : address);
  const error = Object.assign(new Error(`${syscall} ${code} ${place}`), { errno, code, syscall });
  if (hostname !== undefined) error.hostname = hostname;
  if (address !== undefined) error.address = address;
  if (port) error.port = port;
  return error;
}

module.exports = { codedError, systemError };
