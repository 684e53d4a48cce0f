'use strict';

const diagnostics = require('node:diagnostics_channel');

const { builtins } = require('./builtins');
const { codedError } = require('./errors');
const { tcpHandle } = require('./node-internals/tcp-handle');

/** As it is here: fake timers may replace it. */
const runSoon = setImmediate;

/** Where Node announces the sockets of `net.connect()`. */
const announced = diagnostics.channel('net.client.socket');

/** What a server asks for that asks for nothing. */
const DEFAULTS = {
  allowHalfOpen: false,
  noDelay: false,
  keepAlive: false,
  keepAliveInitialDelay: 0,
  timeout: 0,
  encoding: undefined,
  highWaterMark: undefined,
};

/**
 * Makes the socket of the connection that is being delivered: open and flowing, like one from
 * `net.connect()` that has just emitted `data`.
 *
 * @param {import('../binding').Environment} environment
 * @param {Pick<import('./servers/normalize').NormalizedServer, 'host' | 'path' | 'socket'>} server It is connected to.
 * @returns {import('node:net').Socket}
 * @throws what `claim()` or the constructor throws, or ERR_CALLOSUM_UNSUPPORTED; the descriptor is closed then
 */
function takeSocket(environment, server) {
  const options = server.socket ?? DEFAULTS;
  const isTcp = server.path === undefined;
  // Its typings leave out what is not documented.
  const { Socket, isIP } = /** @type {any} */ (builtins.net);
  // Outside of the `try`: where nothing was claimed there is nothing to settle.
  const fd = environment.claim();
  let handle;
  let socket;
  try {
    handle = isTcp ? tcpHandle(fd) : undefined;
    // A SOCKET is no descriptor, and its number may be that of one.
    if (handle === undefined && process.platform === 'win32') throw unsupportedError();
    socket = new Socket({
      handle,
      // Not both: whoever ignores the handle must not open the descriptor a second time.
      fd: handle === undefined ? fd : undefined,
      readable: true,
      writable: true,
      allowHalfOpen: options.allowHalfOpen,
      // The next three are what net.connect() ends up with as well. They are spelled out since V8 is faster
      // with one shape of options for all sockets of a process.
      emitClose: false,
      autoDestroy: true,
      decodeStrings: false,
      encoding: options.encoding,
      highWaterMark: options.highWaterMark,
    });
    if (handle !== undefined) {
      // One that is broken already may say so at once, on Windows: then it is over, and its `error` follows.
      if (socket.pending && !socket.destroyed) throw unsupportedError();
    } else if (socket.pending) {
      adopt(socket, fd);
    }
  } catch (error) {
    // Whatever has the descriptor closes it.
    if (handle ?? socket?._handle) environment.confirm();
    else environment.abort();
    socket?.destroy();
    handle?.close();
    throw error;
  }
  environment.confirm();
  // By this name tls.connect({ socket }) checks the certificate. Node sets none for an IP address, or a path.
  if (isTcp && !isIP(server.host)) socket._host = server.host;
  if (announced.hasSubscribers) announced.publish({ socket });
  if (server.socket !== null) apply(socket, server.socket);
  // Without this, `end` and `close` never come where nobody reads. The flow begins in the next tick:
  // a listener that reads, pauses or pipes at once loses nothing.
  return socket.resume();
}

/**
 * Makes the socket of a connection that JavaScript has dialled like one of {@link takeSocket}.
 *
 * @param {object} dialled As lib/dial.js has it.
 * @param {Error | null} dialled.error
 * @param {(error: Error) => void} dialled.onError
 * @param {import('./servers/normalize').SocketOptions | null} dialled.options
 * @param {import('node:net').Socket} dialled.socket
 * @returns {import('node:net').Socket}
 * @throws what ended the connection, where it was over before it could be delivered
 */
function openSocket({ error, onError, options, socket }) {
  if (error !== null) throw error;
  socket.off('error', onError);
  if (options?.encoding !== undefined) socket.setEncoding(/** @type {BufferEncoding} */ (options.encoding));
  if (options !== null) apply(socket, options);
  // What came along with the slot line is in the socket already, and would be gone in the next tick, before whoever
  // awaits the socket can listen. Until then it is as if it did not flow, which is the same to any reader.
  runSoon(() => {
    if (socket.readableFlowing === null) socket.resume();
  });
  return socket.ref();
}

/**
 * Sets what would be ignored if it were given to the constructor.
 *
 * @param {import('node:net').Socket} socket
 * @param {import('./servers/normalize').SocketOptions} options
 */
function apply(socket, { keepAlive, keepAliveInitialDelay, noDelay, timeout }) {
  if (noDelay) socket.setNoDelay(true);
  if (keepAlive) socket.setKeepAlive(true, keepAliveInitialDelay);
  if (timeout > 0) socket.setTimeout(timeout);
}

/**
 * Has a socket adopt the descriptor that its constructor ignored, as Bun's does.
 *
 * @param {any} socket
 * @param {number} fd
 * @throws {Error} ERR_CALLOSUM_UNSUPPORTED where that leaves it without the descriptor, or not open
 */
function adopt(socket, fd) {
  // Whatever the socket itself has to say of a failure would come later, and with less sense.
  socket.on('error', ignore);
  /** @type {any} */
  let cause;
  try {
    socket.connect({ fd });
  } catch (error) {
    cause = error;
  }
  if (socket.pending) throw unsupportedError(cause && { cause });
  socket.off('error', ignore);
}

/** @param {object} [properties] */
function unsupportedError(properties) {
  const message = 'This runtime makes no open net.Socket of a descriptor, as Node.js, Deno 2 and Bun 1.4 do';
  return codedError(Error, 'ERR_CALLOSUM_UNSUPPORTED', message, properties);
}

function ignore() {}

module.exports = { openSocket, takeSocket };
