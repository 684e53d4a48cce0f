'use strict';

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
   * @param {AbortSignal | undefined} signal
   * @returns {Promise<Lease>}
   */
  wait(signal) {
    return new Promise((resolve, reject) => {
      const onAbort = () => waiter.reject(abortError(/** @type {AbortSignal} */ (signal).reason));
      const leave = () => {
        this.#waiting.delete(waiter);
        signal?.removeEventListener('abort', onAbort);
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
      this.#waiting.add(waiter);
      signal?.addEventListener('abort', onAbort, { once: true });
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

/** @param {unknown} cause */
function abortError(cause) {
  const error = new Error('The operation was aborted', { cause });
  return Object.assign(error, { code: 'ABORT_ERR', name: 'AbortError' });
}

module.exports = { Waiters, abortError };
