'use strict';

const { NativeAdmission: Admission } = require('./native');
const { openContext, runTick, setAwaited, setOutstanding, syncSettings } = require('./environment');
const { intervalHandleClass, isIntervalHandle, setRepeat } = require('./node-internals/interval-handle');
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
    if (this.#goesOn) this.end();
  }

  // Once it has ended, its timer has no say: Node's own keeps nothing alive any more, either.

  onRef() {
    if (this.#goesOn) setAwaited(this, true);
  }

  onUnref() {
    if (this.#goesOn) setAwaited(this, false);
  }

  /** The app has postponed the next tick by an interval from now. Where JavaScript ticks, the timer sees to it. */
  onRefresh() {
    if (this.#goesOn && this.context !== null) this.#state.native.postpone();
  }

  get #goesOn() {
    return this.#state.roving === this;
  }

  /** Ends the roving: no attempt follows. What is in flight still gets its event. */
  end() {
    const { context, handle } = this;
    if (this.#goesOn) this.#state.roving = null;
    // What the last tick has set off may refer to this for long.
    this.handle = null;
    if (context !== null) {
      this.context = null;
      setOutstanding(context, this.#state.native.stopRoving());
    }
    if (handle !== null) clear(handle, this.#clearInterval);
  }
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
  const roving = new Roving(state);
  const onTick = tick(rover, state, roving, interval);
  const { Handle, timer } = intervalHandleClass(() => globalThis.setInterval(onTick, interval));
  // The app may have called start() or stop(), or cleared the timer, from a hook of async_hooks that runs while something
  // is made: here, and twice below.
  if (isSuperseded()) return clear(timer, globalThis.clearInterval);
  let admission;
  if (Handle !== null && rover.connect === connect) {
    const context = openContext(rover, state, Infinity, roving);
    if (isSuperseded()) return close(context);
    admission = start(state, context, interval);
    if (admission === Admission.NoRuntime) close(context);
    else roving.context = context;
  }
  state.roving = roving;
  const isNative = roving.context !== null;
  if (!isNative) state.native.beginPace(interval);
  const callback = isNative ? lookAtServers(state) : onTick;
  const ms = isNative ? Math.max(interval, LOOK_INTERVAL) : firstInterval(interval, state.options.JITTER);
  const handle =
    Handle === null
      ? telling(roving, timer ?? globalThis.setInterval(onTick, interval))
      : new Handle(roving, ms, callback);
  if (isSuperseded() || state.roving !== roving) return clear(handle, globalThis.clearInterval);
  roving.handle = handle;
  rover.intervalId = handle;
  if (!isNative) onTick();
  return admission === Admission.NoServers;
}

/**
 * Ends the roving of a rover, also where the app has put something else into `intervalId`: a timer of its own is
 * cleared, too. Not that of another rover, which a copy of one has.
 *
 * @param {import('./client-rover')} rover
 * @param {import('./state').State} state
 */
function endRoving(rover, state) {
  const { intervalId } = rover;
  const handle = state.roving?.handle;
  state.roving?.end();
  if (intervalId && intervalId !== handle && !isIntervalHandle(intervalId)) clear(intervalId, globalThis.clearInterval);
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

/** By method where it is a `Timeout`: `clearInterval` may be another one by now, of fake timers or the real one. */
function clear(handle, clearInterval) {
  try {
    if (typeof handle?.hasRef === 'function' && typeof handle.close === 'function') handle.close();
    else clearInterval(handle);
  } catch {
    // Whatever the app has put there, it is no timer of these.
  }
  return false;
}

/** Named for the tools that list what keeps a process alive. */
function lookAtServers(state) {
  return function clientRover() {
    syncSettings();
    state.table.look();
  };
}

/** Varies at random by a fraction to either side, as the ticks of Rust do. In whole ms: a timer would cut them off. */
function jittered(interval, jitter) {
  const ms = interval * (1 + jitter * (2 * Math.random() - 1));
  return Math.max(1, Math.floor(ms + Math.random()));
}

/** Cut at random where there is jitter: see `JITTER`. The tests of an app that fake the timers get exact ones. */
function firstInterval(interval, jitter) {
  return jitter > 0 ? Math.max(1, interval * Math.random()) : interval;
}

function tick(rover, state, roving, interval) {
  const connect = rover.connect.bind(rover);
  const { JITTER } = state.options;
  return function clientRover() {
    // A fake timer does not tell that it was unreferenced.
    if (typeof roving.handle?.hasRef === 'function') setAwaited(roving, roving.handle.hasRef());
    if (JITTER > 0) setRepeat(roving.handle, jittered(interval, JITTER));
    if (state.native.countTick()) runTick(roving, connect);
  };
}

/** Has a timer that is not Node's own tell when it is referenced and unreferenced. */
function telling(roving, handle) {
  if (typeof handle?.unref !== 'function') return handle;
  for (const [name, told] of [['ref', 'onRef'], ['unref', 'onUnref']]) {
    const method = handle[name];
    Reflect.defineProperty(handle, name, {
      __proto__: null,
      configurable: true,
      writable: true,
      value(...args) {
        // One of Bun's does not tell either that it was cleared.
        if (!handle._destroyed) roving[told]();
        return Reflect.apply(method, this, args);
      },
    });
  }
  return handle;
}

module.exports = { LOOK_INTERVAL, Roving, endRoving, startRoving };
