'use strict';

const ClientRover = require('callosum-client-tcp-rover');

/** ms that a server has for each half of a look: less than an app's rover gives it, since somebody is watching. */
const TIME_LIMIT = 5_000;

/** Looks do not come in step, so that they don't take each other's slots for load. */
const JITTER = 0.1;

const ignore = () => {};

/**
 * What is known of a server.
 *
 * @typedef {object} Server
 * @property {string} id
 * @property {boolean} isDown whether it failed since it last gave a slot
 * @property {number | null} slot the last one that it gave
 * @property {number} looks
 * @property {number} failed how many of them brought no slot
 * @property {number} failures in a row
 * @property {string | null} lastError a code
 * @property {import('callosum-client-tcp-rover').Times} connectTime in ms
 * @property {import('callosum-client-tcp-rover').Times} slotTime in ms
 */

/**
 * Looks at servers: connects to each once an interval, and closes the connection at its slot line.
 *
 * Each server has a rover of its own, so that it is looked at in time, however many others there are and whatever they
 * do. No slot is as low as `MAX_SLOT`, so that no connection is kept and none gets to JavaScript. One look at a time
 * and a server: one that hangs is not piled up upon. It can be handed to `follow` as a rover.
 */
class Looks {
  /** What was added, by id. */
  servers = {};
  #interval;
  /** @type {Map<string, ClientRover>} */
  #rovers = new Map();

  /** @param {number} interval ms between two looks at a server */
  constructor(interval) {
    this.#interval = interval;
  }

  /**
   * Begins to look at a server.
   *
   * @param {string} id
   * @param {import('callosum-client-tcp-rover').Server} server
   */
  addServer(id, server) {
    this.dropServer(id);
    this.servers[id] = server;
    const rover = new ClientRover({
      servers: { [id]: server },
      ROVING_INTERVAL: this.#interval,
      CONNECT_TIMEOUT: TIME_LIMIT,
      SLOT_TIMEOUT: TIME_LIMIT,
      MAX_PENDING: 1,
      MAX_SLOT: -1,
      JITTER,
    });
    // They are told by the statistics.
    rover.on('error', ignore);
    rover.start();
    this.#rovers.set(id, rover);
  }

  /** @param {string} id an unknown one is a no-op */
  dropServer(id) {
    this.#rovers.get(id)?.stop();
    this.#rovers.delete(id);
    delete this.servers[id];
  }

  /** @returns {Server[]} in the order in which they were added */
  seen() {
    return Array.from(this.#rovers, ([id, rover]) => {
      const { servers } = rover.stats({ servers: true });
      const stats = /** @type {import('callosum-client-tcp-rover').ServerStats} */ (servers.get(id));
      const { isDown, lastSlot, attempts, unreachable, closed, errors, failures, lastError, connectTime, slotTime } = stats;
      return {
        ...{ id, isDown, slot: lastSlot, looks: attempts, failed: unreachable + closed + errors, failures, lastError },
        ...{ connectTime, slotTime },
      };
    });
  }

  /** Looks no more. */
  stop() {
    for (const id of this.#rovers.keys()) this.dropServer(id);
  }
}

module.exports = { Looks };
