'use strict';

/**
 * What followers have put into the table of a rover.
 *
 * @typedef {object} Entry
 * @property {object} server The very object that is in the table: with another one in its place it is the app's.
 * @property {Set<Servers>} holders those that want it there; the last one that does not any more drops it
 */

/** @type {WeakMap<import('./index.js').Rover, Map<string, Entry>>} by rover and id: names may have addresses in common */
const entriesByRover = new WeakMap();

/** The servers that a follower wants in the table of a rover. */
class Servers {
  #rover;
  #entries;

  /** @param {import('./index.js').Rover} rover */
  constructor(rover) {
    this.#rover = rover;
    this.#entries = entriesByRover.get(rover) ?? new Map();
    entriesByRover.set(rover, this.#entries);
  }

  /**
   * Puts these in the place of those that were put in before. The ones that stay are left as they are.
   *
   * @param {{ host: string, port: number }[]} servers
   * @returns {{ added: string[], dropped: string[] }} ids
   */
  replace(servers) {
    const wanted = new Map(servers.map((server) => [idOf(server), server]));
    // First, so that the table is not empty in between.
    const added = [...wanted].filter(([id, server]) => this.#add(id, server)).map(([id]) => id);
    const dropped = this.#held().filter((id) => !wanted.has(id) && this.#drop(id));
    return { added, dropped };
  }

  /** Leaves them in the table for good, as the app's: also those that others want there. */
  leave() {
    for (const id of this.#held()) this.#entries.delete(id);
  }

  #held() {
    return [...this.#entries].filter(([, { holders }]) => holders.has(this)).map(([id]) => id);
  }

  #add(id, server) {
    const entry = this.#entries.get(id);
    const current = this.#current(id);
    if (current !== undefined) {
      if (current === entry?.server) entry.holders.add(this);
      return false;
    }
    // Where the app has dropped it, as apps do at `unreachable`, it is added again: the name says that it is there.
    const holders = entry?.holders ?? new Set();
    this.#entries.set(id, { server, holders: holders.add(this) });
    this.#rover.addServer(id, server);
    return true;
  }

  #drop(id) {
    const { server, holders } = this.#entries.get(id);
    holders.delete(this);
    if (holders.size > 0) return false;
    this.#entries.delete(id);
    const isOurs = this.#current(id) === server;
    if (isOurs) this.#rover.dropServer(id);
    return isOurs;
  }

  #current(id) {
    const table = this.#rover.servers ?? {};
    return Object.hasOwn(table, id) ? table[id] : undefined;
  }
}

function idOf({ host, port }) {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

module.exports = { Servers };
