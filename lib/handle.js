'use strict';

/** What a TCP handle of Node's is for: `TCPConstants.SOCKET`, not a server (Node 20 to 26, lib/net.js). */
const FOR_A_CONNECTION = 0;

/** @type {(new (type: number) => any) | undefined} */
let TcpHandle;

/**
 * Makes the handle for the descriptor of a TCP connection. `new net.Socket({ fd })` would make the same one, but
 * find out first what kind of descriptor it is, which takes six system calls.
 *
 * @param {number} fd owned by the handle from now on
 * @returns {any} `undefined` where it is not known how to; the descriptor is still the caller's then
 */
function tcpHandle(fd) {
  if (TcpHandle === undefined) return undefined;
  const handle = new TcpHandle(FOR_A_CONNECTION);
  if (handle.open(fd) === 0) return handle;
  handle.close();
  return undefined;
}

/**
 * Learns how to make handles from a socket that has made one of a TCP connection itself. There is no other way to
 * the class that is not deprecated.
 *
 * @param {import('node:net').Socket} socket
 * @param {number} fd that the socket was made of
 */
function learnHandle(socket, fd) {
  const handle = /** @type {any} */ (socket)._handle;
  const isKnown = handle?.constructor.name === 'TCP' && typeof handle.open === 'function' && handle.fd === fd;
  if (isKnown) TcpHandle = handle.constructor;
}

module.exports = { learnHandle, tcpHandle };
