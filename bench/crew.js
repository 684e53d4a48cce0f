'use strict';

const { setTimeout: sleep } = require('node:timers/promises');

/**
 * How many roves ended in which way: `connection`, `rejected` (the slot was too high), `unreachable`, `closed`,
 * `error`.
 *
 * @typedef {Record<string, number>} Outcomes
 */

/** Rovers of one contestant at work, with an app's listeners: they close every connection. */
class Crew {
  #awaited = null;
  #maxSlot;
  #outcomes = { connection: 0, rejected: 0, unreachable: 0, closed: 0, error: 0 };
  #rovers;

  /**
   * @param {import('node:events')[]} rovers
   * @param {object} [options]
   * @param {number} [options.maxSlot=Infinity] the highest slot that the app wants
   */
  constructor(rovers, { maxSlot = Infinity } = {}) {
    this.#maxSlot = maxSlot;
    this.#rovers = rovers;
    for (const rover of rovers) {
      rover.on('connection', (slot, socket) => this.#onConnection(slot, socket));
      rover.on('unreachable', () => this.#settle('unreachable'));
      rover.on('closed', () => this.#settle('closed'));
      rover.on('error', () => this.#settle('error'));
    }
  }

  /**
   * Makes so many attempts by `connect()` of the first rover: some at once, then one for each that has
   * ended.
   *
   * @param {number} count
   * @param {number} [inFlight=64]
   * @returns {Promise<Outcomes>}
   */
  async rove(count, inFlight = 64) {
    const before = this.#count();
    const [rover] = this.#rovers;
    await new Promise((resolve) => {
      let [begun, ended] = [0, 0];
      const begin = () => {
        begun++;
        rover.connect();
      };
      this.#awaited = () => {
        ended++;
        if (begun < count) begin();
        else if (ended === count) resolve();
      };
      while (begun < Math.min(count, inFlight)) begin();
    });
    this.#awaited = null;
    return difference(this.#count(), before);
  }

  /**
   * Lets the rovers, which have been started, rove for a while.
   *
   * @param {number} duration ms
   * @returns {Promise<Outcomes>}
   */
  async watch(duration) {
    const before = this.#count();
    await sleep(duration);
    return difference(this.#count(), before);
  }

  #onConnection(slot, socket) {
    socket.destroy();
    this.#settle(slot > this.#maxSlot ? 'rejected' : 'connection');
  }

  #settle(kind) {
    this.#outcomes[kind]++;
    this.#awaited?.();
  }

  #count() {
    let { rejected } = this.#outcomes;
    // The package doesn't tell of a rejection by an event, it counts it.
    for (const rover of this.#rovers) rejected += rover.stats?.().rejected ?? 0;
    return { ...this.#outcomes, rejected };
  }
}

function difference(outcomes, before) {
  return Object.fromEntries(Object.entries(outcomes).map(([kind, count]) => [kind, count - before[kind]]));
}

module.exports = { Crew };
