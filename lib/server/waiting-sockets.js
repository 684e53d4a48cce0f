'use strict';

/**
 * Connections that have sent nothing yet. Their server's protocol begins at their first byte, and so do its
 * time limits: those of Node.js would end a connection that waits in a pool (`headersTimeout`,
 * `handshakeTimeout`). Most connections of rovers never send anything, and cost no TLS and no HTTP parser.
 */
class WaitingSockets {
  #sockets = new Set();

  /**
   * @param {import('node:stream').Duplex} socket
   * @param {() => void} begin called when a first byte is there to be read
   */
  add(socket, begin) {
    const sockets = this.#sockets;
    const leave = () => {
      sockets.delete(socket);
      socket.off('readable', onReadable);
      socket.off('end', onEnd);
      socket.off('close', leave);
    };
    const onReadable = () => {
      // At the end there is nothing, and `end` is emitted only to who reads that.
      if (socket.readableLength === 0) return void socket.read();
      leave();
      begin();
    };
    const onEnd = () => {
      leave();
      socket.end();
    };
    sockets.add(socket);
    socket.on('readable', onReadable);
    socket.on('end', onEnd);
    socket.on('close', leave);
  }

  /** Closes them all. */
  destroy() {
    for (const socket of this.#sockets) socket.destroy();
  }
}

module.exports = { WaitingSockets };
