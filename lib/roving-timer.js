'use strict';

// Captured, so that fake timers of a test don't replace the real one that the process is kept alive by.
const { clearInterval, setInterval } = require('node:timers');

const { MAX_DELAY } = require('./checks');

/**
 * A real Node timer that stands for a roving which runs elsewhere: it keeps the process alive, has
 * `ref()`, `unref()` and all the rest, never does anything, and tells when it is cleared, in whichever
 * way: `clearInterval(timer)`, `clearInterval(+timer)`, `timer.close()`.
 *
 * All these set the timer's `_onTimeout` to null before they take it off the list (Node 18 to 26,
 * lib/timers.js; Deno 2), so a property of that name sees it. See {@link timersTell}.
 *
 * @param {() => void} onCleared called once
 * @param {() => void} onUnref called whenever it no longer keeps the process alive
 * @returns {NodeJS.Timeout}
 */
function rovingTimer(onCleared, onUnref) {
  const timer = setInterval(doNothing, MAX_DELAY);
  const watch = { onTimeout: doNothing, onCleared, onUnref };
  Object.defineProperty(timer, kWatch, { value: watch });
  return Object.defineProperties(timer, WATCHED);
}

const kWatch = Symbol('watch');

// The same functions for all timers, since a process may have many rovers.
const WATCHED = {
  _onTimeout: {
    configurable: true,
    enumerable: true,
    get() {
      return this[kWatch].onTimeout;
    },
    set(value) {
      const watch = this[kWatch];
      const isCleared = watch.onTimeout !== null && value === null;
      watch.onTimeout = value;
      if (isCleared) watch.onCleared();
    },
  },
  unref: {
    configurable: true,
    writable: true,
    value: function unref() {
      const { onTimeout, onUnref } = this[kWatch];
      if (onTimeout !== null) onUnref();
      return Object.getPrototypeOf(this).unref.call(this);
    },
  },
};

/** @type {boolean | undefined} */
let doTell;

/** Whether a roving timer of this runtime does tell: Bun's never do. Found out once, by clearing one. */
function timersTell() {
  if (doTell === undefined) {
    doTell = false;
    clearInterval(rovingTimer(() => (doTell = true), doNothing));
  }
  return doTell;
}

function doNothing() {}

module.exports = { rovingTimer, timersTell };
