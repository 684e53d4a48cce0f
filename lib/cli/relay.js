'use strict';

/** ms without a byte after which a connection that is to end is not in the middle of something. */
const QUIET = 100;

/** Passes bytes on between two sockets, and with them the end of each side, backpressure and resets. */
class Relay {
  #client;
  #upstream;

  /**
   * @param {import('node:net').Socket} client
   * @param {import('node:net').Socket} upstream the server's; both with `allowHalfOpen`
   */
  constructor(client, upstream) {
    this.#client = client;
    this.#upstream = upstream;
    passFailureOn(client, upstream);
    passFailureOn(upstream, client);
    client.pipe(upstream);
    upstream.pipe(client);
  }

  /** Ends the connection in a pause, as a client does that has no more to say: the server's answers still pass. */
  end() {
    const moved = this.#client.bytesRead + this.#client.bytesWritten;
    const check = setTimeout(() => {
      if (this.#client.bytesRead + this.#client.bytesWritten !== moved) return this.end();
      this.#client.unpipe(this.#upstream).resume();
      this.#upstream.end();
    }, QUIET);
    this.#client.once('close', () => clearTimeout(check));
  }
}

/** `pipe` passes on ends, but neither resets nor what was destroyed. */
function passFailureOn(from, to) {
  from.on('error', () => reset(to));
  from.on('close', () => {
    const isComplete = from.readableEnded && from.writableFinished;
    if (!isComplete) to.destroy();
  });
}

/** Closes a socket so that its peer gets an error. Only TCP has resets. */
function reset(socket) {
  if (socket.destroyed) return;
  try {
    socket.resetAndDestroy();
  } catch {
    socket.destroy();
  }
}

module.exports = { Relay, reset };
