'use strict';

const diagnostics = require('node:diagnostics_channel');

const { builtins } = require('../builtins');

// `new net.Socket({ fd })` finds out what kind of descriptor it is given, which takes six system calls, and knows no
// SOCKET of Windows. A handle that was opened by hand spares the calls (13.9 -> 12.6 µs of the main thread a
// connection), and works there. The class of these handles can be had without a deprecated `process.binding`, but
// nowhere is it documented: where it is not what we know, the socket takes the descriptor itself.

/** What a TCP handle of Node's is for: `TCPConstants.SOCKET`, not a server (Node 20 to 26, lib/net.js). */
const FOR_A_CONNECTION = 0;

/** From Node 22 on, a socket is announced here when it begins to connect. */
const announced = diagnostics.channel('net.client.socket');

/** @type {(new (type: number) => any) | null | undefined} `null` where it cannot be had */
let TcpHandle;

/**
 * Makes the handle for the descriptor of a TCP connection.
 *
 * @param {number} fd A descriptor, or a SOCKET of Windows. The handle owns it from now on.
 * @returns {any} `undefined` where that cannot be done; the descriptor is still the caller's then.
 */
function tcpHandle(fd) {
  if (TcpHandle === undefined) {
    // A subscriber must not hear of a socket that goes nowhere. Windows has no other way.
    if (announced.hasSubscribers && process.platform !== 'win32') return undefined;
    TcpHandle = captureTcpClass() ?? null;
  }
  if (TcpHandle === null) return undefined;
  const handle = new TcpHandle(FOR_A_CONNECTION);
  if (handle.open(fd) === 0) return handle;
  handle.close();
  return undefined;
}

/**
 * Returns the class of TCP handles, or `undefined` where this runtime has none that works as Node's.
 *
 * `connect()` makes the handle at once, and connects in the next tick: it never comes to that.
 *
 * @returns {(new (type: number) => any) | undefined}
 */
function captureTcpClass() {
  const { Socket } = builtins.net;
  let socket;
  try {
    socket = new Socket();
    // Where sockets are not permitted, that may be said later.
    socket.on('error', () => {});
    socket.connect({ host: '127.0.0.1', port: 9 });
    const Class = /** @type {any} */ (socket)._handle?.constructor;
    return isTcpClass(Class) ? Class : undefined;
  } catch {
    return undefined;
  } finally {
    socket?.destroy();
  }
}

/**
 * The self-test: whether a handle of this class can be made, opened and closed.
 *
 * @param {any} Class
 */
function isTcpClass(Class) {
  if (Class?.name !== 'TCP') return false;
  const handle = new Class(FOR_A_CONNECTION);
  const works = typeof handle.open === 'function' && typeof handle.close === 'function' && handle.fd === -1;
  handle.close();
  return works;
}

module.exports = { captureTcpClass, tcpHandle };
