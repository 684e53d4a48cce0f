'use strict';

const { abortError, onAbort } = require('./abort.js');

/** @typedef {import('./lease.js').Lease} Lease */

/**
 * Those that wait for a connection, in order of asking.
 */
class Waiters {
  /** @type {Set<{ resolve: (lease: Lease) => void, reject: (error: Error) => void }>} */
  #waiting = new Set();

  get size() {
    return this.#waiting.size;
  }

  /**
   * Waits.
   *
   * @param {AbortSignal | null | undefined} signal
   * @returns {Promise<Lease>}
   */
  wait(signal) {
    return new Promise((resolve, reject) => {
      let forget = () => {};
      const leave = () => {
        this.#waiting.delete(waiter);
        forget();
      };
      const waiter = {
        resolve(lease) {
          leave();
          resolve(lease);
        },
        reject(error) {
          leave();
          reject(error);
        },
      };
      // First, since it throws where the signal is none.
      if (signal) forget = onAbort(signal, () => waiter.reject(abortError(signal.reason)));
      this.#waiting.add(waiter);
    });
  }

  /**
   * Serves who asked first.
   *
   * @param {Lease} lease Given back where nobody waits any more.
   */
  serve(lease) {
    const [first] = this.#waiting;
    if (first === undefined) lease.release();
    else first.resolve(lease);
  }

  /** @param {Error} error What all of them get. */
  rejectAll(error) {
    for (const waiter of [...this.#waiting]) waiter.reject(error);
  }
}

module.exports = { Waiters };
