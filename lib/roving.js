'use strict';

const { NativeAdmission: Admission } = require('./native');
const { openContext, setAwaited, setOutstanding, syncSettings } = require('./environment');
const { intervalHandleClass } = require('./node-internals/interval-handle');
const { checkOption } = require('./options');

// What `start()` begins. The ticks are Rust's, unless JavaScript is to be called at each of them anyway, or the timers
// that the app sees are not Node's own.

/** The app's objects are looked at for changes no more often than this, in ms. */
const LOOK_INTERVAL = 1000;

/**
 * The roving of a rover, from `start()` until it is stopped: the owner of its timer.
 */
class Roving {
  /** What stands for it in `intervalId`. @type {any} */
  handle = null;
  /** The call of `start()`, where Rust ticks. @type {import('./environment').CallContext | null} */
  context = null;
  /** Whether what it has outstanding keeps the process alive. */
  isAwaited = true;
  /** Outcomes to come that were counted for the process, or would have been. */
  outstanding = 0;
  #clearInterval = globalThis.clearInterval;
  #state;

  /**
   * @param {import('./state').State} state
   */
  constructor(state) {
    this.#state = state;
  }

  /** The app has cleared the timer. One that it had put aside for an earlier roving is nobody's any more. */
  onClear() {
    if (this.#state.roving === this) this.end();
  }

  onRef() {
    setAwaited(this, true);
  }

  onUnref() {
    setAwaited(this, false);
  }

  /** Ends the roving: no attempt follows. What is in flight still gets its event. */
  end() {
    const { context, handle } = this;
    if (this.#state.roving === this) this.#state.roving = null;
    if (context !== null) {
      this.context = null;
      setOutstanding(context, this.#state.native.stopRoving());
    }
    if (handle !== null) clear(handle, this.#clearInterval);
  }
}

/** What made the attempts that are asked for at this moment: the roving whose tick JavaScript runs. */
let ticking = /** @type {Roving | null} */ (null);

/** Returns the roving that is to answer for an attempt which is asked for now. */
function tickingRoving() {
  return ticking;
}

/**
 * Begins a roving, in place of one that goes on.
 *
 * @param {import('./client-rover')} rover
 * @param {import('./state').State} state
 * @param {() => void} connect The method as it is in this package.
 * @returns {boolean} Whether there are no servers, which is still to be told.
 * @throws {TypeError | RangeError} For a bad `ROVING_INTERVAL`.
 */
function startRoving(rover, state, connect) {
  const interval = checkOption('ROVING_INTERVAL', rover.ROVING_INTERVAL);
  endRoving(rover, state);
  const call = ++state.calls;
  const isSuperseded = () => call !== state.calls;
  const Handle = intervalHandleClass();
  const roving = new Roving(state);
  let admission;
  if (Handle !== null && rover.connect === connect) {
    const context = openContext(rover, state, Infinity, { roving });
    if (isSuperseded()) return close(context);
    admission = start(state, context, interval);
    if (admission === Admission.NoRuntime) close(context);
    else roving.context = context;
  }
  state.roving = roving;
  const isNative = roving.context !== null;
  const callback = isNative ? lookAtServers(state) : tick(rover, roving);
  const ms = isNative ? Math.max(interval, LOOK_INTERVAL) : interval;
  const handle = Handle === null ? fakeInterval(roving, callback, ms) : new Handle(roving, ms, callback);
  // The app may have called start() or stop(), or cleared the timer, from a hook that runs while it is made.
  if (isSuperseded() || state.roving !== roving) {
    clear(handle, globalThis.clearInterval);
    return false;
  }
  roving.handle = handle;
  rover.intervalId = handle;
  if (!isNative) callback();
  return admission === Admission.NoServers;
}

/**
 * Ends the roving of a rover, also where the app has put something else into `intervalId`: that is cleared, too.
 *
 * @param {import('./client-rover')} rover
 * @param {import('./state').State} state
 */
function endRoving(rover, state) {
  const { intervalId } = rover;
  state.roving?.end();
  if (intervalId) clear(intervalId, globalThis.clearInterval);
}

function start(state, context, interval) {
  try {
    return state.native.start(context.key, interval);
  } catch (error) {
    close(context);
    throw error;
  }
}

function close(context) {
  setOutstanding(context, 0);
  return false;
}

/** By method where there is one: `clearInterval` may be another one by now, of fake timers or the real one. */
function clear(handle, clearInterval) {
  if (typeof handle.close === 'function') return handle.close();
  try {
    clearInterval(handle);
  } catch {
    // Whatever the app has put there, it is no timer of these.
  }
}

/** Named for the tools that list what keeps a process alive. */
function lookAtServers(state) {
  return function clientRover() {
    syncSettings();
    state.table.look();
  };
}

function tick(rover, roving) {
  const connect = rover.connect.bind(rover);
  return function clientRover() {
    const before = ticking;
    ticking = roving;
    // A fake timer does not tell that it was unreferenced.
    if (typeof roving.handle?.hasRef === 'function') setAwaited(roving, roving.handle.hasRef());
    try {
      connect();
    } finally {
      ticking = before;
    }
  };
}

/** An interval of the timers that the app sees. */
function fakeInterval(roving, callback, ms) {
  const handle = globalThis.setInterval(callback, ms);
  if (typeof handle?.unref !== 'function') return handle;
  for (const [name, told] of [['ref', 'onRef'], ['unref', 'onUnref']]) {
    const method = handle[name];
    Object.defineProperty(handle, name, {
      __proto__: null,
      configurable: true,
      writable: true,
      value(...args) {
        roving[told]();
        return Reflect.apply(method, this, args);
      },
    });
  }
  return handle;
}

module.exports = { LOOK_INTERVAL, Roving, endRoving, startRoving, tickingRoving };
