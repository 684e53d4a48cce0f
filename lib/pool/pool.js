'use strict';

const EventEmitter = require('node:events');

const ClientRover = require('../../index.js');

const { abortError, onAbort } = require('./abort.js');
const { addressOf, pooledConnection } = require('./connection.js');
const { Fill } = require('./fill.js');
const { Guard } = require('./guard.js');
const { Lease } = require('./lease.js');
const { checkSignal, checkTime } = require('./options.js');
const { Waiters } = require('./waiters.js');

/** Connections to keep. */
const SIZE = 8;

/** What the simulation recommends: 2 to 4 times faster than a fixed second, at the same load once in balance. */
const ROVER_DEFAULTS = { ROVING_INTERVAL: 250, MAX_INTERVAL: 1000, JITTER: 0.1 };

/**
 * A better slot has to be better by more than this share of the worst one. In the simulation that saves 45 % of the
 * swaps, and leaves the fullest server at 1.03 times the mean.
 */
const SWAP_GAIN = 0.05;

/**
 * A server that drains gives slots from here up (docs/protocol.md), and soon ends whatever it is sent. So no pool takes
 * one, not even in place of none: the server could not be told from one that is well, and its drain would never end.
 */
const DRAIN_SLOT = 1_000_000_000;

/** How long a connection has to live until its server is trusted, in ms. */
const PROBATION = 1000;

/** How long a connection is idle before it is probed, in ms. The system gives up some 10 s later. */
const KEEP_ALIVE_DELAY = 15_000;

/** How often it is looked for servers that left the table, in ms: as often as a rover looks. */
const LOOK_INTERVAL = 1000;

/** How long `close()` waits for connections that are lent, in ms. */
const CLOSE_TIMEOUT = 10_000;

/** How long a server may take to close a connection that was ended, in ms. */
const END_TIMEOUT = 5_000;

/** The rovers of pools that are not closed: two would lend the same connections, and stop each other's rover. */
const pooled = /** @type {WeakSet<ClientRover<any>>} */ (new WeakSet());

/** @typedef {import('./connection.js').PooledConnection} PooledConnection */

/**
 * @typedef {object} PoolOptions
 * @property {number} [size] Connections to keep. Default: 8.
 * @property {'lowest' | 'rotate'} [lend] Which of the connections that nobody has is lent: the one with the lowest slot,
 *   or each in turn, so that each server gets work by the number of its connections. Default: `'lowest'`.
 * @property {number} [probation] A server whose connections die before they are so old, in ms, and have not been
 *   released, is rested. Default: 1000.
 * @property {boolean} [keepAlive] Whether to turn TCP keep-alive on, for connections to servers that do not do so
 *   themselves. Default: `true`.
 * @property {(socket: import('node:net').Socket) => void} [retire] Closes a live connection that leaves the pool.
 *   Where answers may still be on their way, wait for them here. Default: `socket.end()`, and `socket.destroy()` where
 *   the server takes more than 5 s.
 * @property {AbortSignal | null} [signal] Closes the pool when it is aborted.
 */

/**
 * The arguments of each event's listeners.
 *
 * @typedef {object} PoolEvents
 * @property {[slot: number, socket: import('node:net').Socket, id: string]} keep A connection entered the pool.
 * @property {[slot: number, socket: import('node:net').Socket, id: string]} drop A connection left the pool: replaced
 *   by a better one, dead, or its server is gone. One that is lent leaves when it is given back.
 */

/**
 * A pool of connections over a rover: those with the lowest slots. It starts and stops the rover, and sets its
 * `MAX_SLOT`.
 */
class Pool extends EventEmitter {
  #retire;
  #keepAlive;
  #isRotating;
  /** How many loans there were. */
  #loans = 0;
  #guard;
  #fill;
  #waiters = new Waiters();
  /** All that are in the pool, lowest slot first. Pools are small: a scan is as good as a heap. */
  #connections = /** @type {PooledConnection[]} */ ([]);
  /** How many of them are leaving. */
  #leaving = 0;
  #lent = 0;
  #isServing = false;
  /** Every socket that is not closed yet, those that left the pool included. */
  #open = /** @type {Set<import('node:net').Socket>} */ (new Set());
  #onAllClosed = () => {};
  #forgetSignal = () => {};
  /** `MAX_SLOT` as the app had set it. */
  #maxSlot;
  /** The highest slot that is wanted while there is room. */
  #limit;
  #looking;
  /** @type {Promise<void> | null} */
  #closed = null;
  #onConnection = (slot, socket, id, server) => void this.#offer({ slot, socket, id, server });
  #leasing = {
    onReleased: (connection) => this.#onReleased(connection),
    onDestroyed: (connection, error) => this.#onDestroyed(connection, error),
  };

  /**
   * @param {ClientRover<any> | (PoolOptions & ClientRover.Options<any>)} rover One that the pool starts and stops; or the options
   *   of the pool and of a rover of its own, in one object. Their defaults: `ROVING_INTERVAL` 250, `MAX_INTERVAL` 1000,
   *   `JITTER` 0.1.
   * @param {PoolOptions} [options] Of the pool, where there is a rover.
   * @throws {TypeError | RangeError} For a bad option.
   * @throws {Error} `ERR_CALLOSUM_POOL_EXISTS` where the rover has a pool that is not closed.
   */
  constructor(rover, options) {
    super();
    const own = isRover(rover) ? { rover, options: options ?? {} } : divided(rover);
    const { keepAlive = true, lend = 'lowest', probation = PROBATION, retire = end, signal, size = SIZE } = own.options;
    if (!Number.isInteger(size) || size < 1) throw new RangeError(`size must be an integer from 1 up: ${size}`);
    if (!(probation >= 0)) throw new RangeError(`probation must be a number from 0 up: ${probation}`);
    if (lend !== 'lowest' && lend !== 'rotate') throw new TypeError(`lend must be 'lowest' or 'rotate': ${lend}`);
    if (typeof retire !== 'function') throw new TypeError(`retire must be a function: ${retire}`);
    checkSignal(signal);
    if (pooled.has(own.rover)) throw existsError();
    /**
     * The rover. Its servers are the app's to add and to drop.
     *
     * @type {ClientRover<any>}
     */
    this.rover = own.rover;
    /**
     * How many connections are kept.
     *
     * @type {number}
     */
    this.size = size;
    this.#keepAlive = keepAlive;
    this.#isRotating = lend === 'rotate';
    this.#retire = retire;
    this.#maxSlot = this.rover.MAX_SLOT;
    this.#limit = Math.min(this.#maxSlot, DRAIN_SLOT - 1);
    this.#guard = new Guard(this.rover, probation);
    this.#fill = new Fill(this.rover, {
      hasRoom: () => this.#closed === null && !this.isFull,
      take: (connection) => this.#offer(connection),
      onFailed: (id) => this.#guard.onFailed(id),
    });
    // Where no server is known yet, that is told from inside of start(); and nobody can listen before that.
    this.rover.on('error', ignore);
    // It may throw, for a bad ROVING_INTERVAL. So all else comes later.
    this.rover.start();
    this.rover.MAX_SLOT = this.#limit;
    this.rover.on('connection', this.#onConnection);
    this.#looking = setInterval(() => this.#look(), LOOK_INTERVAL);
    this.#looking.unref?.();
    this.#fill.begin();
    pooled.add(this.rover);
    if (signal?.aborted) this.close();
    else if (signal) this.#forgetSignal = onAbort(signal, () => void this.close());
  }

  /**
   * Whether a connection has to be better than one of the pool to get in.
   *
   * @type {boolean}
   */
  get isFull() {
    return this.#connections.length - this.#leaving >= this.size;
  }

  /**
   * The connections, lowest slot (least loaded server) first, those that are lent included. There are more than `size`
   * while some that are lent wait to be replaced.
   *
   * @type {import('node:net').Socket[]}
   */
  get sockets() {
    return this.#connections.map(({ socket }) => socket);
  }

  /**
   * How many connections are lent.
   *
   * @type {number}
   */
  get lent() {
    return this.#lent;
  }

  /**
   * How many wait for a connection.
   *
   * @type {number}
   */
  get waiting() {
    return this.#waiters.size;
  }

  /**
   * Lends a connection that nobody has, the one with the lowest slot unless `lend` says otherwise, or waits for one. Those
   * that wait are served in order of asking. No more than `size` are lent at a time.
   *
   * @param {object} [options]
   * @param {AbortSignal | null} [options.signal] Ends the waiting.
   * @returns {Promise<Lease>} Rejected with an `AbortError` whose `cause` is the signal's reason, and with
   *   `ERR_CALLOSUM_POOL_CLOSED`.
   */
  async acquire({ signal } = {}) {
    checkSignal(signal);
    if (signal?.aborted) throw abortError(signal.reason);
    if (this.#closed !== null) throw closedError();
    return this.tryAcquire() ?? this.#waiters.wait(signal);
  }

  /**
   * Lends a connection without waiting.
   *
   * @returns {Lease | null} `null` where there is none, or others wait.
   */
  tryAcquire() {
    if (this.#closed !== null || this.#waiters.size > 0) return null;
    return this.#lend();
  }

  /**
   * Closes the pool: stops the rover, ends the connections, and waits for those that are lent. Who waits for one gets
   * `ERR_CALLOSUM_POOL_CLOSED`. A second call gives the same promise.
   *
   * @param {object} [options]
   * @param {number} [options.timeout] How long to wait, in ms; then all that are left are destroyed. Default: 10000.
   * @returns {Promise<void>} Fulfilled when all connections are closed.
   * @throws {TypeError | RangeError} For a bad `timeout`.
   */
  close({ timeout = CLOSE_TIMEOUT } = {}) {
    checkTime('timeout', timeout);
    this.#closed ??= this.#close(timeout);
    return this.#closed;
  }

  /**
   * The same as `close()`, for `await using pool = new Pool(…)`.
   *
   * @returns {Promise<void>}
   */
  [Symbol.asyncDispose]() {
    return this.close();
  }

  async #close(timeout) {
    // What is called from here on has to find the pool closed, and `#closed` is set only when this awaits.
    await null;
    this.#forgetSignal();
    this.#fill.stop();
    clearInterval(this.#looking);
    this.rover.stop();
    this.rover.off('connection', this.#onConnection);
    this.rover.off('error', ignore);
    this.rover.MAX_SLOT = this.#maxSlot;
    pooled.delete(this.rover);
    this.#waiters.rejectAll(closedError());
    for (const connection of [...this.#connections]) this.#letGo(connection);
    if (this.#open.size === 0) return;
    const deadline = setTimeout(() => {
      for (const socket of this.#open) socket.destroy();
    }, timeout);
    await new Promise((resolve) => (this.#onAllClosed = () => resolve(undefined)));
    clearTimeout(deadline);
  }

  /**
   * Takes a connection in, where it is wanted.
   *
   * @param {ClientRover.Connection<any>} candidate
   */
  #offer({ slot, socket, id, server }) {
    const connection = pooledConnection({ slot, socket, id, server });
    const isWanted =
      this.#closed === null &&
      this.#isGain(slot) &&
      this.#updateServer(connection) &&
      this.#guard.admits(connection, this.#connections.length === 0);
    // A socket's `error` that nobody listens for ends the process, also when the pool has let it go.
    socket.on('error', ignore);
    if (!isWanted) {
      socket.destroy();
      return false;
    }
    this.#follow(connection);
    if (this.isFull) this.#letGo(this.#worst());
    const place = this.#connections.findIndex((other) => other.slot > slot);
    this.#connections.splice(place < 0 ? this.#connections.length : place, 0, connection);
    this.#fill.succeed();
    this.#guard.onKept(connection);
    this.#limitRover();
    this.#serve();
    this.#emit('keep', connection);
    return true;
  }

  /** MAX_SLOT stops most that are none natively, but an attempt may have passed it when it was higher. */
  #isGain(slot) {
    if (!this.isFull) return slot <= this.#limit;
    const worst = this.#worst().slot;
    return worst - slot > Math.floor(worst * SWAP_GAIN);
  }

  #worst() {
    return /** @type {PooledConnection} */ (this.#connections.findLast(({ isLeaving }) => !isLeaving));
  }

  #follow(connection) {
    const { socket, server } = connection;
    this.#open.add(socket);
    socket.on('end', () => this.#onEnd(connection));
    socket.on('finish', () => this.#onFinish(connection));
    socket.on('close', () => this.#onClose(connection));
    const isAsked = typeof server === 'object' && server.keepAlive;
    if (this.#keepAlive && !isAsked) socket.setKeepAlive(true, KEEP_ALIVE_DELAY);
  }

  /** The server has ended a connection. Whether it was of use is for its borrower to say, where it has one. */
  #onEnd(connection) {
    if (!this.#connections.includes(connection)) return;
    if (connection.isLent) {
      this.#letGo(connection);
      connection.isEnded = true;
      return;
    }
    this.#guard.onDied(connection);
    connection.socket.end();
    this.#remove(connection);
  }

  /** Our side is ended. Where nobody has the connection, an app has done so that uses `pool.sockets`, and may read on. */
  #onFinish(connection) {
    if (connection.isLent || !this.#connections.includes(connection)) return;
    this.#guard.onLetGo(connection);
    this.#remove(connection);
  }

  #onClose(connection) {
    this.#open.delete(connection.socket);
    if (this.#connections.includes(connection)) {
      if (isServersDoing(connection)) this.#guard.onDied(connection);
      else this.#guard.onLetGo(connection);
      this.#remove(connection);
    }
    if (this.#open.size === 0) this.#onAllClosed();
  }

  /** Has a connection leave, at once or when it is given back. */
  #letGo(connection) {
    // Listeners of `drop` may have closed it, where several leave.
    if (connection.isLeaving || !this.#connections.includes(connection)) return;
    if (connection.isLent) {
      connection.isLeaving = true;
      this.#leaving++;
      this.#limitRover();
    } else {
      this.#leave(connection);
    }
  }

  /** Closes a live connection that nobody has, and removes it. */
  #leave(connection) {
    const { socket } = connection;
    this.#guard.onLetGo(connection);
    // One that the app has failed to close would be open for good.
    if (!tryCall(() => this.#retire(socket))) socket.destroy();
    this.#remove(connection);
  }

  #remove(connection) {
    this.#connections.splice(this.#connections.indexOf(connection), 1);
    if (connection.isLeaving) this.#leaving--;
    if (connection.isLent) this.#lent--;
    connection.isLent = false;
    this.#limitRover();
    this.#serve();
    this.#emit('drop', connection);
  }

  #emit(event, { slot, socket, id }) {
    tryCall(() => this.emit(event, slot, socket, id));
  }

  /** Lets the rover itself turn away what `#offer` would only close, and fills what has become free. */
  #limitRover() {
    if (this.#closed !== null) return;
    this.#fill.begin();
    if (!this.isFull) {
      this.rover.MAX_SLOT = this.#limit;
      return;
    }
    const worst = this.#worst().slot;
    this.rover.MAX_SLOT = Math.min(this.#limit, worst - Math.floor(worst * SWAP_GAIN) - 1);
  }

  /** Lends to those that wait, as far as there are connections. */
  #serve() {
    // A listener of `drop`, which is called on the way, may do anything.
    if (this.#isServing) return;
    this.#isServing = true;
    try {
      while (this.#waiters.size > 0) {
        const lease = this.#lend();
        if (lease === null) return;
        this.#waiters.serve(lease);
      }
    } finally {
      this.#isServing = false;
    }
  }

  #lend() {
    // More are not in use at a time, where one that is lent waits to be replaced by one that is not.
    if (this.#lent >= this.size) return null;
    const connection = this.#nextToLend();
    if (connection === undefined) return null;
    if (!this.#updateServer(connection)) {
      this.#letGo(connection);
      return this.#lend();
    }
    connection.isLent = true;
    connection.turn = ++this.#loans;
    this.#lent++;
    if (connection.onLent !== undefined) tryCall(connection.onLent);
    return new Lease(connection, this.#leasing);
  }

  #nextToLend() {
    const isFree = (one) => !one.isLent && isUsable(one.socket);
    if (!this.#isRotating) return this.#connections.find(isFree);
    let next;
    for (const one of this.#connections) if (isFree(one) && (next === undefined || one.turn < next.turn)) next = one;
    return next;
  }

  #onReleased(connection) {
    // It may be gone already.
    if (!connection.isLent) return;
    connection.isProven = true;
    const { socket } = connection;
    // Flowing again, or it would not be noticed when the server goes away.
    if (!socket.readableFlowing) socket.resume();
    if (connection.isLeaving) return this.#leave(connection);
    if (!isUsable(socket)) {
      // Its borrower has ended it. The server may keep its own side open for ever.
      this.#guard.onLetGo(connection);
      end(socket);
      return this.#remove(connection);
    }
    connection.isLent = false;
    this.#lent--;
    this.#serve();
  }

  #onDestroyed(connection, error) {
    connection.socket.destroy();
    if (!connection.isLent) return;
    if (error === undefined) this.#guard.onLetGo(connection);
    else this.#guard.onDied(connection);
    this.#remove(connection);
  }

  /** Lets go of the connections of servers that left the table, or moved. */
  #look() {
    this.#guard.forgetDropped();
    for (const connection of [...this.#connections]) {
      if (!this.#updateServer(connection) || addressOf(connection.server) !== connection.address) this.#letGo(connection);
    }
  }

  /**
   * Has a connection follow its server in the table, where an equal one has replaced it.
   *
   * @returns {boolean} Whether it has one there.
   */
  #updateServer(connection) {
    const { servers } = this.rover;
    const { address, id } = connection;
    if (!Object.hasOwn(servers, id)) return false;
    const server = servers[id];
    if (server === connection.server) return true;
    if (addressOf(server) !== address) return false;
    connection.server = server;
    return true;
  }
}

/**
 * Calls a function of the app. What it throws is thrown later, as an uncaught exception: the pool has to go on.
 *
 * @param {() => void} callback
 * @returns {boolean} Whether it came to its end.
 */
function tryCall(callback) {
  try {
    callback();
    return true;
  } catch (error) {
    process.nextTick(() => {
      throw error;
    });
    return false;
  }
}

/** Whether both sides are open as far as that is known. */
function isUsable(socket) {
  return !socket.destroyed && socket.writable && socket.readable;
}

/** Whether a connection that is closed was so by its server, and not by the app. */
function isServersDoing({ isEnded, socket }) {
  return isEnded || /** @type {NodeJS.ErrnoException | null} */ (socket.errored)?.syscall !== undefined;
}

/**
 * @param {any} value
 * @returns {value is ClientRover<any>}
 */
function isRover(value) {
  return typeof value?.rove === 'function';
}

/**
 * Divides the options of a pool from those of the rover that it makes for itself.
 *
 * @param {PoolOptions & ClientRover.Options<any>} options
 */
function divided({ keepAlive, lend, probation, retire, size, ...options }) {
  for (const [name, value] of Object.entries(ROVER_DEFAULTS)) options[name] ??= value;
  const { signal } = options;
  return { rover: new ClientRover(options), options: { keepAlive, lend, probation, retire, signal, size } };
}

/** @param {import('node:net').Socket} socket */
function end(socket) {
  if (socket.destroyed) return;
  socket.end();
  const deadline = setTimeout(() => socket.destroy(), END_TIMEOUT);
  deadline.unref?.();
  socket.on('close', () => clearTimeout(deadline));
}

function existsError() {
  return Object.assign(new Error('The rover has a pool already'), { code: 'ERR_CALLOSUM_POOL_EXISTS' });
}

function closedError() {
  return Object.assign(new Error('The pool is closed'), { code: 'ERR_CALLOSUM_POOL_CLOSED' });
}

function ignore() {}

module.exports = { Pool };
