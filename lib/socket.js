'use strict';

const { codedError } = require('./errors');
const { learnHandle, tcpHandle } = require('./handle');

/** @type {typeof import('node:net').Socket} */
let Socket;

/** Loads `node:net`, which takes as long as all the rest of this package, and so not at `require`. */
function loadSocket() {
  ({ Socket } = require('node:net'));
}

/** Which options of a server concern its socket; bits of `NativeWrap.flags`. */
const WRAP_FLAGS = { allowHalfOpen: 1, noDelay: 2, keepAlive: 4, unix: 8 };

/**
 * Makes the socket of the connection that is being delivered: open and flowing, like one from
 * `net.connect()` that has just emitted `data`.
 *
 * @param {import('../binding').Environment} fleet
 * @param {import('../binding').NativeWrap | null} [wrap] what the server asks for
 * @returns {import('node:net').Socket}
 * @throws what the constructor throws, or ERR_CALLOSUM_UNSUPPORTED; the descriptor is closed then
 */
function takeSocket(fleet, wrap) {
  const flags = wrap ? wrap.flags : 0;
  const isTcp = (flags & WRAP_FLAGS.unix) === 0;
  let handle;
  let socket;
  try {
    const fd = fleet.claim();
    handle = isTcp ? tcpHandle(fd) : undefined;
    socket = new Socket({
      handle,
      // Not both: whoever ignores the handle must not open the descriptor a second time.
      fd: handle === undefined ? fd : undefined,
      readable: true,
      writable: true,
      // The rest are what net.connect() ends up with as well. They are spelled out since V8 is faster
      // with one shape of options for all sockets of a process.
      allowHalfOpen: (flags & WRAP_FLAGS.allowHalfOpen) !== 0,
      emitClose: false,
      autoDestroy: true,
      decodeStrings: false,
    });
    if (handle !== undefined) {
      if (socket.pending) throw unsupportedError();
    } else if (socket.pending) {
      adopt(socket, fd);
    } else if (isTcp) {
      learnHandle(socket, fd);
    }
  } catch (error) {
    // Whatever has the descriptor closes it.
    if (handle ?? socket?._handle) fleet.adopted();
    else fleet.refused();
    socket?.destroy();
    handle?.close();
    throw error;
  }
  fleet.adopted();
  if (wrap) {
    // By method: given to the constructor they would be ignored, and a later call would be, too.
    if (flags & WRAP_FLAGS.noDelay) socket.setNoDelay(true);
    if (flags & WRAP_FLAGS.keepAlive) socket.setKeepAlive(true, wrap.keepAliveInitialDelay);
    if (wrap.timeout > 0) socket.setTimeout(wrap.timeout);
  }
  // Without this, `end` and `close` never come where nobody reads. The flow begins in the next tick:
  // a listener that reads, pauses or pipes at once loses nothing.
  return socket.resume();
}

/**
 * Has a socket adopt the descriptor that its constructor ignored, as Bun's does.
 *
 * @param {import('node:net').Socket} socket
 * @param {number} fd
 * @throws {Error} ERR_CALLOSUM_UNSUPPORTED where that leaves it without the descriptor, or not open
 */
function adopt(socket, fd) {
  // Whatever the socket itself has to say of a failure would come later, and with less sense.
  socket.on('error', ignore);
  let cause;
  try {
    socket.connect({ fd });
  } catch (error) {
    cause = error;
  }
  if (socket.pending) throw unsupportedError(cause && { cause });
  socket.off('error', ignore);
}

function unsupportedError(properties) {
  const message = 'This runtime makes no open net.Socket of a descriptor, as Node.js, Deno 2 and Bun 1.4 do';
  return codedError(Error, 'ERR_CALLOSUM_UNSUPPORTED', message, properties);
}

function ignore() {}

module.exports = { WRAP_FLAGS, loadSocket, takeSocket };
