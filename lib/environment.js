'use strict';

const { AsyncResource } = require('node:async_hooks');
// Captured, so that fake timers of a test don't replace what keeps the process alive.
const { setInterval } = require('node:timers');

const { Environment, OutcomeKind } = require('./native');
const { MAX_DELAY } = require('./checks');
const { emitOutcome, internalError } = require('./outcomes');
const { loadSocket } = require('./socket');

// All rovers of this JavaScript environment, and the one way that outcomes take to them. A rover is
// referenced from here as long as it roves or has attempts in flight, and no longer.

/**
 * Who asked for attempts: one call of `connect()`, or one of `start()`. Its outcomes are emitted in the
 * asynchronous context of that call.
 *
 * @typedef {object} Origin
 * @property {number} number its name in Rust
 * @property {import('./client-rover')} rover
 * @property {import('./state').State} state
 * @property {AsyncResource} resource
 * @property {number} left outcomes to come; Infinity while it roves
 */

/** @type {Map<number, Origin>} */
const origins = new Map();

const keepAlive = {
  /** @type {NodeJS.Timeout | undefined} */
  timer: undefined,
  awaited: 0,

  /** Keeps the process alive for so many more outcomes, or so many less. */
  add(count) {
    const before = this.awaited;
    this.awaited += count;
    if (before === 0 && this.awaited > 0) {
      this.timer ??= setInterval(() => {}, MAX_DELAY);
      this.timer.ref();
    } else if (before > 0 && this.awaited === 0) {
      this.timer.unref();
    }
  },
};

/** @type {Environment | undefined} */
let native;
let lastNumber = 0;
let isWatchingExit = false;

/** The native fleet of this environment. The first call makes it. */
function nativeEnvironment() {
  if (native === undefined) {
    native = new Environment(deliver);
    loadSocket();
  }
  return native;
}

/**
 * Opens an origin for so many outcomes. They keep the process alive, unless they are without end:
 * a roving has a timer for that.
 *
 * @param {import('./client-rover')} rover
 * @param {import('./state').State} state
 * @param {number} left
 * @returns {Origin}
 */
function openOrigin(rover, state, left) {
  const resource = new AsyncResource('ClientRover');
  return register({ number: 0, rover, state, resource, left: 0 }, left);
}

/**
 * Says how many outcomes of an origin are still to come. Without any it is closed.
 *
 * @param {Origin} origin
 * @param {number} left
 */
function expectOutcomes(origin, left) {
  keepAlive.add(finite(left) - finite(origin.left));
  origin.left = left;
  if (left === 0) origins.delete(origin.number);
}

/**
 * Closes all origins of a rover, whose outcomes were withdrawn.
 *
 * @param {import('./client-rover')} rover
 */
function forget(rover) {
  for (const origin of origins.values()) {
    if (origin.rover === rover) expectOutcomes(origin, 0);
  }
}

function register(origin, left) {
  do lastNumber = (lastNumber + 1) >>> 0;
  while (origins.has(lastNumber));
  origin.number = lastNumber;
  origins.set(origin.number, origin);
  expectOutcomes(origin, left);
  return origin;
}

/** Called from Rust, once for each outcome, each time as a callback of its own. */
function deliver(kind, number, registration, slot, detail, dropped) {
  const origin = origins.get(number);
  if (origin === undefined) {
    if (kind === OutcomeKind.Internal) throw internalError(detail);
    return;
  }
  if (origin.left !== Infinity) expectOutcomes(origin, origin.left - 1);
  const { resource, rover, state } = origin;
  resource.runInAsyncScope(emitOutcome, null, rover, state, kind, registration, slot, detail, dropped);
}

/**
 * Has the process wait for the attempts of a roving that are in flight at this moment: they get their
 * events also where its timer is unreferenced, as with sockets of `net.connect()`.
 *
 * @param {Origin} origin
 */
function awaitRoving(origin) {
  if (!isWatchingExit) {
    isWatchingExit = true;
    process.on('beforeExit', awaitAttempts);
  }
  const successor = register({ ...origin, left: 0 }, Infinity);
  origin.state.roving = successor;
  expectOutcomes(origin, origin.state.native.renameRoving(successor.number));
}

/** The event loop has nothing left to do: what roves now has an unreferenced timer. */
function awaitAttempts() {
  for (const origin of [...origins.values()]) {
    if (origin.left === Infinity) awaitRoving(origin);
  }
}

function finite(count) {
  return count === Infinity ? 0 : count;
}

module.exports = { awaitRoving, expectOutcomes, forget, nativeEnvironment, openOrigin };
