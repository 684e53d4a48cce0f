'use strict';

const { MAX_DELAY, invalidType, invalidValue } = require('../options');
const { builtins } = require('../builtins');
const { codedError } = require('../errors');
const { netDefaults } = require('../net-defaults');

// What `net.connect(server)` takes, as read in lib/net.js of Node.js 20.0 to 26.12: the options of `new net.Socket()`
// first, then `timeout`, then those of `socket.connect()`, each in Node's order, so that the same one is complained of.

/**
 * A server as the native rover and the socket need it. The shape is always the same, so that V8 keeps one map for it.
 *
 * @typedef {object} NormalizedServer
 * @property {string} host As it is looked up: in punycode, unless there is a `lookup`; `''` where it has no such form, and
 *   where there is a `path`.
 * @property {string} name The host as the app gave it, which is how errors name it.
 * @property {number} port 0 where there is a `path`.
 * @property {string | undefined} path
 * @property {0 | 4 | 6} family
 * @property {number} hints Of the look-up. 0: Node's own, which are ADDRCONFIG (none on Windows, or with a `family`).
 * @property {string | undefined} localAddress An IP address, which may have a zone.
 * @property {number} localPort 0 is any.
 * @property {number | undefined} headStart Of an address over the next one, in ms. `undefined`: as the defaults of
 *   `node:net` say; 0: only the first address is tried.
 * @property {OwnLookup | undefined} lookup
 * @property {SocketOptions | null} socket `null` where all of it is the default.
 */

/**
 * A `lookup` of the app's, and what Node would give it: as the app gave it, good or bad, since `dns.lookup()`, which would
 * check it, is not called.
 *
 * @typedef {object} OwnLookup
 * @property {Function} run
 * @property {any} host
 * @property {any} family
 * @property {any} hints
 * @property {any} givenHost What an error of Node's says.
 * @property {any} givenPort
 */

/**
 * What the socket of a connection is set to.
 *
 * @typedef {object} SocketOptions
 * @property {boolean} allowHalfOpen
 * @property {boolean} noDelay
 * @property {boolean} keepAlive
 * @property {number} keepAliveInitialDelay In ms; 0 is the system's own, and where `keepAlive` is off.
 * @property {number} timeout In ms; 0 is none. May exceed 2^31-1, which `socket.setTimeout()` clamps.
 * @property {string | undefined} encoding
 * @property {number | undefined} highWaterMark In bytes.
 */

/** @type {[unknown, 0 | 4 | 6][]} */
const NAMED = [['IPv4', 4], ['IPv6', 6]];
const FAMILY_NAMES = new Map(NAMED);
/** @type {[unknown, 0 | 4 | 6][]} */
const NUMBERED = [[undefined, 0], [null, 0], [0, 0], [4, 4], [6, 6]];
const FAMILIES = new Map([...NAMED, ...NUMBERED]);

// Node tries the next address no sooner (https://nodejs.org/api/net.html#socketconnectoptions-connectlistener).
const MIN_HEAD_START = 10;

const MAX_PORT = 0xffff;

// Before Node 22 an IP address may be anything that reads as one, as a `Buffer` may, and the host of a `lookup` anything
// at all.
const TAKES_ANY_HOST = parseInt(process.versions.node, 10) < 22;

const NOT_ASCII = /[^\0-\x7f]/;

/**
 * Returns what the native rover and the socket need to know of a server.
 *
 * @param {unknown} server Any value; what `net.connect(server)` takes is good.
 * @returns {NormalizedServer}
 * @throws {TypeError | RangeError} With Node's `code` where `net.connect(server)` throws; ERR_INVALID_ARG_VALUE for an
 *   option that the rover does not support. Also whatever a getter of the server throws.
 */
function normalize(server) {
  /** @type {any} */
  const options = isObject(server) ? server : fromBareValue(server);
  const socket = socketOptions(options);
  const { path, port } = options;
  if (port === undefined && (path === undefined || path === null)) {
    const message = 'The "server.port" or "server.path" property must be specified';
    throw codedError(TypeError, 'ERR_MISSING_ARGS', message);
  }
  if (!path) return tcpServer(options, socket);
  if (typeof path !== 'string') throw invalidType('server.path', 'a string', path);
  return {
    host: '',
    name: '',
    port: 0,
    path,
    family: 0,
    hints: 0,
    localAddress: undefined,
    localPort: 0,
    headStart: undefined,
    lookup: undefined,
    socket,
  };
}

/**
 * Returns whether two servers are the same to the rover.
 *
 * @param {NormalizedServer} a
 * @param {NormalizedServer} b
 */
function isSame(a, b) {
  return (
    a.host === b.host &&
    a.name === b.name &&
    a.port === b.port &&
    a.path === b.path &&
    a.family === b.family &&
    a.hints === b.hints &&
    a.localAddress === b.localAddress &&
    a.localPort === b.localPort &&
    a.headStart === b.headStart &&
    isSameLookup(a.lookup, b.lookup) &&
    isSameSocket(a.socket, b.socket)
  );
}

/** @param {OwnLookup | undefined} a @param {OwnLookup | undefined} b */
function isSameLookup(a, b) {
  if (a === undefined || b === undefined) return a === b;
  return (
    a.run === b.run &&
    Object.is(a.host, b.host) &&
    Object.is(a.family, b.family) &&
    Object.is(a.hints, b.hints) &&
    Object.is(a.givenHost, b.givenHost) &&
    Object.is(a.givenPort, b.givenPort)
  );
}

/** @param {SocketOptions | null} a @param {SocketOptions | null} b */
function isSameSocket(a, b) {
  if (a === null || b === null) return a === b;
  return (
    a.allowHalfOpen === b.allowHalfOpen &&
    a.noDelay === b.noDelay &&
    a.keepAlive === b.keepAlive &&
    a.keepAliveInitialDelay === b.keepAliveInitialDelay &&
    a.timeout === b.timeout &&
    a.encoding === b.encoding &&
    a.highWaterMark === b.highWaterMark
  );
}

/**
 * @param {any} value
 * @returns {boolean}
 */
function isObject(value) {
  return typeof value === 'object' && value !== null;
}

/**
 * A string that is no number is a path; all else is a port, good or bad.
 *
 * @param {unknown} value
 */
function fromBareValue(value) {
  return typeof value === 'string' && !(Number(value) >= 0) ? { path: value } : { port: value };
}

/**
 * @param {any} options
 * @param {SocketOptions | null} socket
 */
function tcpServer(options, socket) {
  const given = options.host || 'localhost';
  if (!TAKES_ANY_HOST) checkHost(given);
  const localAddress = checkLocalAddress(options.localAddress);
  const localPort = checkLocalPort(options.localPort);
  const port = checkPort(options.port);
  const headStart = checkHeadStart(options.autoSelectFamily, options.autoSelectFamilyAttemptTimeout);
  const { family, hints, lookup } = options;
  const isPlain = family === undefined && hints === undefined && lookup === undefined;
  // An IP address is not looked up, and how to look it up is ignored then.
  const isLookedUp = !isPlain && !builtins.net.isIP(given);
  const own = isLookedUp ? ownLookup(lookup, given, options, family, hints) : undefined;
  // The app's own may be given anything.
  if (TAKES_ANY_HOST && own === undefined) checkHost(given);
  const name = `${given}`;
  /** @type {NormalizedServer} */
  const server = {
    host: own === undefined && NOT_ASCII.test(name) ? builtins.url.domainToASCII(name) : name,
    name,
    port,
    path: undefined,
    family: 0,
    hints: 0,
    localAddress,
    localPort,
    headStart,
    lookup: own,
    socket,
  };
  if (isLookedUp) setFamily(server, family, hints);
  return server;
}

/** @param {any} host */
function checkHost(host) {
  if (typeof host === 'string') {
    if (!host.includes('\0')) return;
    // Node 20 would connect to what is before it.
    throw invalidValue('server.host', 'must be a string without null bytes', host);
  }
  if (!readsAsAddress(host)) throw invalidType('server.host', 'a string', host);
}

/**
 * Whether Node takes a value for an IP address.
 *
 * @param {any} value
 */
function readsAsAddress(value) {
  return (TAKES_ANY_HOST || typeof value === 'string') && builtins.net.isIP(value) !== 0;
}

/** @param {any} localAddress */
function checkLocalAddress(localAddress) {
  if (!localAddress) return undefined;
  if (!builtins.net.isIP(localAddress)) {
    throw codedError(TypeError, 'ERR_INVALID_IP_ADDRESS', `Invalid IP address: ${localAddress}`);
  }
  // Node takes anything that reads as one.
  return `${localAddress}`;
}

/** @param {unknown} localPort */
function checkLocalPort(localPort) {
  if (!localPort) return 0;
  if (typeof localPort !== 'number') throw invalidType('server.localPort', 'a number', localPort);
  // Node takes the low 16 bits. Where a positive port was another one, it fails with EADDRINUSE, always.
  const port = localPort & MAX_PORT;
  if (localPort > 0 && localPort !== port) throw badPort('server.localPort', localPort);
  return port;
}

/** @param {unknown} port */
function checkPort(port) {
  // There is a path then, but an empty one.
  if (port === undefined) return 0;
  if (typeof port !== 'number' && typeof port !== 'string') {
    throw invalidType('server.port', 'a number or a numeric string', port);
  }
  const number = Number(port);
  const isBlank = typeof port === 'string' && port.trim() === '';
  if (isBlank || !Number.isInteger(number) || number < 0 || number > MAX_PORT) throw badPort('server.port', port);
  return number | 0;
}

/** @param {string} name @param {number | string} port */
function badPort(name, port) {
  const message = `The "${name}" property should be >= 0 and < 65536. Received ${JSON.stringify(port) ?? port}`;
  return codedError(RangeError, 'ERR_SOCKET_BAD_PORT', message);
}

/** @param {unknown} isOn @param {unknown} timeout */
function checkHeadStart(isOn, timeout) {
  if ((isOn === undefined || isOn === null) && (timeout === undefined || timeout === null)) return undefined;
  if (isOn !== undefined && isOn !== null && typeof isOn !== 'boolean') {
    throw invalidType('server.autoSelectFamily', 'a boolean', isOn);
  }
  const given = checkAttemptTimeout(timeout);
  if (isOn === false) return 0;
  const { autoSelectFamily, attemptTimeout } = netDefaults();
  if (autoSelectFamily) return given;
  // It is off by default, and `undefined` would leave it off.
  return isOn ? (given ?? attemptTimeout) : undefined;
}

/** @param {unknown} timeout */
function checkAttemptTimeout(timeout) {
  if (timeout === undefined || timeout === null) return undefined;
  const name = 'server.autoSelectFamilyAttemptTimeout';
  if (typeof timeout !== 'number') throw invalidType(name, 'a number', timeout);
  if (!Number.isInteger(timeout)) throw outOfRange(name, 'an integer', timeout);
  if (timeout < 1 || timeout > MAX_DELAY) throw outOfRange(name, `>= 1 and <= ${MAX_DELAY}`, timeout);
  return Math.max(MIN_HEAD_START, timeout);
}

/** @param {string} name @param {string} range @param {number} value */
function outOfRange(name, range, value) {
  const message = `The value of "${name}" is out of range. It must be ${range}. Received ${value}`;
  return codedError(RangeError, 'ERR_OUT_OF_RANGE', message);
}

/**
 * @param {any} lookup
 * @param {any} host
 * @param {any} options
 * @param {any} family
 * @param {any} hints
 * @returns {OwnLookup | undefined}
 */
function ownLookup(lookup, host, options, family, hints) {
  if (lookup === undefined || lookup === null) return undefined;
  if (typeof lookup !== 'function') throw invalidType('server.lookup', 'a function', lookup);
  return {
    run: lookup,
    host,
    family: FAMILY_NAMES.get(family) ?? family,
    hints: hints || 0,
    givenHost: options.host,
    givenPort: options.port,
  };
}

/**
 * @param {NormalizedServer} server
 * @param {unknown} family
 * @param {any} hints
 */
function setFamily(server, family, hints) {
  const known = FAMILIES.get(family);
  if (server.lookup === undefined) {
    server.hints = checkHints(hints || 0);
    if (known === undefined) throw invalidValue('server.family', 'must be one of: 0, 4, 6', family);
  }
  server.family = known ?? 0;
}

/** @param {unknown} hints */
function checkHints(hints) {
  if (typeof hints !== 'number') throw invalidType('server.hints', 'a number', hints);
  if (hints === 0) return 0;
  const { ADDRCONFIG, ALL, V4MAPPED } = builtins.dns;
  const flags = hints >>> 0;
  if ((flags & ~(ADDRCONFIG | ALL | V4MAPPED)) !== 0) throw invalidValue('server.hints', 'is invalid', hints);
  return flags;
}

/**
 * @param {any} options
 * @returns {SocketOptions | null}
 */
function socketOptions(options) {
  const isPlain =
    options.allowHalfOpen === undefined &&
    options.blockList === undefined &&
    options.encoding === undefined &&
    options.fd === undefined &&
    options.handle === undefined &&
    options.highWaterMark === undefined &&
    options.keepAlive === undefined &&
    options.keepAliveInitialDelay === undefined &&
    options.noDelay === undefined &&
    options.onread === undefined &&
    options.signal === undefined &&
    options.timeout === undefined;
  return isPlain ? null : checkSocketOptions(options);
}

/**
 * @param {any} options
 * @returns {SocketOptions | null}
 */
function checkSocketOptions(options) {
  // As the constructor of `net.Socket` takes them: those that are inherited don't count.
  const own = { ...options };
  checkByNode(own, options.keepAliveInitialDelay);
  checkUnsupported(own);
  const timeout = checkTimeout(options.timeout);
  const { encoding, highWaterMark, keepAliveInitialDelay } = own;
  const allowHalfOpen = Boolean(own.allowHalfOpen);
  const noDelay = Boolean(own.noDelay);
  const keepAlive = Boolean(own.keepAlive);
  const isDefault =
    !allowHalfOpen && !noDelay && !keepAlive && timeout === 0 && !encoding && (highWaterMark ?? undefined) === undefined;
  if (isDefault) return null;
  return {
    allowHalfOpen,
    noDelay,
    keepAlive,
    keepAliveInitialDelay: keepAlive && keepAliveInitialDelay > 0 ? keepAliveInitialDelay : 0,
    timeout,
    encoding: encoding || undefined,
    highWaterMark: highWaterMark ?? undefined,
  };
}

/**
 * Has Node itself complain of what the constructor of `net.Socket` would complain of: of what is good in this Node.js
 * alone, and of what is bad. A socket without a handle is a mere object, but takes 1 to 7 µs.
 *
 * @param {any} own
 * @param {unknown} keepAliveInitialDelay
 */
function checkByNode({ blockList, encoding, highWaterMark }, keepAliveInitialDelay) {
  const isKnownToBeGood =
    !blockList &&
    (!encoding || Buffer.isEncoding(encoding)) &&
    (highWaterMark === undefined || highWaterMark === null || (Number.isInteger(highWaterMark) && highWaterMark >= 0)) &&
    (keepAliveInitialDelay === undefined || typeof keepAliveInitialDelay === 'number');
  if (isKnownToBeGood) return;
  const { Socket } = builtins.net;
  new Socket(/** @type {any} */ ({ blockList, encoding, highWaterMark, keepAliveInitialDelay }));
}

/**
 * Refuses what would have to run, or to be watched, while the attempt is in Rust's hands.
 *
 * @param {any} own
 */
function checkUnsupported({ blockList, fd, handle, onread, signal }) {
  if (signal) {
    if (typeof signal !== 'object' || !('aborted' in signal)) throw invalidType('server.signal', 'an AbortSignal', signal);
    throw unsupported('signal', signal);
  }
  if (handle) throw unsupported('handle', handle);
  if (fd !== undefined) {
    if (typeof fd !== 'number') throw invalidType('server.fd', 'a number', fd);
    throw unsupported('fd', fd);
  }
  if (isObject(onread) && typeof onread.callback === 'function') {
    const { buffer } = onread;
    if (typeof buffer === 'function' || buffer instanceof Uint8Array) throw unsupported('onread', onread);
  }
  if (blockList && blockList instanceof builtins.net.BlockList) throw unsupported('blockList', blockList);
}

/** @param {string} name @param {unknown} value */
function unsupported(name, value) {
  return invalidValue(`server.${name}`, 'is not supported by this rover', value);
}

/** @param {unknown} timeout */
function checkTimeout(timeout) {
  if (!timeout) return 0;
  if (typeof timeout !== 'number') throw invalidType('server.timeout', 'a number', timeout);
  if (timeout < 0 || timeout === Infinity) {
    throw outOfRange('server.timeout', 'a non-negative finite number', timeout);
  }
  return timeout;
}

module.exports = { isSame, normalize, readsAsAddress };
