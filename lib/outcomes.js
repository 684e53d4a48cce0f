'use strict';

const { OutcomeKind } = require('./native');
const { codedError, systemError } = require('./errors');
const { WRAP_FLAGS } = require('./server-options');
const { takeSocket } = require('./socket');

/**
 * Emits the event of an outcome, if it has one.
 *
 * @param {import('./client-rover')} rover
 * @param {import('./state').State} state
 * @param {import('../binding').OutcomeKind} kind
 * @param {number} registration
 * @param {number} slot
 * @param {any} detail
 * @param {import('../binding').NativeServer | null} [dropped] the server, where it is not registered
 */
function emitOutcome(rover, state, kind, registration, slot, detail, dropped) {
  switch (kind) {
    case OutcomeKind.Connection:
      return emitConnection(rover, state, registration, slot, detail);
    case OutcomeKind.Unreachable: {
      const { id, server } = describe(state, registration, dropped);
      return rover.emit('unreachable', id, server, systemError(detail));
    }
    case OutcomeKind.LocalFault: {
      const server = describe(state, registration, dropped);
      return rover.emit('error', Object.assign(systemError(detail), server));
    }
    case OutcomeKind.Protocol:
      return rover.emit('error', protocolError(detail, describe(state, registration, dropped)));
    case OutcomeKind.NoServers:
      return rover.emit('error', noServersError());
    case OutcomeKind.Internal:
      return rover.emit('error', internalError(detail));
    case OutcomeKind.Rejected:
      return false;
  }
}

/** There was no server to pick. */
function noServersError() {
  return codedError(Error, 'ERR_CALLOSUM_NO_SERVERS', 'No servers to contact');
}

/**
 * A bug of this package.
 *
 * @param {string} message
 */
function internalError(message) {
  return codedError(Error, 'ERR_CALLOSUM_INTERNAL', `Internal error: ${message}`);
}

function protocolError(text, server) {
  const received = Buffer.from(text, 'latin1');
  return codedError(Error, 'ERR_CALLOSUM_PROTOCOL', 'Invalid protocol', { ...server, received });
}

function emitConnection(rover, state, registration, slot, wrap) {
  let socket;
  try {
    socket = takeSocket(state.fleet, connectedServer(state, registration, wrap));
  } catch (error) {
    return rover.emit('error', error);
  }
  // Nobody listens, so nobody would ever close it: that would hold its slot for good. An `emit` of a
  // subclass that says nothing is given the benefit of the doubt.
  if (rover.emit('connection', slot, socket) === false) socket.destroy();
}

/** The server of a connection, of which `wrap` is all that is known where it was dropped meanwhile. */
function connectedServer(state, registration, wrap) {
  const { server = {}, checked } = state.table.find(registration) ?? {};
  const { flags, keepAliveInitialDelay, timeout } = wrap ?? { flags: 0, keepAliveInitialDelay: 0, timeout: 0 };
  const { encoding, highWaterMark } = server;
  const isPlain = !wrap && encoding === undefined && highWaterMark === undefined;
  return {
    host: checked?.host ?? '',
    path: flags & WRAP_FLAGS.unix ? '' : undefined,
    socket: isPlain
      ? null
      : {
          allowHalfOpen: (flags & WRAP_FLAGS.allowHalfOpen) !== 0,
          noDelay: (flags & WRAP_FLAGS.noDelay) !== 0,
          keepAlive: (flags & WRAP_FLAGS.keepAlive) !== 0,
          keepAliveInitialDelay,
          timeout,
          encoding,
          highWaterMark,
        },
  };
}

/** The id and the app's own object of a server, or an equal one where the app has dropped it. */
function describe(state, registration, dropped) {
  const entry = dropped ? state.table.findLike(dropped) : state.table.find(registration);
  if (entry !== undefined) return { id: entry.id, server: entry.server };
  const { id, host, port, path } = dropped;
  return { id, server: path === undefined ? { host, port } : { path } };
}

module.exports = { emitOutcome, internalError, noServersError };
