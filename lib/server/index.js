'use strict';

const net = require('node:net');

const { Drain } = require('./drain.js');
const { FreeSlots } = require('./free-slots.js');
const { hasRawSockets, isTlsServer, keepIdleConnections, rawSocketOf, takeProtocolListener } = require('./protocols.js');
const { Responses } = require('./responses.js');
const { WaitingSockets } = require('./waiting-sockets.js');

/**
 * Added to the slots that are given during a drain: no pool wants them, and they still fit into 32 bits. Other slots are
 * announced below it: docs/protocol.md.
 */
const DRAIN_SLOT = 1_000_000_000;

/** ms without traffic after which a client is probed: one that lost power would hold its slot for ever. */
const KEEP_ALIVE_DELAY = 60_000;

/** The methods of a server that are to close connections that wait, too. */
const CLOSING = ['close', 'closeIdleConnections', 'closeAllConnections'];

/** The longest time that a timer of Node.js takes, in ms. */
const MAX_TIME = 2 ** 31 - 1;

/**
 * @typedef {object} SlotOptions
 * @property {number} [weight] What this server can take, compared to others: one of weight 2 gets twice the
 *   connections of one of weight 1, since its slot n is announced as floor(n / weight). Default: 1.
 */

/**
 * @typedef {object} DrainOptions
 * @property {number} [over] The time over which the connections are ended, in ms. Default: 30000.
 * @property {number} [grace] How long, after that, connections may take to close, in ms; then they are destroyed.
 *   Default: 5000.
 * @property {(socket: import('node:net').Socket) => void} [end] Ends one connection. Not used for HTTP/2, where the
 *   session is closed. Default: `socket.end()`.
 */

/** @type {WeakSet<import('node:net').Server>} */
const served = new WeakSet();

const ignoreError = () => {};

/** The slots of a server. Made by `giveSlots`. */
class Slots {
  #server;
  #weight;
  #isTls;
  #free = new FreeSlots();
  /** The raw sockets that hold a slot. */
  #holders = new Set();
  /** What is ended in a drain, the outermost of each connection: a raw socket, one of TLS, or a session of HTTP/2. */
  #endable = new Set();
  #waiting = new WaitingSockets();
  #responses;
  #drain = null;
  #isDrained = false;
  /** @type {Promise<void> | undefined} */
  #drained;
  /** @type {(socket: any) => void} */
  #endSocket;
  #onAllGone = () => {};
  #cutOff = null;

  /**
   * @private
   * @param {import('node:net').Server} server
   * @param {number} weight
   */
  constructor(server, weight) {
    this.#server = server;
    this.#weight = weight;
    this.#isTls = isTlsServer(server);
    this.#responses = new Responses(server);
    const protocol = takeProtocolListener(server, 'connection');
    const secureProtocol = takeProtocolListener(server, 'secureConnection');
    this.#goFirst((socket) => this.#onConnection(socket, protocol));
    server.prependListener('secureConnection', (socket) => this.#onSecureConnection(socket, secureProtocol));
    server.prependListener('session', (session) => this.#addEndable(session));
    if (protocol === undefined) return;
    keepIdleConnections(server);
    for (const name of CLOSING) this.#closeWaitingAt(name);
  }

  /**
   * How many connections hold a slot at this moment.
   *
   * @type {number}
   */
  get used() {
    return this.#holders.size;
  }

  /**
   * Empties the server. From now on its slots are so high that no pool wants them, and its connections are ended one
   * after the other over a time: with HTTP, not in the middle of a response. Once all were ended, a new connection is
   * closed without a slot. The server listens until it is closed. A second call gives the same promise.
   *
   * @param {DrainOptions} [options]
   * @returns {Promise<void>} fulfilled when all connections are gone, `over` and `grace` later at most
   * @throws {TypeError | RangeError} for a bad option
   */
  drain({ over = 30_000, grace = 5_000, end = (socket) => socket.end() } = {}) {
    checkTime('over', over);
    checkTime('grace', grace);
    if (typeof end !== 'function') throw new TypeError(`end must be a function: ${end}`);
    this.#drained ??= new Promise((resolve) => {
      this.#endSocket = guarded(end);
      this.#onAllGone = () => {
        clearTimeout(this.#cutOff);
        resolve();
      };
      this.#drain = new Drain(this.#endable, {
        over,
        end: (one) => this.#end(one),
        onEnded: () => this.#finishDrain(grace),
      });
      this.#drain.start();
    });
    return this.#drained;
  }

  /** Before every listener of the app, also one that it prepends later: the slot line goes first. */
  #goFirst(onConnection) {
    const server = /** @type {any} */ (this.#server);
    const { emit } = server;
    server.emit = (event, ...args) => {
      if (event !== 'connection') return emit.call(server, event, ...args);
      onConnection(args[0]);
      emit.call(server, event, ...args);
      return true;
    };
  }

  #onConnection(socket, protocol) {
    // One that was handed over by `emit` may be closed already, and then emits `close` no more.
    if (socket.destroyed) return;
    // A reset is everyday here, since rovers close what they do not want.
    socket.on('error', ignoreError);
    if (this.#isDrained) return void socket.destroy();
    this.#give(socket);
    this.#follow(socket, protocol);
    // A socket that nobody reads never sees its client's end, and would hold its slot for ever.
    if (this.#server.listenerCount('connection') === 0 && protocol === undefined) socket.resume();
  }

  #give(socket) {
    const slot = this.#free.take();
    this.#holders.add(socket);
    // Only `close` frees the slot: it comes once, after `end`, `error` and `destroy` alike.
    socket.once('close', () => {
      this.#free.giveBack(slot);
      this.#holders.delete(socket);
      if (this.#isDrained && this.#holders.size === 0) this.#onAllGone();
    });
    const announced = Math.min(Math.floor(slot / this.#weight), DRAIN_SLOT - 1);
    socket.write(`${this.#drain === null ? announced : DRAIN_SLOT + slot}\r\n`, 'latin1');
    // What was handed over need not be a socket of TCP; and the app may have a delay of its own.
    if (!(/** @type {any} */ (this.#server).keepAlive)) socket.setKeepAlive?.(true, KEEP_ALIVE_DELAY);
  }

  #onSecureConnection(socket, protocol) {
    this.#follow(socket, protocol);
    // Not before: a drain waits for handshakes, too.
    this.#removeEndable(rawSocketOf(socket));
  }

  /** Follows a socket, raw or of TLS, on which the server's protocol, if it has one, begins with the first byte. */
  #follow(socket, protocol) {
    this.#addEndable(socket);
    if (protocol !== undefined) this.#waiting.add(socket, () => this.#begin(socket, protocol));
  }

  #begin(socket, protocol) {
    const before = this.#endable.size;
    protocol.call(this.#server, socket);
    // HTTP goes on with this socket; HTTP/2 has made a session of it by now. TLS emits a socket of its own after the
    // handshake, but one over a stream does not tell which.
    const isReplaced = this.#endable.size > before;
    const isLost = this.#isTls && this.#holders.has(socket) && !(socket instanceof net.Socket);
    if (isReplaced || isLost) this.#removeEndable(socket);
  }

  #addEndable(one) {
    this.#endable.add(one);
    one.once('close', () => this.#removeEndable(one));
    // A handshake may have taken longer than the drain.
    if (this.#isDrained) this.#end(one);
  }

  #removeEndable(one) {
    if (this.#endable.delete(one)) this.#drain?.check();
  }

  #end(one) {
    const isSession = typeof one.goaway === 'function';
    if (isSession) one.close();
    else this.#responses.endBehind(one, this.#endSocket);
  }

  #finishDrain(grace) {
    this.#isDrained = true;
    if (this.#holders.size === 0) return this.#onAllGone();
    this.#cutOff = setTimeout(() => {
      for (const socket of this.#holders) socket.destroy();
    }, grace);
  }

  /** Node.js does not know those that wait. They have sent nothing, so nothing is lost. */
  #closeWaitingAt(name) {
    const server = /** @type {any} */ (this.#server);
    const original = server[name];
    if (typeof original !== 'function') return;
    server[name] = (...args) => {
      this.#waiting.destroy();
      return original.apply(server, args);
    };
  }
}

/** What the app ends a socket with. If it throws, that is reported as uncaught, and the drain goes on. */
function guarded(end) {
  return (socket) => {
    try {
      end(socket);
    } catch (error) {
      socket.destroy();
      process.nextTick(() => {
        throw error;
      });
    }
  };
}

function checkTime(name, value) {
  if (typeof value !== 'number') throw new TypeError(`${name} must be a number: ${value}`);
  if (!(value >= 0 && value <= MAX_TIME)) throw new RangeError(`${name} must be from 0 to ${MAX_TIME}: ${value}`);
}

/**
 * Makes a Callosum server of a server that exists already: each connection is given the lowest free slot, on the raw
 * socket, before any byte of the server's own (with TLS in the clear, before the handshake). The slot is free again
 * when the connection is gone.
 *
 * Where Node.js speaks the protocol (TLS, HTTP, HTTP/2), it begins with the client's first byte: a connection that
 * waits in a pool is not ended by `headersTimeout`, `requestTimeout` or `handshakeTimeout`.
 *
 * @param {import('node:net').Server} server of `net`, `tls`, `http`, `https` or `http2`, listening or not
 * @param {SlotOptions} [options]
 * @returns {Slots}
 * @throws {TypeError | RangeError} for something that is no server, for a bad `weight`
 * @throws {Error} for a server that gives slots already; with `ERR_CALLOSUM_UNSUPPORTED` for one that is not made of
 *   sockets of Node.js, as those for HTTP and TLS in Bun
 */
function giveSlots(server, { weight = 1 } = {}) {
  if (typeof server?.prependListener !== 'function') throw new TypeError('server must be a net.Server');
  if (typeof weight !== 'number') throw new TypeError(`weight must be a number: ${weight}`);
  if (!(weight > 0 && weight < Infinity)) throw new RangeError(`weight must be above 0: ${weight}`);
  if (served.has(server)) throw new Error('This server gives slots already');
  if (!hasRawSockets(server)) {
    const error = new Error('This runtime does not give access to the raw sockets of this server');
    throw Object.assign(error, { code: 'ERR_CALLOSUM_UNSUPPORTED' });
  }
  served.add(server);
  return new Slots(server, weight);
}

module.exports = { giveSlots };
