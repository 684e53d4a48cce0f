'use strict';

/**
 * A small pool of connections over a rover. It keeps those with the lowest slots and closes the
 * rest; that is all it takes for the load of the servers to level out.
 */

const { EventEmitter } = require('node:events');

/**
 * Emits `keep (slot, socket)` when a connection enters the pool, and `drop (slot, socket)` when it
 * leaves: replaced by a better one, or dead.
 */
class Pool extends EventEmitter {
  #rover;
  #retire;
  /** MAX_SLOT as the application had set it, in force while there is room. */
  #maxSlot;
  /** `{slot, socket}`, lowest slot first. Pools are small: a scan is as good as a heap. */
  #kept = [];
  #onConnection = (slot, socket) => this.#offer(slot, socket);

  /**
   * @param {import('events').EventEmitter} rover a ClientRover; the pool sets its `MAX_SLOT`, the
   *   application starts and stops it
   * @param {object} [options={}]
   * @param {number} [options.size=5] connections to keep
   * @param {(socket: import('net').Socket) => void} [options.retire] closes a live connection that
   *   leaves the pool, by default with `socket.end()`; where answers may still be on their way, wait
   *   for them here
   */
  constructor(rover, { size = 5, retire = (socket) => socket.end() } = {}) {
    super();
    if (!Number.isInteger(size) || size < 1) throw new RangeError(`size must be an integer from 1 up: ${size}`);
    this.size = size;
    this.#rover = rover;
    this.#retire = retire;
    this.#maxSlot = rover.MAX_SLOT;
    rover.on('connection', this.#onConnection);
  }

  /** @returns {boolean} whether a connection has to be better than one of the pool to get in */
  get isFull() {
    return this.#kept.length >= this.size;
  }

  /** @returns {import('net').Socket[]} the connections, lowest slot (least loaded server) first */
  get sockets() {
    return this.#kept.map(({ socket }) => socket);
  }

  /** Takes no more connections and retires those it has. Stop the rover first. */
  close() {
    this.#rover.off('connection', this.#onConnection);
    for (const { socket } of [...this.#kept]) {
      this.#remove(socket);
      this.#retire(socket);
    }
    this.#rover.MAX_SLOT = this.#maxSlot;
  }

  #offer(slot, socket) {
    // For as long as the socket lives, in the pool or not: a socket `error` that nobody listens for
    // ends the process, and a retired one may still be reset by its server.
    socket.on('error', () => this.#remove(socket));
    socket.on('end', () => this.#remove(socket));
    socket.on('close', () => this.#remove(socket));

    // MAX_SLOT stops most of these natively, but an attempt may have passed it when it was higher.
    const worst = this.#kept.at(-1);
    if (this.isFull && slot >= worst.slot) {
      socket.destroy();
      return;
    }
    const replaced = this.isFull ? this.#kept.pop() : null;
    const place = this.#kept.findIndex((other) => other.slot > slot);
    this.#kept.splice(place < 0 ? this.#kept.length : place, 0, { slot, socket });
    this.#limitRover();
    if (replaced) {
      this.#retire(replaced.socket);
      this.emit('drop', replaced.slot, replaced.socket);
    }
    this.emit('keep', slot, socket);
  }

  #remove(socket) {
    const place = this.#kept.findIndex((entry) => entry.socket === socket);
    if (place < 0) return;
    const [{ slot }] = this.#kept.splice(place, 1);
    this.#limitRover();
    this.emit('drop', slot, socket);
  }

  /** Lets the rover itself turn away what `#offer` would only close. */
  #limitRover() {
    this.#rover.MAX_SLOT = this.isFull
      ? Math.min(this.#maxSlot, this.#kept.at(-1).slot - 1)
      : this.#maxSlot;
  }
}

module.exports = { Pool };
