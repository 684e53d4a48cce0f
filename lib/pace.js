'use strict';

/** After so many attempts in a row that brought no connection the interval doubles, as in src/rover/schedule.rs. */
const VAIN_ATTEMPTS = 10;

/**
 * The interval of a roving whose ticks are JavaScript's. They go on at `ROVING_INTERVAL`, which every timer can do, fake
 * ones as well; where the interval is longer, some of them are left out. Its length is a multiple, therefore.
 */
class Pace {
  #state;
  #most;
  /** How many attempts had ended when the interval was last made the shortest one. */
  #since = 0;
  #connections = 0;
  #maxSlot = 0;
  /** Ticks since the last one that was not left out. */
  #ticks = 0;

  /**
   * @param {import('./state').State} state
   * @param {number} interval In ms.
   */
  constructor(state, interval) {
    this.#state = state;
    this.#most = Math.max(1, Math.floor(state.options.MAX_INTERVAL / interval));
    if (this.#most > 1) this.#isReset();
  }

  /** Returns whether a tick is one to make an attempt at. */
  isDue() {
    if (this.#most === 1 || this.#isReset()) return true;
    const { attempts, pending } = this.#state.native.stats();
    const doublings = Math.floor((attempts - pending - this.#since) / VAIN_ATTEMPTS);
    if (++this.#ticks < Math.min(2 ** doublings, this.#most)) return false;
    this.#ticks = 0;
    return true;
  }

  /** Begins anew where there was a connection, or `MAX_SLOT` was raised. */
  #isReset() {
    const { maxSlot, native } = this.#state;
    const { attempts, connections, pending } = native.stats();
    const isReset = connections !== this.#connections || maxSlot > this.#maxSlot;
    if (isReset) {
      this.#since = attempts - pending;
      this.#ticks = 0;
    }
    this.#connections = connections;
    this.#maxSlot = maxSlot;
    return isReset;
  }
}

/**
 * Returns an interval that varies at random by a fraction to either side.
 *
 * @param {number} interval In ms.
 * @param {number} jitter From 0 to 1.
 */
function jittered(interval, jitter) {
  return Math.max(1, interval * (1 + jitter * (2 * Math.random() - 1)));
}

module.exports = { Pace, jittered };
