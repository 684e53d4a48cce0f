'use strict';

const { subscribe } = require('node:diagnostics_channel');

/**
 * How long a connection has to be without a response until it is ended just so, in ms. On one that is in use the next
 * request may be on its way, and would be lost.
 */
const QUIET = 500;

/**
 * Which connections of an HTTP server are in the middle of a response, so that none is ended there.
 */
class Responses {
  /** Responses that have begun, by connection, oldest first: a client may send requests before it has the answers. */
  #open = new Map();
  /** Connections that are to end behind their last response, and how. */
  #endings = new Map();
  /** When the last response of a connection ended, by `performance.now()`. */
  #answered = new WeakMap();

  /** @param {import('node:net').Server} server */
  constructor(server) {
    followed.set(server, this);
  }

  /**
   * Ends a connection: behind its response where it is in the middle of one, and behind the next one, which tells the
   * client so, where it was in use a moment ago.
   *
   * @param {import('node:stream').Duplex} socket
   * @param {(socket: any) => void} end
   */
  endBehind(socket, end) {
    const open = this.#open.get(socket);
    const quiet = performance.now() - (this.#answered.get(socket) ?? -Infinity);
    if (open === undefined && quiet >= QUIET) return end(socket);
    this.#endings.set(socket, end);
    if (open !== undefined) closeBehind([...open].at(-1));
    else this.#endUnlessUsed(socket, QUIET - quiet);
  }

  #endUnlessUsed(socket, ms) {
    const timer = setTimeout(() => {
      if (!this.#open.has(socket)) this.#end(socket);
    }, ms);
    socket.once('close', () => {
      clearTimeout(timer);
      this.#endings.delete(socket);
    });
  }

  #end(socket) {
    const end = this.#endings.get(socket);
    this.#endings.delete(socket);
    end?.(socket);
  }

  add(socket, response) {
    const open = this.#open.get(socket) ?? new Set();
    this.#open.set(socket, open.add(response));
    response.once('close', () => {
      open.delete(response);
      if (open.size > 0) return;
      this.#open.delete(socket);
      this.#answered.set(socket, performance.now());
      this.#end(socket);
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
