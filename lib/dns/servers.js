'use strict';

/** The servers that a follower has put into the table of a rover. */
class Servers {
  #rover;
  /** The very objects that are in the table, by id: with another one in its place a server is somebody else's. */
  #added = new Map();

  /** @param {import('./index.js').Rover} rover */
  constructor(rover) {
    this.#rover = rover;
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
    const dropped = [...this.#added.keys()].filter((id) => !wanted.has(id) && this.#drop(id));
    return { added, dropped };
  }

  #add(id, server) {
    // Where the app has dropped it, as apps do at `unreachable`, it is added again: the name says that it is there.
    if (this.#current(id) !== undefined) return false;
    this.#added.set(id, server);
    this.#rover.addServer(id, server);
    return true;
  }

  #drop(id) {
    const isOurs = this.#current(id) === this.#added.get(id);
    this.#added.delete(id);
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
