'use strict';

const { getSystemErrorName } = require('node:util');

// A test may put a fake one in its place.
const { nextTick } = process;

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
 * Returns Node's code for a system error.
 *
 * @param {number} errno As libuv numbers it.
 */
function systemErrorCode(errno) {
  return errno === UV_EAI_NODATA || errno === UV_EAI_NONAME ? 'ENOTFOUND' : getSystemErrorName(errno);
}

/**
 * The error that Node itself would give for a failed system call; an `AggregateError` where several
 * addresses failed.
 *
 * @param {string | string[]} detail An error line or several, see `error_line` in src/binding/outcome.rs.
 * @param {import('./servers/table').Entry} [entry] The server.
 * @returns {NodeJS.ErrnoException}
 */
function systemError(detail, entry) {
  const name = entry?.normalized?.name;
  if (!Array.isArray(detail)) return lineError(detail, name);
  const causes = detail.map((line) => lineError(line, name));
  const message = causes.map((cause) => cause.message).join(', ');
  return Object.assign(new AggregateError(causes, message), { code: causes[0].code });
}

/**
 * What an error line says.
 *
 * @typedef {object} ParsedLine
 * @property {string} message
 * @property {number} errno
 * @property {string} code
 * @property {string} syscall
 * @property {string} place an address, host or path
 * @property {number | undefined} port of an address; Node leaves out a port of 0
 * @property {boolean} isHost
 * @property {string | undefined} localAddress the near end, where the app has chosen its port
 * @property {number | undefined} localPort
 */

/**
 * Lines that were parsed. A rover meets the same ones again and again. At most 250 kB: names may be long.
 *
 * @type {Map<string, ParsedLine>}
 */
const parsed = new Map();
const MAX_LINES = 1000;
const MAX_LINE_LENGTH = 250;

/**
 * @param {string} line
 * @param {string | undefined} name A host as the app gave it; the line has what was looked up.
 * @returns {NodeJS.ErrnoException}
 */
function lineError(line, name) {
  const { message, errno, code, syscall, place, port, isHost, localAddress, localPort } = parsed.get(line) ?? parseLine(line);
  const isRenamed = isHost && name !== undefined && name !== place;
  const error = /** @type {Omit<import('./types').UnreachableError, 'code'> & { code?: string }} */ (
    errorWithoutStack(isRenamed ? `${syscall} ${code} ${name}` : message)
  );
  error.errno = errno;
  error.code = code;
  error.syscall = syscall;
  if (isHost) {
    error.hostname = isRenamed ? name : place;
  } else {
    error.address = place;
    if (port !== undefined) error.port = port;
    if (localPort !== undefined) Object.assign(error, { localAddress, localPort });
  }
  return error;
}

/**
 * @param {string} line
 * @returns {ParsedLine}
 */
function parseLine(line) {
  const parts = /** @type {RegExpExecArray} */ (/^(\S+) (\S+) (\S+) (.*)$/s.exec(line));
  const [, syscall, number, kind, about] = parts;
  const errno = Number(number);
  const isHost = kind === 'host';
  const code = systemErrorCode(errno);
  const isAddress = !isHost && kind !== 'path';
  const [place, local, localNumber] = isAddress ? about.split(' ') : [about];
  const port = isAddress && kind !== '0' ? Number(kind) : undefined;
  const hasLocalPort = localNumber !== undefined;
  const localEnd = hasLocalPort ? `${local}:${localNumber}` : local;
  const far = port === undefined ? place : `${place}:${port}`;
  const result = {
    message: `${syscall} ${code} ${far}${localEnd === undefined ? '' : ` - Local (${localEnd})`}`,
    errno,
    code,
    syscall,
    place,
    port,
    isHost,
    localAddress: hasLocalPort ? local : undefined,
    localPort: hasLocalPort ? Number(localNumber) : undefined,
  };
  if (line.length <= MAX_LINE_LENGTH) {
    if (parsed.size >= MAX_LINES) parsed.clear();
    parsed.set(line, result);
  }
  return result;
}

/** What this machine runs out of in any call, see src/net/error.rs. */
const EXHAUSTION = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EAI_MEMORY']);

/**
 * Whether an error, of Node's or of the app's, says that this machine has run out of something: a server is not to blame
 * for that.
 *
 * @param {any} error
 */
function isExhaustion(error) {
  const code = error?.code;
  return EXHAUSTION.has(code) || (code === 'EAGAIN' && error.syscall === 'getaddrinfo');
}

/**
 * Makes an error without a stack: where it is made says nothing about a system call that failed elsewhere, and finding
 * out doubles what a refused attempt costs the main thread (3.3 -> 7.2 µs).
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

/**
 * Throws what a listener threw when the rest is done: it must not keep anybody else from hearing.
 *
 * @param {unknown} error
 */
function throwLater(error) {
  nextTick(() => {
    throw error;
  });
}

module.exports = { codedError, errorWithoutStack, isExhaustion, systemError, systemErrorCode, throwLater };
