'use strict';

const { MAX_TIME } = require('./time.js');

/** @typedef {import('../pool').Lease} Lease */
/** @typedef {import('node:http').ClientRequest} ClientRequest */

/**
 * The agent that uses a connection at the moment.
 *
 * @typedef {object} Holder
 * @property {(carrier: Carrier) => void} onFree The response has come to its end.
 * @property {(carrier: Carrier) => void} onDetached The app has taken the socket over, as after an upgrade.
 * @property {(carrier: Carrier) => void} onClose
 */

/** How long before its time a server's promise to keep a connection is not relied on any more, in ms: as Node.js. */
const HINT_MARGIN = 1000;

/** @type {WeakMap<import('node:net').Socket, Carrier>} By the socket of the pool. */
const carriers = new WeakMap();

/**
 * A connection of a pool that carries HTTP, from one request to the next.
 */
class Carrier {
  /** What is written to: the socket of the pool, or TLS on it. */
  socket;
  /** What a request has to ask for to be sent over it: TLS to this name, with these options; `null` without TLS. */
  name;
  /** Of the request that goes on. @type {Lease | null} */
  lease = null;
  /** @type {Holder | null} */
  holder = null;
  /** @type {ClientRequest | null} */
  request = null;
  /** The name by which the agent counts it. */
  key = '';
  /** Whether a request was sent over it before: one that fails now may not have been seen by the server. */
  isUsed = false;
  isDetached = false;
  /** Until when the server keeps it for another request, by `performance.now()`: as its last answer said. */
  keptUntil = Infinity;
  /** Ends what `idle` began: whoever has the connection next reads from it. */
  wake = () => {
    this.socket.off('data', this.#onIdle);
    this.socket.off('timeout', this.#onIdle);
  };
  #onIdle = () => this.socket.destroy();

  /**
   * @param {import('node:net').Socket} raw
   * @param {import('node:net').Socket} socket
   * @param {string | null} name
   */
  constructor(raw, socket, name) {
    this.socket = socket;
    this.name = name;
    socket.setNoDelay(true);
    socket.on('free', () => this.holder?.onFree(this));
    socket.on('agentRemove', () => this.holder?.onDetached(this));
    // Before the pool, which judges the server by what was told of the connection until then.
    raw.prependListener('close', () => this.holder?.onClose(this));
    carriers.set(raw, this);
  }

  /**
   * Begins a request.
   *
   * @param {Holder} holder
   * @param {Lease} lease
   * @param {ClientRequest} request
   * @param {string} key
   */
  begin(holder, lease, request, key) {
    this.holder = holder;
    this.lease = lease;
    this.request = request;
    this.key = key;
    request.reusedSocket = this.isUsed;
    this.isUsed = true;
  }

  /** Ends what `begin` began, and returns its lease. */
  end() {
    const { lease } = this;
    this.holder = null;
    this.lease = null;
    this.request = null;
    return /** @type {Lease} */ (lease);
  }

  /** Whether its server keeps it for another request. */
  get isKept() {
    return this.keptUntil > performance.now();
  }

  /** Waits for the next request, until `wake`. Bytes that nobody asked for would be taken for the answer to it. */
  idle() {
    const { keptUntil, socket } = this;
    // 0 is for ever, and a timer takes what is too long for 1 ms.
    const ms = keptUntil === Infinity ? 0 : Math.min(Math.max(1, Math.ceil(keptUntil - performance.now())), MAX_TIME);
    // As an agent of Node.js does: the socket would keep the request.
    /** @type {any} */ (socket)._httpMessage = null;
    if (socket.timeout !== ms) socket.setTimeout(ms);
    socket.on('data', this.#onIdle);
    socket.on('timeout', this.#onIdle);
    if (!socket.readableFlowing) socket.resume();
  }
}

/**
 * Returns until when a server says that it keeps the connection of a response, by `performance.now()`: `Infinity` where
 * it says nothing.
 *
 * @param {ClientRequest} request
 */
function keptUntil(request) {
  const hint = /** @type {any} */ (request).res?.headers['keep-alive'];
  const seconds = /\btimeout=(\d+)/.exec(hint ?? '')?.[1];
  return seconds === undefined ? Infinity : performance.now() + Number(seconds) * 1000 - HINT_MARGIN;
}

/**
 * Returns whether it is known that a connection is of no use to a request. Later versions of Node.js see what has
 * arrived and was not read yet: with an idle connection that can only be its end.
 *
 * @param {import('node:net').Socket} socket
 */
function isStale(socket) {
  if (socket.destroyed || !socket.writable || !socket.readable) return true;
  return /** @type {any} */ (socket)._handle?.hasPendingRead?.() === true;
}

module.exports = { Carrier, carriers, isStale, keptUntil };
