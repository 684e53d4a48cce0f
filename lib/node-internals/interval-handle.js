'use strict';

/**
 * Who is told what becomes of a handle.
 *
 * @typedef {object} Owner
 * @property {(handle: NodeJS.Timeout) => void} onClear Called once.
 * @property {(handle: NodeJS.Timeout) => void} onRefresh Called whenever its next tick is postponed.
 * @property {(handle: NodeJS.Timeout) => void} onRef Called whenever it keeps the process alive again.
 * @property {(handle: NodeJS.Timeout) => void} onUnref Called whenever it no longer does.
 */

/** @typedef {new (owner: Owner, ms: number, callback: () => void) => NodeJS.Timeout} IntervalHandleClass */

/**
 * What `setInterval` is known as: a class of handles, or null where it makes no timers of Node's own. By the function,
 * since tests replace it by a fake one for a while.
 *
 * @type {WeakMap<Function, IntervalHandleClass | null>}
 */
const classes = new WeakMap();

/** What all handles have, and copies of them. */
const IS_HANDLE = Symbol('isIntervalHandle');

/**
 * Returns a class of real Node intervals that tell when they are cleared, in whichever way: `clearInterval(handle)`,
 * `clearInterval(+handle)`, `handle.close()`. Null where the `setInterval` that the app sees makes no such timers: it
 * is a fake one of a test, or Bun's. A fake one must not be called more often than the app expects: the first timer that
 * is made by it tells, and is returned with null.
 *
 * @param {() => any} makeTimer Calls `setInterval`.
 * @returns {{ Handle: IntervalHandleClass | null, timer?: any }}
 */
function intervalHandleClass(makeTimer) {
  const { setInterval } = globalThis;
  const known = classes.get(setInterval);
  if (known !== undefined) return { Handle: known };
  const timer = makeTimer();
  const Handle = learnClass(timer);
  classes.set(setInterval, Handle);
  if (Handle === null) return { Handle, timer };
  globalThis.clearInterval(timer);
  return { Handle };
}

/**
 * Whether it is a handle of such a class, or a copy of one.
 *
 * @param {any} value
 */
function isIntervalHandle(value) {
  return value[IS_HANDLE] === true;
}

/** Finds out by a timer, and by clearing one of the class that is derived from it. */
function learnClass(timer) {
  // `clearInterval` sets it to null, before that it is the callback.
  if (typeof timer !== 'object' || timer === null || !Object.hasOwn(timer, '_onTimeout')) return null;
  try {
    const Handle = derive(timer.constructor);
    let isTold = false;
    const owner = { onClear: () => (isTold = true), onRef: doNothing, onRefresh: doNothing, onUnref: doNothing };
    globalThis.clearInterval(new Handle(owner, 1000, doNothing));
    return isTold ? Handle : null;
  } catch {
    return null;
  }
}

/**
 * All ways to clear a timer set its `_onTimeout` to null before they take it off the list, and `refresh()` puts it
 * there (Node 18 to 26, lib/internal/timers.js; Deno 2). An accessor on the prototype sees it; on each timer it would
 * cost the memory of a dictionary.
 *
 * @param {any} Timeout What `setInterval` makes.
 * @returns {IntervalHandleClass}
 */
function derive(Timeout) {
  class IntervalHandle extends Timeout {
    #onTimeout;
    #owner;

    constructor(owner, ms, callback) {
      super(callback, ms, undefined, true, true);
      this.#onTimeout = callback;
      this.#owner = owner;
      // A hook of async_hooks, which gets the timer from Timeout's own constructor, may have cleared or unreferenced it.
      if (this._destroyed) {
        owner.onClear(this);
      } else {
        super.refresh();
        if (!this.hasRef()) owner.onUnref(this);
      }
    }

    // Timeout's own constructor comes before the fields of this one.
    get _onTimeout() {
      // Node calls it without another look when its hooks `before` have run: one of them may have cleared the timer.
      return (#onTimeout in this ? this.#onTimeout : null) ?? doNothing;
    }

    set _onTimeout(value) {
      if (!(#onTimeout in this)) return;
      const isCleared = value === null && this.#onTimeout !== null;
      this.#onTimeout = value;
      if (isCleared) this.#owner.onClear(this);
    }

    refresh() {
      const self = super.refresh();
      if (#owner in this) this.#owner.onRefresh(this);
      return self;
    }

    ref() {
      const self = super.ref();
      if (#owner in this) this.#owner.onRef(this);
      return self;
    }

    unref() {
      const self = super.unref();
      if (#owner in this) this.#owner.onUnref(this);
      return self;
    }
  }
  // It looks like any other.
  Object.defineProperty(IntervalHandle, 'name', { __proto__: null, value: Timeout.name });
  Object.defineProperties(IntervalHandle.prototype, {
    constructor: { __proto__: null, value: Timeout },
    [IS_HANDLE]: { __proto__: null, value: true },
  });
  return /** @type {any} */ (IntervalHandle);
}

/**
 * Sets how long the intervals of a handle are from its next tick on; called in its callback, from this tick on. Node
 * reads it there when the callback is done (Node 18 to 26, lib/internal/timers.js). What is no handle of these keeps its
 * interval.
 *
 * @param {any} handle
 * @param {number} ms
 */
function setRepeat(handle, ms) {
  if (handle !== null && isIntervalHandle(handle) && typeof handle._repeat === 'number') handle._repeat = ms;
}

function doNothing() {}

module.exports = { intervalHandleClass, isIntervalHandle, setRepeat };
