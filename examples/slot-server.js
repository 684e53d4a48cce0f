'use strict';

/**
 * A Callosum server: it greets every new connection with the lowest free slot number, in ASCII
 * digits and CR LF, and takes the slot back when the connection is gone.
 *
 *     node examples/slot-server.js 4040        and, to see a slot:  nc 127.0.0.1 4040
 */

const net = require('node:net');

/** Slot numbers from 0 up, the lowest free one first. */
class FreeSlots {
  /** Slots given back, highest first, so that the lowest is the cheap one to pop. */
  #returned = [];
  #unused = 0;

  /** @returns {number} the lowest free slot, no longer free */
  take() {
    return this.#returned.pop() ?? this.#unused++;
  }

  /** @param {number} slot a slot from `take`, free again */
  giveBack(slot) {
    let low = 0;
    let high = this.#returned.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#returned[middle] > slot) low = middle + 1;
      else high = middle;
    }
    this.#returned.splice(low, 0, slot);
  }
}

/**
 * A `net.Server` that speaks Callosum. `listen`, `address` and `close` are those of `net.Server`.
 *
 * Emits `slot (slot, socket)` when the slot line is on its way; from here on the connection is the
 * application's, which has to read it. Without a listener, what the client sends is discarded.
 */
class SlotServer extends net.Server {
  #slots = new FreeSlots();
  #sockets = new Set();

  /** @param {net.ServerOpts} [options={}] as for `net.Server` */
  constructor(options = {}) {
    super(options);
    this.on('connection', (socket) => this.#greet(socket));
  }

  /** @returns {number} connections that hold a slot at this moment */
  get slotsInUse() {
    return this.#sockets.size;
  }

  /**
   * Stops listening and ends every connection.
   *
   * @param {number} [grace=1000] ms that clients have for closing their side, before they are cut off
   * @returns {Promise<void>} fulfilled when all connections are gone
   */
  async shutdown(grace = 1000) {
    const closed = [new Promise((resolve) => this.close(() => resolve()))];
    for (const socket of this.#sockets) {
      // The server reports its own `close` a little before the last connection does.
      closed.push(new Promise((resolve) => socket.once('close', resolve)));
      socket.end();
    }
    const cutOff = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, grace);
    await Promise.all(closed);
    clearTimeout(cutOff);
  }

  #greet(socket) {
    const slot = this.#slots.take();
    this.#sockets.add(socket);
    // Only `close` frees the slot: it comes once, after `end`, `error` and `destroy` alike.
    socket.on('close', () => {
      this.#sockets.delete(socket);
      this.#slots.giveBack(slot);
    });
    // A reset is everyday here, since rovers close what they do not want; `close` follows it.
    socket.on('error', () => {});
    socket.write(`${slot}\r\n`);
    // A socket that nobody reads never sees the client's end, and would hold its slot for ever.
    if (!this.emit('slot', slot, socket)) socket.resume();
  }
}

module.exports = { SlotServer };

if (require.main === module) {
  const server = new SlotServer();
  server.on('slot', (slot, socket) => {
    console.log(`slot ${slot} taken, ${server.slotsInUse} in use`);
    socket.on('close', () => console.log(`slot ${slot} free, ${server.slotsInUse} in use`));
    socket.resume();
  });
  server.listen(Number(process.argv[2] ?? 4040), '127.0.0.1', () => {
    const { address, port } = server.address();
    console.log(`listening on ${address}:${port}, Ctrl-C ends`);
  });
  process.once('SIGINT', () => server.shutdown());
}
