'use strict';

const { isStale } = require('./carrier.js');
const { secure, secured, servernameOf } = require('./secure.js');
const { checkTime } = require('./time.js');

/** @typedef {import('../pool').Pool} Pool */

/** How long to wait for a connection and for TLS, in ms: as long as undici's own connector. */
const TIMEOUT = 10_000;

/**
 * What undici asks a connector for.
 *
 * @typedef {object} ConnectOptions
 * @property {string} hostname
 * @property {string} [host]
 * @property {string} protocol
 * @property {string | null} [servername]
 */

/**
 * @typedef {import('node:tls').ConnectionOptions & { timeout?: number }} ConnectorOptions `timeout`: how long to wait
 *   for a connection, and as long again for TLS, in ms. 0 is no limit. Default: 10000. All others are those of
 *   `tls.connect()`, for `https`.
 */

/**
 * Makes a `connect` function for undici (`new Agent({ connect: connector(pool) })`), whose connections are those of a
 * pool. Each stays lent until undici closes it.
 *
 * @param {Pool} pool
 * @param {ConnectorOptions} [options]
 * @returns {(options: ConnectOptions, callback: (...result: [Error, null] | [null, import('node:net').Socket]) => void) => void}
 * @throws {TypeError | RangeError} For a bad `timeout`.
 */
function connector(pool, { timeout = TIMEOUT, ...tlsOptions } = {}) {
  checkTime('timeout', timeout);
  return ({ host, hostname, protocol, servername }, callback) => {
    const signal = timeout > 0 ? AbortSignal.timeout(timeout) : undefined;
    // Of a promise, since undici takes no socket from inside of the call.
    acquireFresh(pool, signal).then(
      (lease) => {
        lease.socket.setNoDelay(true);
        if (protocol !== 'https:') return callback(null, lease.socket);
        const name = servername || servernameOf(host ?? hostname);
        const socket = secure(lease.socket, { host: hostname, servername: name, ...tlsOptions }, (error) => {
          signal?.removeEventListener('abort', onAbort);
          if (error !== null) lease.destroy(error);
          if (error === null) callback(null, socket);
          else callback(error, null);
        });
        const onAbort = () => socket.destroy(/** @type {AbortSignal} */ (signal).reason);
        signal?.addEventListener('abort', onAbort, { once: true });
      },
      (error) => callback(error, null),
    );
  };
}

/** Lends a connection that is of use as far as that is known, and on which nobody has begun TLS. */
async function acquireFresh(pool, signal) {
  for (;;) {
    const lease = await pool.acquire({ signal });
    if (!secured.has(lease.socket) && !isStale(lease.socket)) return lease;
    lease.destroy();
  }
}

module.exports = { connector };
