'use strict';

/**
 * Time between two attempts while there is room, in ms. In the simulation of a fleet a pool of 8 is full after 2 s with
 * it, and after 10 s with one attempt a second; after a third of the servers died, after 1.7 s instead of 15.
 */
const FILL_INTERVAL = 100;

/** How much each of these varies to either side: clients that lost a server together come back one by one. */
const FILL_JITTER = 0.25;

/** The interval doubles after so many attempts in a row that brought nothing, and after as many more: as a rover's. */
const VAIN_ATTEMPTS = 10;

/** Where that ends, in ms: a rover that finds nothing gets this slow, and a fleet that is back is filled in 2 s. */
const MAX_FILL_INTERVAL = 1000;

/** These say nothing about the server: it is busy, or no attempt was made. */
const NOT_A_FAILURE = new Set(['ERR_CALLOSUM_REJECTED', 'ERR_CALLOSUM_PENDING', 'ABORT_ERR']);

/**
 * Makes attempts of its own while a pool has room.
 */
class Fill {
  #rover;
  #hasRoom;
  #take;
  #onFailed;
  /** @type {NodeJS.Timeout | null} */
  #timer = null;
  /** Attempts in a row that brought nothing, those in flight included: a dead network answers late or never. */
  #vain = 0;

  /**
   * @param {import('../../index.js')<any>} rover
   * @param {object} pool
   * @param {() => boolean} pool.hasRoom
   * @param {(connection: import('../../index.js').Connection<any>) => boolean} pool.take Returns whether it is kept.
   * @param {(id: string) => void} pool.onFailed A server failed while there is room.
   */
  constructor(rover, { hasRoom, take, onFailed }) {
    this.#rover = rover;
    this.#hasRoom = hasRoom;
    this.#take = take;
    this.#onFailed = onFailed;
  }

  /** To be called when there may be room. */
  begin() {
    if (this.#timer === null && this.#hasRoom()) this.#schedule(Math.random() * FILL_INTERVAL);
  }

  /** To be called when a connection has come by whatever way: servers can be reached. */
  succeed() {
    this.#vain = 0;
  }

  stop() {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #schedule(ms) {
    this.#timer = setTimeout(() => {
      this.#timer = null;
      if (!this.#hasRoom()) return;
      const doublings = Math.floor(this.#vain / VAIN_ATTEMPTS);
      const interval = Math.min(MAX_FILL_INTERVAL, FILL_INTERVAL * 2 ** doublings);
      this.#schedule(interval * (1 + FILL_JITTER * (2 * Math.random() - 1)));
      this.#attempt();
    }, ms);
    // The rover keeps the process alive, or does not: that is the app's to say.
    this.#timer.unref?.();
  }

  #attempt() {
    this.#vain++;
    this.#rover.rove().then(
      (connection) => this.#take(connection),
      (error) => this.#onFailure(error),
    );
  }

  #onFailure({ code, id }) {
    if (id === undefined || NOT_A_FAILURE.has(code)) return;
    if (!this.#hasRoom()) return;
    this.#onFailed(id);
    if (this.#vain < VAIN_ATTEMPTS) this.#attempt();
  }
}

module.exports = { Fill };
