'use strict';

/** Keeps servers of a rover in step with a list that comes again and again. Those that others have added are left alone. */
class Table {
  #rover;
  /** What it has put into the rover's table, as JSON, by id. */
  #added = new Map();

  /** @param {import('callosum-client-tcp-rover')} rover */
  constructor(rover) {
    this.#rover = rover;
  }

  /** @param {{ [id: string]: { host: string, port: number } }} servers all that there are */
  replace(servers) {
    // First, so that the table is not empty in between.
    for (const [id, server] of Object.entries(servers)) {
      const text = JSON.stringify(server);
      if (this.#added.get(id) === text) continue;
      this.#added.set(id, text);
      this.#rover.addServer(id, server);
    }
    for (const id of this.#added.keys()) {
      if (Object.hasOwn(servers, id)) continue;
      this.#added.delete(id);
      this.#rover.dropServer(id);
    }
  }
}

module.exports = { Table };
