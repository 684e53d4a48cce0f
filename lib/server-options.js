'use strict';

const { isAscii } = require('node:buffer');

const { MAX_DELAY, checkNumber, invalidType, invalidValue } = require('./checks');
const { codedError } = require('./errors');

/** Which options of a server concern its socket; bits of `NativeWrap.flags`. */
const WRAP_FLAGS = { allowHalfOpen: 1, noDelay: 2, keepAlive: 4, unix: 8 };

// Options of net.connect() that would have to run JavaScript, or reach into a socket, while the
// attempt is in Rust's hands.
const UNSUPPORTED = ['blockList', 'fd', 'hints', 'localPort', 'lookup', 'onread', 'signal'];

const FAMILIES = new Map([[undefined, 0], [null, 0], [0, 0], [4, 4], [6, 6], ['IPv4', 4], ['IPv6', 6]]);

// Node tries the next address no sooner (https://nodejs.org/api/net.html#socketconnectoptions-connectlistener).
const MIN_HEAD_START = 10;

const MAX_PORT = 0xffff;

/**
 * What the native rover has to know of a server. Of one shape, so that two can be compared field by
 * field.
 *
 * @typedef {object} CheckedServer
 * @property {string} [host]
 * @property {number} [port]
 * @property {string} [path]
 * @property {number} family 0, 4 or 6
 * @property {string} [localAddress]
 * @property {number} [headStart] ms; 0 tries only the first address
 * @property {number} flags {@link WRAP_FLAGS}
 * @property {number} keepAliveInitialDelay ms
 * @property {number} timeout ms
 */

/**
 * Checks a server as `net.connect()` would, and says what the native rover has to know of it.
 *
 * @param {unknown} server
 * @returns {CheckedServer}
 * @throws {TypeError | RangeError} with Node's `code`
 */
function checkServer(server) {
  if (typeof server !== 'object' || server === null) throw invalidType('server', 'an object', server);
  for (const name of UNSUPPORTED) {
    if (server[name] !== undefined && server[name] !== null) {
      throw invalidValue(`server.${name}`, 'is not supported by this rover', server[name]);
    }
  }
  const { host, port, path } = address(server);
  return {
    host,
    port,
    path,
    family: family(server.family),
    localAddress: localAddress(server.localAddress),
    headStart: headStart(server),
    flags:
      (path === undefined ? 0 : WRAP_FLAGS.unix) |
      (server.allowHalfOpen ? WRAP_FLAGS.allowHalfOpen : 0) |
      (server.noDelay ? WRAP_FLAGS.noDelay : 0) |
      (server.keepAlive ? WRAP_FLAGS.keepAlive : 0),
    keepAliveInitialDelay: delay('keepAliveInitialDelay', server.keepAliveInitialDelay),
    timeout: delay('timeout', server.timeout),
  };
}

/**
 * Whether two checked servers are the same to the native rover.
 *
 * @param {CheckedServer} one
 * @param {CheckedServer} other
 */
function isSameServer(one, other) {
  for (const name in one) {
    if (one[name] !== other[name]) return false;
  }
  return true;
}

function address(server) {
  const { host, port, path } = server;
  if (path) {
    if (typeof path !== 'string') throw invalidType('server.path', 'a string', path);
    return { path };
  }
  if (port === undefined || port === null) {
    const message = 'The "server.port" or "server.path" property must be specified';
    throw codedError(TypeError, 'ERR_MISSING_ARGS', message);
  }
  if (host && typeof host !== 'string') throw invalidType('server.host', 'a string', host);
  return { host: asciiHost(host || 'localhost'), port: checkPort(port) };
}

/** The name as it is looked up: in punycode, where it has other letters. */
function asciiHost(host) {
  return isAscii(Buffer.from(host)) ? host : require('node:url').domainToASCII(host) || host;
}

function checkPort(port) {
  if (typeof port !== 'number' && typeof port !== 'string') {
    throw invalidType('server.port', 'a number or a numeric string', port);
  }
  const number = Number(port);
  const isBlank = typeof port === 'string' && port.trim() === '';
  if (isBlank || !Number.isInteger(number) || number < 0 || number > MAX_PORT) {
    const message = `The "server.port" property should be >= 0 and < 65536. Received ${JSON.stringify(port)}`;
    throw codedError(RangeError, 'ERR_SOCKET_BAD_PORT', message);
  }
  return number;
}

function family(value) {
  const known = FAMILIES.get(value);
  if (known === undefined) throw invalidValue('server.family', 'must be one of: 0, 4, 6', value);
  return known;
}

function localAddress(value) {
  if (value === undefined || value === null || value === '') return undefined;
  if (!require('node:net').isIP(value)) {
    const message = `Invalid IP address: ${String(value)}`;
    throw codedError(TypeError, 'ERR_INVALID_IP_ADDRESS', message);
  }
  if (value.includes('%')) {
    throw invalidValue('server.localAddress', 'with a zone is not supported by this rover', value);
  }
  return value;
}

function headStart({ autoSelectFamily, autoSelectFamilyAttemptTimeout }) {
  if (autoSelectFamily === false) return 0;
  if (autoSelectFamilyAttemptTimeout === undefined) return undefined;
  const name = 'server.autoSelectFamilyAttemptTimeout';
  return Math.max(MIN_HEAD_START, checkNumber(name, autoSelectFamilyAttemptTimeout, 1, MAX_DELAY));
}

function delay(name, value) {
  if (value === undefined || value === null) return 0;
  return checkNumber(`server.${name}`, value, 0, MAX_DELAY);
}

module.exports = { WRAP_FLAGS, checkServer, isSameServer };
