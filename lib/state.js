'use strict';

const native = require('./native');
const { offAbort, onAbort } = require('./abort');
const { hangUp } = require('./dial');
const { closeAll, nativeEnvironment } = require('./environment');
const { throwLater } = require('./errors');
const { checkOption, checkOptions, nativeOptions } = require('./options');
const { endRoving } = require('./roving');
const { ServerTable } = require('./servers/table');

/**
 * What a rover has besides its public fields.
 *
 * @typedef {object} State
 * @property {import('../binding').Environment} environment
 * @property {import('../binding').ClientRover} native
 * @property {ServerTable} table
 * @property {import('./roving').Roving | null} roving
 * @property {import('./client-rover')} rover
 * @property {Record<string, any>} options Checked.
 * @property {AbortSignal | null} signal
 * @property {number} maxSlot
 * @property {Map<number, import('./dial').Dialled> | null} dialled By attempt: what JavaScript has dialled, as long as the
 *   attempt is pending.
 * @property {number} calls Counts `start()` and `stop()`: one that is called in the middle of another wins.
 * @property {number} stops Counts `stop()`: no event may follow it.
 * @property {number} lookedAt When the table was last looked at, in ms.
 */

/** Puts a private field on any object: no copy of a rover has it, as a symbol's property would be copied. */
class Stamp extends class {
  constructor(object) {
    return object;
  }
} {
  #state;

  constructor(rover, state) {
    super(rover);
    this.#state = state;
  }

  static get(rover) {
    return #state in rover ? rover.#state : undefined;
  }

  static set(rover, state) {
    if (#state in rover) rover.#state = state;
    else new Stamp(rover, state);
  }
}

/**
 * A property that leads to the state: a proxy of the rover has it, too, as has what inherits from the rover or got its
 * descriptors. It is a function since no deep clone goes into one.
 */
const ORIGIN = Symbol('origin');

/**
 * Makes a rover of an object: a new one, or one that a constructor of the old style passes as `this`.
 *
 * @param {import('./client-rover')} rover
 * @param {import('./types').Options | null} [options]
 * @throws {TypeError | RangeError} For a bad option.
 */
function initialise(rover, options) {
  const checked = checkOptions(options);
  // As 0.1.0 reads them, and in its order, for whoever prints a rover.
  const { ROVING_INTERVAL, servers } = options || {};
  rover.intervalId = null;
  rover.ROVING_INTERVAL = ROVING_INTERVAL || checked.ROVING_INTERVAL;
  if (hasAccessor(rover)) Reflect.set(rover, 'servers', servers || {});
  attach(rover, checked, servers);
}

/**
 * Returns the state of a rover. An object without any, which got the methods of a rover in some other way than by its
 * constructor, becomes one with the fields that it has.
 *
 * @param {import('./client-rover')} rover
 * @returns {State}
 */
function stateOf(rover) {
  return Stamp.get(rover) ?? adopt(rover);
}

function adopt(rover, servers) {
  const origin = rover[ORIGIN]?.();
  if (origin === undefined) return attach(rover, checkOptions(), servers ?? rover.servers);
  if (probeProxy(rover, origin.rover)) {
    Stamp.set(rover, origin);
    return origin;
  }
  const { options, maxSlot, table } = origin;
  return attach(rover, { ...options, MAX_SLOT: maxSlot }, table.view);
}

/** Finds out whether one is a proxy of the other: what is done to the other, for a moment, is seen through it. */
function probeProxy(rover, other) {
  if (!Object.hasOwn(rover, ORIGIN)) return false;
  const origin = other[ORIGIN];
  if (!Reflect.set(other, ORIGIN, null)) return false;
  const isSeen = rover[ORIGIN] === null;
  other[ORIGIN] = origin;
  return isSeen;
}

/**
 * Returns the state of a rover, after taking in what was defined over its properties, as the class fields of a
 * subclass are: `class X extends ClientRover { servers = {…} }`.
 *
 * @param {import('./client-rover')} rover
 * @returns {State}
 */
function syncFields(rover) {
  const state = stateOf(rover);
  const { servers } = rover;
  if (servers !== state.table.view) {
    if (hasAccessor(rover)) {
      state.table.follow(rover, servers);
    } else {
      Reflect.defineProperty(rover, 'servers', SERVERS);
      state.table.replace(servers);
    }
  }
  if (Object.hasOwn(rover, 'MAX_SLOT') && !isMaxSlotOfAny(rover)) {
    const { MAX_SLOT } = rover;
    delete (/** @type {any} */ (rover).MAX_SLOT);
    haveMaxSlot(rover);
    setMaxSlot(state, MAX_SLOT);
  }
  return state;
}

function isMaxSlotOfAny(rover) {
  return Object.getOwnPropertyDescriptor(rover, 'MAX_SLOT')?.get === MAX_SLOT_OF_ANY.get;
}

/** Sees to it that an object that is no `ClientRover` has the live property. */
function haveMaxSlot(rover) {
  if (!('MAX_SLOT' in rover)) Reflect.defineProperty(rover, 'MAX_SLOT', MAX_SLOT_OF_ANY);
}

/**
 * Stops a rover: no event follows.
 *
 * @param {import('./client-rover')} rover
 */
function stop(rover) {
  const state = stateOf(rover);
  state.calls++;
  state.stops++;
  endRoving(rover, state);
  rover.intervalId = null;
  closeAll(state.native.stop());
  hangUp(state);
}

/**
 * Changes the highest slot that is wanted.
 *
 * @param {State} state
 * @param {unknown} slot
 * @throws {TypeError} Where it is no number.
 */
function setMaxSlot(state, slot) {
  state.maxSlot = checkOption('MAX_SLOT', slot ?? NaN);
  state.native.setMaxSlot(state.maxSlot);
}

function attach(rover, options, servers) {
  const environment = nativeEnvironment();
  const nativeRover = new native.ClientRover(environment, nativeOptions(options));
  const isAccessor = hasAccessor(rover);
  const state = {
    environment,
    native: nativeRover,
    // An accessor is read by `syncFields`: it may need fields that a constructor is still to set.
    table: new ServerTable(nativeRover, isAccessor ? null : servers),
    roving: null,
    rover,
    options,
    signal: options.signal,
    maxSlot: options.MAX_SLOT,
    dialled: null,
    calls: 0,
    stops: 0,
    lookedAt: -Infinity,
  };
  Stamp.set(rover, state);
  Object.defineProperty(rover, ORIGIN, { __proto__: null, configurable: true, value: () => state, writable: true });
  // It fails where an object of the app's own has a property that can't be changed: see `syncFields`.
  if (!isAccessor) Reflect.defineProperty(rover, 'servers', SERVERS);
  haveMaxSlot(rover);
  if (options.signal !== null) stopOnAbort(rover, options.signal);
  return state;
}

/**
 * The same functions for all rovers: V8 would make a dictionary of each rover otherwise.
 *
 * @type {PropertyDescriptor & ThisType<any>}
 */
const SERVERS = {
  __proto__: null,
  configurable: true,
  enumerable: true,
  get() {
    return (Stamp.get(this) ?? adopt(this, {})).table.view;
  },
  set(servers) {
    (Stamp.get(this) ?? adopt(this, {})).table.replace(servers);
  },
};

/**
 * Whether `servers` is an accessor of the app's own, as by `get servers()` in a subclass: 0.1.0 read it at each pick.
 *
 * @param {object} rover
 */
function hasAccessor(rover) {
  for (let object = rover; object !== null; object = Object.getPrototypeOf(object)) {
    const descriptor = Object.getOwnPropertyDescriptor(object, 'servers');
    if (descriptor !== undefined) return Object.hasOwn(descriptor, 'get') && descriptor.get !== SERVERS.get;
  }
  return false;
}

/**
 * For an object that has the methods of a rover and not its prototype.
 *
 * @type {PropertyDescriptor & ThisType<any>}
 */
const MAX_SLOT_OF_ANY = {
  __proto__: null,
  configurable: true,
  enumerable: false,
  get() {
    return stateOf(this).maxSlot;
  },
  set(slot) {
    setMaxSlot(stateOf(this), slot);
  },
};

/** Takes back what waits for the signals of rovers that were collected. The signal may refer to its rover. */
const collected = new FinalizationRegistry(({ signal, onAborted }) => offAbort(signal.deref() ?? {}, onAborted));

/** A signal often outlives the rover, and must not keep it. */
function stopOnAbort(rover, signal) {
  const reference = new WeakRef(rover);
  const onAborted = () => {
    const aborted = reference.deref();
    if (aborted === undefined) return;
    try {
      // One that has the methods of 0.1.0 alone has none.
      if (typeof aborted.stop === 'function') aborted.stop();
      else stop(aborted);
    } catch (error) {
      // It must not keep the others.
      throwLater(error);
    }
  };
  onAbort(signal, onAborted);
  collected.register(rover, { signal: new WeakRef(signal), onAborted });
}

module.exports = { initialise, setMaxSlot, stateOf, stop, syncFields };
