'use strict';

const { subscribe } = require('node:diagnostics_channel');

/**
 * Which connections of an HTTP server are in the middle of a response, so that none is ended there.
 */
class Responses {
  /** Responses that have begun, by connection, oldest first: a client may send requests before it has the answers. */
  #open = new Map();
  /** Connections that are to end behind their last response, and how. */
  #endings = new Map();

  /** @param {import('node:net').Server} server */
  constructor(server) {
    followed.set(server, this);
  }

  /**
   * Ends a connection, behind its response where it is in the middle of one.
   *
   * @param {import('node:stream').Duplex} socket
   * @param {(socket: any) => void} end
   */
  endBehind(socket, end) {
    const open = this.#open.get(socket);
    if (open === undefined) return end(socket);
    this.#endings.set(socket, end);
    closeBehind([...open].at(-1));
  }

  add(socket, response) {
    const open = this.#open.get(socket) ?? new Set();
    this.#open.set(socket, open.add(response));
    response.once('close', () => {
      open.delete(response);
      if (open.size > 0) return;
      this.#open.delete(socket);
      this.#endings.get(socket)?.(socket);
      this.#endings.delete(socket);
    });
    if (this.#endings.has(socket)) closeBehind(response);
  }
}

/** Tells the client, where it is not too late for that, not to use the connection again. */
function closeBehind(response) {
  if (!response.headersSent) response.setHeader('Connection', 'close');
}

/** @type {WeakMap<object, Responses>} by server */
const followed = new WeakMap();

// Unlike the event `request` this tells of requests with `Expect: 100-continue` as well.
subscribe('http.server.request.start', ({ server, socket, response }) => {
  followed.get(server)?.add(socket, response);
});

module.exports = { Responses };
