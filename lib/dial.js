'use strict';

const { builtins } = require('./builtins');
const { NativeReception: Reception } = require('./native');

// Named pipes of Windows are dialled here, by Node itself: only libuv can make a `net.Socket` of one. What a server says
// is judged in Rust all the same, and so are the time limits.

/**
 * A connection that JavaScript has dialled.
 *
 * @typedef {object} Dialled
 * @property {import('./environment').CallContext} context
 * @property {import('node:net').Socket} socket
 * @property {import('./servers/normalize').SocketOptions | null} options
 * @property {Error | null} error That ended it.
 * @property {(error: Error) => void} onError
 */

/**
 * Whether JavaScript has to dial a server. A path with a NUL in it is left to Rust, which refuses it: Node.js 20 would
 * connect to what is before it.
 *
 * @param {import('./servers/normalize').NormalizedServer} server
 */
function isDialledHere({ path }) {
  return path !== undefined && process.platform === 'win32' && !path.includes('\0');
}

/**
 * Dials a named pipe, and tells Rust what comes.
 *
 * @param {import('./environment').CallContext} context
 * @param {number} attempt
 * @param {number} number Of the question that this answers.
 * @param {import('./servers/normalize').NormalizedServer} server
 * @param {(error: Error) => void} fail Ends the attempt as unreachable.
 */
function dial(context, attempt, number, { path, socket: options }, fail) {
  const { native } = context.state;
  const dialled = (context.state.dialled ??= new Map());
  const { allowHalfOpen, highWaterMark } = options ?? {};
  const connecting = /** @type {any} */ ({ path, allowHalfOpen, highWaterMark });
  const socket = builtins.net.connect(connecting);
  // The attempt says whether the process is kept alive.
  socket.unref();
  let line = '';
  const own = { context, socket, options, error: /** @type {Error | null} */ (null), onError };
  dialled.set(attempt, own);
  let isAwaited = true;
  /** Forgets the attempt. Returns whether it was pending. */
  const end = () => dialled.get(attempt) === own && dialled.delete(attempt);

  /** @param {Error} error */
  function onError(error) {
    own.error = error;
    // Behind a slot the outcome takes it along.
    if (isAwaited && end()) fail(error);
  }

  /**
   * Returns whether more is wanted.
   *
   * @param {boolean} hasEnded
   */
  function tell(hasEnded) {
    const reception = native.receive(attempt, number, line, hasEnded);
    if (reception === Reception.More) return true;
    isAwaited = false;
    socket.off('readable', onReadable).off('end', onEnd);
    if (reception === Reception.Over) {
      end();
      socket.destroy();
    }
    return false;
  }

  function onReadable() {
    const chunk = socket.read();
    for (let n = 0; n < chunk?.length; n++) {
      line += String.fromCharCode(chunk[n]);
      if (tell(false)) continue;
      // The rest is the app's.
      if (!socket.destroyed && n + 1 < chunk.length) socket.unshift(chunk.subarray(n + 1));
      return;
    }
  }

  function onEnd() {
    tell(true);
  }

  socket.on('connect', () => native.connected(attempt, number));
  socket.on('error', onError).on('readable', onReadable).on('end', onEnd);
}

/**
 * Takes what was dialled for an attempt that has ended.
 *
 * @param {import('./state').State} state
 * @param {number} attempt
 * @returns {Dialled | undefined}
 */
function takeDialled({ dialled }, attempt) {
  const own = dialled?.get(attempt);
  dialled?.delete(attempt);
  return own;
}

/**
 * Closes what was dialled for attempts that were abandoned.
 *
 * @param {import('./state').State} state
 * @param {import('./environment').CallContext} [context] Only what was dialled in this one.
 */
function hangUp({ dialled }, context) {
  for (const [attempt, own] of dialled ?? []) {
    if (context !== undefined && own.context !== context) continue;
    dialled?.delete(attempt);
    own.socket.destroy();
  }
}

module.exports = { dial, hangUp, isDialledHere, takeDialled };
