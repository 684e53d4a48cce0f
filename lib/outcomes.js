'use strict';

const { OutcomeKind, ServerChange } = require('./native');
const { dial, isDialledHere, takeDialled } = require('./dial');
const { publish } = require('./diagnostics');
const { codedError, errorWithoutStack, isExhaustion, systemError, throwLater } = require('./errors');
const { lookUp } = require('./servers/lookup');
const { normalize } = require('./servers/normalize');
const { openSocket, takeSocket } = require('./socket');

// From what the native rover tells to what the app hears.

/** @typedef {import('./environment').CallContext} CallContext */
/** @typedef {import('./servers/table').Entry} Entry */

/**
 * Takes the outcome of an attempt in place of an event: an error, or null and a connection, or nothing at all where
 * the attempt was abandoned.
 *
 * @typedef {(error?: Error | null, connection?: import('./types').Connection) => void} Settle
 */

/** The `server` of an attempt that has none. */
const NO_SERVER = -1;

/** Emits the event of an outcome, if it has one, or settles the call that waits for it. */
function emitOutcome(context, kind, key, number, detail, change, attempt) {
  const { rover, state, settle } = context;
  const entry = key === NO_SERVER ? undefined : state.table.find(key);
  if (kind === OutcomeKind.Made) return publish('attempt', rover, entry);
  const dialled = state.dialled === null ? undefined : takeDialled(state, attempt);
  if (kind !== OutcomeKind.Connection) dialled?.socket.destroy();
  switch (kind) {
    case OutcomeKind.Connection:
      return emitConnection(context, entry, number, change, dialled);
    case OutcomeKind.Rejected:
      if (!announce(context, 'rejected', entry, { slot: number }, change)) return settle?.();
      return settle?.(rejectedError(entry, number));
    case OutcomeKind.Unreachable:
      return emitFailure(context, 'unreachable', entry, systemError(detail, entry), change);
    case OutcomeKind.LookupFailed:
      return emitFailure(context, 'unreachable', entry, takeFailure(context, number), change);
    case OutcomeKind.Closed:
      return emitFailure(context, 'closed', entry, closedError(), change);
    case OutcomeKind.Protocol:
      return emitError(context, entry, protocolError(detail), change);
    case OutcomeKind.Exhausted:
      return emitExhaustion(context, entry, systemError(detail, entry));
    case OutcomeKind.Invalid:
      return emitInvalid(context, entry, takeFailure(context, number));
    case OutcomeKind.NoServers:
      return emitError(context, entry, noServersError(), change);
    case OutcomeKind.Internal:
      return emitError(context, entry, internalError(detail), change);
  }
}

function emitConnection(context, entry, slot, change, dialled) {
  const { rover, state, settle } = context;
  let socket;
  try {
    socket = dialled === undefined ? takeSocket(state.environment, entry.normalized) : openSocket(dialled);
  } catch (error) {
    return emitError(context, entry, error, ServerChange.None);
  }
  if (!announce(context, 'connection', entry, { slot, socket }, change)) {
    socket.destroy();
    return settle?.();
  }
  if (settle !== null) return settle(null, { slot, socket, id: entry.id, server: entry.server });
  // Nobody listens, so nobody would ever close it: that would hold its slot for good. An `emit` of a subclass that
  // returns nothing is given the benefit of the doubt.
  if (rover.emit('connection', slot, socket, entry.id, entry.server) === false) socket.destroy();
}

/** Emits `unreachable` or `closed`. */
function emitFailure(context, name, entry, error, change) {
  const { rover, settle } = context;
  if (!announce(context, name, entry, { error }, change)) return settle?.();
  if (settle !== null) return settle(named(error, entry));
  rover.emit(name, entry.id, entry.server, error);
}

function emitError(context, entry, error, change) {
  const { rover, settle } = context;
  named(error, entry);
  if (!announce(context, 'error', entry, { error }, change)) return settle?.();
  if (settle !== null) return settle(error);
  rover.emit('error', error);
}

/** 0.1.0 never emitted `error` for what the machine ran out of: where nobody listens, it must not end the process. */
function emitExhaustion(context, entry, error) {
  const { rover, settle } = context;
  if (settle !== null || entry === undefined || rover.listenerCount('error') > 0) {
    return emitError(context, entry, error, ServerChange.None);
  }
  if (announce(context, 'error', entry, { error }, ServerChange.None)) {
    rover.emit('unreachable', entry.id, entry.server, error);
  }
}

/** Emits what kept JavaScript from using a server, which says nothing about it. */
function emitInvalid(context, entry, error) {
  if (isExhaustion(error)) return emitExhaustion(context, entry, error);
  return emitError(context, entry, error, ServerChange.None);
}

/**
 * Emits the change of state that an outcome brought, and publishes the outcome.
 *
 * @returns {boolean} Whether the event of the outcome may follow: not if the rover was stopped meanwhile, from here or
 *   from a hook of async_hooks before.
 */
function announce({ rover, state, stops }, name, entry, details, change) {
  if (stops !== state.stops) return false;
  if (change !== ServerChange.None) {
    try {
      if (change === ServerChange.Up) rover.emit('up', entry.id, entry.server);
      else rover.emit('down', entry.id, entry.server, details.error);
    } catch (error) {
      // The outcome is still to be delivered.
      throwLater(error);
    }
  }
  publish(name, rover, entry, details);
  return stops === state.stops;
}

/** Says whose an error is. One that the app made may be anything. */
function named(error, entry) {
  if (entry === undefined || typeof error !== 'object' || error === null || !Object.isExtensible(error)) return error;
  return Object.assign(error, { id: entry.id, server: entry.server });
}

/** Answers what an attempt is to connect to: a server that was bad, or is looked up by the app, or any at all. */
function answerQuestion(context, key, number, attempt) {
  const { state } = context;
  const { native, table } = state;
  const entry = key === NO_SERVER ? undefined : table.find(key);
  const fail = (error, kind = isExhaustion(error) ? OutcomeKind.Invalid : OutcomeKind.LookupFailed) => {
    // It may come too late, and nobody would take it.
    if (!native.fail(attempt, number, kind)) return;
    if (entry !== undefined && kind === OutcomeKind.LookupFailed) entry.lastCode = error?.code ?? null;
    context.failures ??= new Map();
    context.failures.set(number, error ?? nothingThrown(error));
  };
  if (entry === undefined) {
    try {
      table.look(Infinity);
    } catch (error) {
      // Thrown by a getter of the app's, in its table or for it.
      return fail(error, OutcomeKind.Invalid);
    }
    if (table.isEmpty) native.fail(attempt, number, OutcomeKind.NoServers);
    else native.resume(attempt, number);
    return;
  }
  let normalized;
  try {
    normalized = normalize(entry.server);
  } catch (error) {
    return fail(error, OutcomeKind.Invalid);
  }
  if (isDialledHere(normalized)) return dial(context, attempt, number, normalized, fail);
  if (normalized.lookup === undefined) {
    const renewed = table.renew(entry, normalized);
    native.resume(attempt, number, renewed);
    table.letGo(renewed);
    return;
  }
  // What the socket is made by.
  entry.normalized = normalized;
  lookUp(normalized, (addresses) => native.resumeAt(attempt, number, normalized, addresses), fail);
}

/** The error that an answer left for its outcome. */
function takeFailure({ failures }, number) {
  const error = failures.get(number);
  failures.delete(number);
  return error;
}

/**
 * An app may throw `null` as well, of which no listener could make anything. In the words of `EventEmitter`.
 *
 * @param {null | undefined} thrown
 */
function nothingThrown(thrown) {
  return codedError(Error, 'ERR_UNHANDLED_ERROR', `Unhandled error. (${thrown})`);
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

function protocolError(text) {
  const received = Buffer.from(text, 'latin1');
  return codedError(Error, 'ERR_CALLOSUM_PROTOCOL', 'Invalid protocol', { received });
}

function closedError() {
  const error = errorWithoutStack('The server closed the connection before it gave a slot');
  return Object.assign(error, { code: 'ERR_CALLOSUM_CLOSED' });
}

function rejectedError(entry, slot) {
  const error = errorWithoutStack(`Slot ${slot} is above MAX_SLOT`);
  return named(Object.assign(error, { code: 'ERR_CALLOSUM_REJECTED', slot }), entry);
}

/** `MAX_PENDING` is reached. */
function pendingError() {
  return codedError(Error, 'ERR_CALLOSUM_PENDING', 'MAX_PENDING attempts are pending');
}

module.exports = { answerQuestion, emitOutcome, internalError, noServersError, pendingError };
