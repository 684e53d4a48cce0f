'use strict';

const http = require('node:http');
const net = require('node:net');
const tls = require('node:tls');

/**
 * The listeners by which Node.js makes a server of TLS, HTTP or HTTP/2 out of a `net.Server`. Each is one function for
 * all servers of its kind, so that a fresh server shows it. In all of these protocols the client speaks first.
 */
function protocolListeners(server) {
  const fresh = [http.createServer(), tls.createServer()];
  // A large module, to be loaded only where it is in use: `updateSettings` is a method of its servers.
  if (typeof server.updateSettings === 'function') fresh.push(require('node:http2').createServer());
  return fresh.flatMap((one) => one.listeners('connection'));
}

/**
 * Takes from a server the listener by which Node.js speaks its protocol.
 *
 * @param {import('node:net').Server} server
 * @param {'connection' | 'secureConnection'} event
 * @returns {Function | undefined} `undefined` where there is none, as at a plain `net.Server`
 */
function takeProtocolListener(server, event) {
  if (server.listenerCount(event) === 0) return undefined;
  const known = protocolListeners(server);
  const listener = server.listeners(event).find((one) => known.includes(one));
  if (listener !== undefined) server.off(event, /** @type {any} */ (listener));
  return listener;
}

/**
 * Lets an HTTP server keep connections that have had a response, too, where the app has left that to Node.js.
 *
 * @param {import('node:net').Server & { keepAliveTimeout?: number }} server
 */
function keepIdleConnections(server) {
  const usual = http.createServer().keepAliveTimeout;
  if (server.keepAliveTimeout === usual) server.keepAliveTimeout = 0;
}

/** Whether the connections of a server become sockets of TLS. */
function isTlsServer(server) {
  return server instanceof tls.Server;
}

/**
 * Returns the raw socket below a socket of TLS that a server has made; `null` where that is another stream. Node.js has no
 * documented name for it; Node.js 20 to 26 and Deno have this one.
 *
 * @param {import('node:tls').TLSSocket} socket
 * @returns {import('node:net').Socket | null}
 */
function rawSocketOf(socket) {
  return /** @type {any} */ (socket)._parent;
}

/**
 * Whether a server is made of sockets of Node.js. In Bun those for HTTP and TLS are not.
 *
 * @param {import('node:net').Server} server
 * @returns {boolean}
 */
function hasRawSockets(server) {
  if (!(server instanceof net.Server)) return false;
  const speaksProtocol = isTlsServer(server) || server instanceof http.Server;
  if (!speaksProtocol) return true;
  const known = protocolListeners(server);
  return server.listeners('connection').some((one) => known.includes(one));
}

module.exports = { hasRawSockets, isTlsServer, keepIdleConnections, rawSocketOf, takeProtocolListener };
