'use strict';

// Captured, so that fake timers of a test don't replace the real one that the process is kept alive by.
const { clearInterval, setInterval } = require('node:timers');

const { MAX_DELAY } = require('./checks');

/**
 * Who is told what becomes of a roving timer.
 *
 * @typedef {object} Watcher
 * @property {(owner: any, timer: NodeJS.Timeout) => void} onCleared called once
 * @property {(owner: any, timer: NodeJS.Timeout) => void} onUnref called whenever it no longer keeps the process
 *   alive, unless it was cleared
 */

/** @type {(new (owner: any, watcher: Watcher) => NodeJS.Timeout) | null | undefined} */
let RovingTimer;

/**
 * A class of real Node timers that stand for a roving which runs elsewhere: each keeps the process alive, has
 * `ref()`, `unref()` and all the rest, never does anything, and tells when it is cleared, in whichever way:
 * `clearInterval(timer)`, `clearInterval(+timer)`, `timer.close()`.
 *
 * All these set the timer's `_onTimeout` to null before they take it off the list, and `refresh()` puts it there
 * (Node 18 to 26, lib/internal/timers.js; Deno 2). An accessor on the prototype sees it; on each timer it would
 * cost the memory of a dictionary.
 *
 * @param {any} Timeout what `setInterval` makes
 */
function derive(Timeout) {
  class Derived extends Timeout {
    #onTimeout = doNothing;
    #owner;
    #watcher;

    constructor(owner, watcher) {
      super(doNothing, MAX_DELAY, undefined, true, true);
      this.#owner = owner;
      this.#watcher = watcher;
      this.refresh();
    }

    // Timeout's own constructor comes before the fields of this one: it sets what they begin with, and hands
    // the timer to whoever listens by async_hooks.
    get _onTimeout() {
      return #onTimeout in this ? this.#onTimeout : doNothing;
    }

    set _onTimeout(value) {
      if (!(#onTimeout in this)) return;
      const isCleared = value === null && this.#onTimeout !== null;
      this.#onTimeout = value;
      if (isCleared) this.#watcher.onCleared(this.#owner, this);
    }

    unref() {
      if (this.#onTimeout !== null) this.#watcher.onUnref(this.#owner, this);
      return super.unref();
    }
  }
  // It looks like any other.
  Object.defineProperty(Derived, 'name', { value: Timeout.name });
  Object.defineProperty(Derived.prototype, 'constructor', { value: Timeout });
  return Derived;
}

/** Whether a roving timer of this runtime does tell: Bun has none to derive from. Found out once, by clearing one. */
function timersTell() {
  if (RovingTimer === undefined) {
    RovingTimer = null;
    const probe = setInterval(doNothing, MAX_DELAY);
    clearInterval(probe);
    try {
      const Derived = derive(probe.constructor);
      const watcher = { onCleared: () => (RovingTimer = Derived), onUnref: doNothing };
      clearInterval(new Derived(null, watcher));
    } catch {
      // It is no class, and nothing has told.
    }
  }
  return RovingTimer !== null;
}

/**
 * Makes a roving timer, where {@link timersTell}.
 *
 * @param {any} owner
 * @param {Watcher} watcher
 * @returns {NodeJS.Timeout}
 */
function rovingTimer(owner, watcher) {
  return new RovingTimer(owner, watcher);
}

function doNothing() {}

module.exports = { rovingTimer, timersTell };
