'use strict';

const native = require('./native');
const { MAX_DELAY, checkNumber, invalidType } = require('./checks');
const { nativeEnvironment } = require('./environment');
const { ServerTable } = require('./servers');

const kState = Symbol('state');

const DEFAULTS = {
  ROVING_INTERVAL: 1000,
  CONNECT_TIMEOUT: 10_000,
  SLOT_TIMEOUT: 30_000,
  MAX_PENDING: 1024,
  MAX_SLOT: Infinity,
};

/**
 * What a rover has besides its public fields.
 *
 * @typedef {object} State
 * @property {native.Environment} fleet
 * @property {native.ClientRover} native
 * @property {ServerTable} table
 * @property {import('./environment').Origin | null} roving the origin of the roving in Rust
 * @property {NodeJS.Timeout | null} timer what stands for that roving in `intervalId`
 * @property {AbortSignal | null} signal
 * @property {number} maxSlot
 */

/**
 * Makes a rover of an `EventEmitter`: a new one, or one that a constructor of the old style passes as
 * `this`.
 *
 * @param {import('./client-rover')} rover
 * @param {import('./client-rover').Options | null} [options]
 * @throws {TypeError | RangeError} for a bad option or server
 */
function initialise(rover, options) {
  const given = options || {};
  checkInterval(given.ROVING_INTERVAL);
  const connectTimeout = checkTimeout('CONNECT_TIMEOUT', given);
  const slotTimeout = checkTimeout('SLOT_TIMEOUT', given);
  const maxPending = checkNumber('MAX_PENDING', given.MAX_PENDING ?? DEFAULTS.MAX_PENDING, 1, MAX_DELAY);
  const maxSlot = checkMaxSlot(given.MAX_SLOT ?? DEFAULTS.MAX_SLOT);
  const signal = checkSignal(given.signal);

  const fleet = nativeEnvironment();
  const limits = { connectTimeout, slotTimeout, maxPending, maxSlot };
  const nativeRover = new native.ClientRover(fleet, limits);
  const table = new ServerTable(nativeRover, given.servers || {});
  const state = { fleet, native: nativeRover, table, roving: null, timer: null, signal, maxSlot };

  // The order of the original, for whoever prints a rover.
  rover.intervalId = null;
  rover.ROVING_INTERVAL = given.ROVING_INTERVAL || DEFAULTS.ROVING_INTERVAL;
  Object.defineProperty(rover, kState, { configurable: true, value: state });
  Object.defineProperty(rover, 'servers', SERVERS);
  if (signal !== null) stopOnAbort(rover, signal);
}

/**
 * The state of a rover, after taking back the properties that something else was defined over, as the
 * class fields of a subclass are: `class X extends ClientRover { servers = {…} }`.
 *
 * @param {import('./client-rover')} rover
 * @returns {State}
 * @throws {TypeError | RangeError} for a bad value in their place
 */
function reclaim(rover) {
  const state = stateOf(rover);
  const { servers } = rover;
  if (servers !== state.table.view) {
    state.table.replace(servers);
    Object.defineProperty(rover, 'servers', SERVERS);
  }
  if (Object.hasOwn(rover, 'MAX_SLOT')) {
    const { MAX_SLOT } = rover;
    delete rover.MAX_SLOT;
    rover.MAX_SLOT = MAX_SLOT;
  }
  return state;
}

// The same functions for all rovers: V8 would make a dictionary of each rover otherwise.
const SERVERS = {
  configurable: true,
  enumerable: true,
  get() {
    return stateOf(this).table.view;
  },
  set(servers) {
    stateOf(this).table.replace(servers);
  },
};

/**
 * @param {import('./client-rover')} rover
 * @returns {State}
 */
function stateOf(rover) {
  return rover[kState];
}

/**
 * Checks `ROVING_INTERVAL`.
 *
 * @param {unknown} value
 * @returns {number} ms; 0, null and undefined mean the default, as in the original
 */
function checkInterval(value) {
  const given = Number.isNaN(value) ? value : value || DEFAULTS.ROVING_INTERVAL;
  return Math.max(1, checkNumber('ROVING_INTERVAL', given, 0, MAX_DELAY));
}

/**
 * Checks `MAX_SLOT`.
 *
 * @param {unknown} value
 * @returns {number}
 */
function checkMaxSlot(value) {
  if (typeof value !== 'number' || Number.isNaN(value)) throw invalidType('MAX_SLOT', 'a number', value);
  return value;
}

function checkTimeout(name, options) {
  return checkNumber(name, options[name] ?? DEFAULTS[name], 0, MAX_DELAY);
}

function checkSignal(signal) {
  if (signal === undefined || signal === null) return null;
  if (typeof signal !== 'object' || !('aborted' in signal)) {
    throw invalidType('signal', 'an AbortSignal', signal);
  }
  return signal;
}

/** @type {WeakMap<AbortSignal, Set<WeakRef<object>>>} the rovers that a signal stops */
const followers = new WeakMap();

/** References to rovers that were collected, to be taken out. */
const collected = new FinalizationRegistry(({ rovers, reference }) => rovers.delete(reference));

/**
 * A signal often outlives the rover, and must not keep it. It has one listener for all its rovers: more
 * than ten would make Node warn.
 */
function stopOnAbort(rover, signal) {
  let rovers = followers.get(signal);
  if (rovers === undefined) {
    rovers = new Set();
    followers.set(signal, rovers);
    const stopAll = () => rovers.forEach((reference) => reference.deref()?.stop());
    signal.addEventListener('abort', stopAll, { once: true });
  }
  const reference = new WeakRef(rover);
  rovers.add(reference);
  collected.register(rover, { rovers, reference });
}

module.exports = { checkInterval, checkMaxSlot, initialise, reclaim, stateOf };
