'use strict';

const net = require('node:net');

/** Raw sockets on which TLS has begun: they are of no use to anybody else any more. */
const secured = /** @type {WeakSet<import('node:net').Socket>} */ (new WeakSet());

/**
 * Begins TLS on a connection, behind its slot line.
 *
 * @param {import('node:net').Socket} raw
 * @param {import('node:tls').ConnectionOptions} options With `servername`, or `host`: the name that the certificate is
 *   checked against.
 * @param {(error: Error | null, socket: import('node:tls').TLSSocket) => void} callback Called once, later.
 * @returns {import('node:tls').TLSSocket}
 */
function secure(raw, options, callback) {
  secured.add(raw);
  // A large module, to be loaded only where it is in use.
  const tls = require('node:tls');
  const socket = tls.connect({ ALPNProtocols: ['http/1.1'], ...options, path: undefined, socket: raw });
  // It stays: an idle socket's `error` that nobody listens for ends the process.
  socket.on('error', () => {});
  const onSecure = () => {
    raw.off('close', onClose);
    callback(null, socket);
  };
  const onClose = () => {
    socket.off('secureConnect', onSecure);
    callback(socket.errored ?? hangUpError(), socket);
  };
  socket.once('secureConnect', onSecure);
  // Of the raw socket, and before the pool hears of it: this is what says whether the server is to blame.
  raw.prependListener('close', onClose);
  return socket;
}

/**
 * Returns the name that a certificate is checked against: that of the `Host` header, as `https.Agent` does. It is
 * empty for an IP address, for which there is `host`.
 *
 * @param {string} host Of the `Host` header, with a port or without.
 * @returns {string}
 */
function servernameOf(host) {
  const name = host.startsWith('[') ? host.slice(1, host.indexOf(']')) : host.split(':', 1)[0];
  return net.isIP(name) ? '' : name;
}

/** The server has ended TLS without saying why. */
function hangUpError() {
  return Object.assign(new Error('The server ended the TLS connection'), { code: 'ECONNRESET' });
}

module.exports = { hangUpError, secure, secured, servernameOf };
