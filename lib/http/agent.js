'use strict';

const { AsyncResource } = require('node:async_hooks');
const http = require('node:http');
const https = require('node:https');

const { Pool } = require('../pool');

const { Carrier, carriers, isStale, keptUntil } = require('./carrier.js');
const { hangUpError, secure, secured, servernameOf } = require('./secure.js');
const { checkTime } = require('./time.js');

/** @typedef {import('node:http').ClientRequest} ClientRequest */
/** @typedef {import('../pool').Lease} Lease */

/** How often requests that wait are looked at, in ms: nothing tells an agent that one was aborted. */
const SWEEP_INTERVAL = 50;

/**
 * A request that has no connection yet.
 *
 * @typedef {object} Waiting
 * @property {ClientRequest} request
 * @property {any} options
 * @property {string} key What `maxSockets` is for: see `getName()` of `http.Agent`.
 * @property {number} since By `performance.now()`.
 * @property {boolean} isTimedOut Whether it was told that it waits for long.
 * @property {AsyncResource | null} resource Of whoever made it, where it has to wait.
 * @property {Lease | null} lease While TLS begins.
 */

/**
 * @typedef {object} OwnAgentOptions
 * @property {'http:' | 'https:'} [protocol] `'https:'` for `https.request()`: TLS behind the slot. Default: `'http:'`.
 */

/**
 * Options of `http.Agent`, and those of `https.Agent` where `protocol` is `'https:'`. `keepAlive` is on by default.
 * `maxFreeSockets`, `scheduling` and `keepAliveMsecs` have no meaning: the pool keeps the connections.
 *
 * @typedef {https.AgentOptions & OwnAgentOptions} RoverAgentOptions
 */

/**
 * An `http.Agent` whose connections are those of a pool. Each request borrows one, the lowest slot first, and gives it
 * back at the end of its response; where all are lent, it waits.
 */
class RoverAgent extends http.Agent {
  #ownsPool;
  /** Requests without a connection, in order. */
  #waiting = /** @type {Set<Waiting>} */ (new Set());
  #isAcquiring = false;
  /** Connections in use, by key, those on which TLS begins included. */
  #counts = /** @type {Map<string, number>} */ (new Map());
  #count = 0;
  /** @type {NodeJS.Timeout | null} */
  #sweeping = null;
  #holder = {
    onFree: (carrier) => this.#onFree(carrier),
    onDetached: (carrier) => this.#onDetached(carrier),
    onClose: (carrier) => this.#onClose(carrier),
  };

  /**
   * @param {Pool | ConstructorParameters<typeof Pool>[0]} pool One that others may use as well; or the options of one
   *   of its own, which `destroy()` closes.
   * @param {RoverAgentOptions} [options]
   * @throws {TypeError | RangeError} For a bad option.
   */
  constructor(pool, options = {}) {
    const { protocol = 'http:', ...others } = options;
    if (protocol !== 'http:' && protocol !== 'https:') {
      throw new TypeError(`protocol must be 'http:' or 'https:': ${protocol}`);
    }
    // It would throw where a request gets its connection.
    checkTime('timeout', others.timeout ?? 0);
    super({ keepAlive: true, ...others });
    const self = /** @type {any} */ (this);
    self.protocol = protocol;
    self.defaultPort = protocol === 'https:' ? 443 : 80;
    this.#ownsPool = !(pool instanceof Pool);
    /**
     * The pool that the connections are of.
     *
     * @type {Pool}
     */
    // In turn: with few requests at a time the lowest slots of all clients would do all the work, wherever these are.
    this.pool = pool instanceof Pool ? pool : new Pool({ lend: 'rotate', ...pool });
  }

  /**
   * The key by which connections are counted for `maxSockets`, as of `http.Agent` and `https.Agent`.
   *
   * @param {https.RequestOptions} [options]
   * @returns {string}
   */
  getName(options) {
    return (this.#isSecure ? https : http).Agent.prototype.getName.call(this, options);
  }

  /**
   * Destroys the connections that are in use, those on which TLS begins included, and closes the pool where it is the agent's own.
   *
   * @returns {void}
   */
  destroy() {
    super.destroy();
    if (this.#ownsPool) this.pool.close({ timeout: 0 });
    const inHandshake = [...this.#waiting].filter(({ lease }) => lease !== null);
    for (const waiting of inHandshake) {
      const { lease } = waiting;
      // As https.Agent's.
      this.#fail(waiting, Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' }));
      lease?.destroy();
    }
  }

  /**
   * What Node.js calls for each request. It is not documented, and since 2011 the one way in which a request asks its
   * agent for a socket, which `request.onSocket()` gives to it.
   *
   * @private
   * @param {ClientRequest} request
   * @param {any} requestOptions
   */
  addRequest(request, requestOptions) {
    const options = { __proto__: null, ...requestOptions, .../** @type {any} */ (this).options };
    if (this.#isSecure && !options.servername && options.servername !== '') {
      options.servername = servernameOf(`${request.getHeader('host') ?? options.host}`);
    }
    const waiting = { request, options, key: this.getName(options), since: 0, isTimedOut: false, resource: null, lease: null };
    if (this.#waiting.size === 0 && this.#canHaveMore(waiting.key)) {
      const lease = this.#tryAcquire(waiting);
      if (lease !== null) return this.#assign(waiting, lease);
    }
    this.#wait(waiting);
    this.#dispatch();
  }

  get #keepsAlive() {
    return /** @type {any} */ (this).keepAlive;
  }

  get #isSecure() {
    return /** @type {any} */ (this).protocol === 'https:';
  }

  #timeoutOf(request) {
    return request.timeout ?? /** @type {any} */ (this).options.timeout ?? 0;
  }

  #canHaveMore(key) {
    const { maxSockets, maxTotalSockets } = this;
    return this.#count < maxTotalSockets && (this.#counts.get(key) ?? 0) < maxSockets;
  }

  #wait(waiting) {
    const { request, key } = waiting;
    waiting.since = performance.now();
    // What it emits later is to have the async context of whoever made it.
    waiting.resource = new AsyncResource('RoverAgentRequest');
    this.#waiting.add(waiting);
    listed(this.requests, key).push(request);
    this.#sweeping ??= setInterval(() => this.#sweep(), SWEEP_INTERVAL);
    this.#sweeping.unref?.();
  }

  #stopWaiting(waiting) {
    if (!this.#waiting.delete(waiting)) return;
    unlist(this.requests, waiting.key, waiting.request);
    if (this.#waiting.size > 0 || this.#sweeping === null) return;
    clearInterval(this.#sweeping);
    this.#sweeping = null;
  }

  /** Gives connections to those that wait, as far as there are any. */
  #dispatch() {
    for (const waiting of this.#waiting) {
      if (waiting.lease !== null || !this.#canHaveMore(waiting.key)) continue;
      const lease = this.#tryAcquire(waiting);
      if (lease === null) return this.#acquire();
      this.#assign(waiting, lease);
    }
  }

  /** Lends a connection that can carry a request, as far as that is known. */
  #tryAcquire(waiting) {
    for (;;) {
      const lease = this.pool.tryAcquire();
      if (lease === null || this.#isFit(lease, waiting)) return lease;
      lease.destroy();
    }
  }

  #isFit({ socket }, { key }) {
    const carrier = carriers.get(socket);
    if (carrier === undefined) return !secured.has(socket) && !isStale(socket);
    return carrier.name === (this.#isSecure ? key : null) && carrier.isKept && !isStale(carrier.socket);
  }

  /** Waits for the next connection that the pool can lend. One at a time: at each, it is looked for more. */
  #acquire() {
    if (this.#isAcquiring) return;
    this.#isAcquiring = true;
    this.pool.acquire().then(
      (lease) => {
        this.#isAcquiring = false;
        if (!this.#take(lease)) giveBack(lease);
        this.#dispatch();
      },
      (error) => {
        this.#isAcquiring = false;
        for (const waiting of this.#waiting) if (waiting.lease === null) this.#fail(waiting, error);
      },
    );
  }

  /** Hands a connection to the next request that can be sent; returns whether there is one. */
  #take(lease) {
    for (const waiting of this.#waiting) {
      if (waiting.lease !== null || !this.#canHaveMore(waiting.key)) continue;
      if (this.#isFit(lease, waiting)) this.#assign(waiting, lease);
      else lease.destroy();
      return true;
    }
    return false;
  }

  /** Sends a request over a connection, once there is TLS where there has to be. */
  #assign(waiting, lease) {
    const { key } = waiting;
    this.#count++;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
    const carrier = carriers.get(lease.socket);
    if (carrier !== undefined) return this.#send(waiting, lease, carrier);
    if (!this.#isSecure) return this.#send(waiting, lease, new Carrier(lease.socket, lease.socket, null));
    if (waiting.resource === null) this.#wait(waiting);
    waiting.lease = lease;
    secure(lease.socket, waiting.options, (error, socket) => {
      // It was aborted meanwhile.
      if (!this.#waiting.has(waiting)) return;
      if (error === null) return this.#send(waiting, lease, new Carrier(lease.socket, socket, key));
      lease.destroy(error);
      this.#fail(waiting, error);
    });
  }

  #send(waiting, lease, carrier) {
    const { request, key, resource } = waiting;
    const { socket } = carrier;
    this.#stopWaiting(waiting);
    listed(this.sockets, key).push(socket);
    carrier.begin(this.#holder, lease, request, key);
    const timeout = this.#timeoutOf(request);
    if ((socket.timeout ?? 0) !== timeout) socket.setTimeout(timeout);
    if (resource === null) request.onSocket(socket);
    else resource.runInAsyncScope(() => request.onSocket(socket));
  }

  #fail(waiting, error) {
    const { request, key, lease, resource } = waiting;
    this.#stopWaiting(waiting);
    if (lease !== null) this.#uncount(key);
    // Of one that was aborted Node.js itself knows why.
    resource.runInAsyncScope(() => /** @type {any} */ (request).onSocket(null, error));
    if (lease !== null) this.#dispatch();
  }

  #uncount(key) {
    this.#count--;
    const count = /** @type {number} */ (this.#counts.get(key)) - 1;
    if (count === 0) this.#counts.delete(key);
    else this.#counts.set(key, count);
  }

  /** Ends the use of a connection by a request, and returns the lease. */
  #leave(carrier) {
    unlist(this.sockets, carrier.key, carrier.socket);
    this.#uncount(carrier.key);
    return carrier.end();
  }

  #onFree(carrier) {
    if (carrier.isDetached) return;
    const request = /** @type {ClientRequest} */ (carrier.request);
    const { socket } = carrier;
    const lease = this.#leave(carrier);
    // One that was aborted before it had the socket has not sent anything, and what an earlier answer said holds on.
    if (request.socket !== null) carrier.keptUntil = keptUntil(request);
    // Where either side wants it closed, Node.js has done so, and emits no `free`.
    if (!carrier.isKept || isStale(socket)) lease.destroy();
    else if (this.#keepsAlive || request.socket === null || lease.isRetired) giveBack(lease);
    // As http.Agent does where `maxSockets` is finite: such requests ask the server to keep the connection.
    else if (!this.#take(lease)) lease.destroy();
    this.#dispatch();
  }

  /** It is the app's now, and stays lent until it is closed. */
  #onDetached(carrier) {
    if (carrier.isDetached) return;
    carrier.isDetached = true;
    unlist(this.sockets, carrier.key, carrier.socket);
    this.#uncount(carrier.key);
    this.#dispatch();
  }

  #onClose(carrier) {
    const { isDetached, request, socket } = carrier;
    const lease = isDetached ? carrier.end() : this.#leave(carrier);
    // A server that has answered is well, also where nobody has read all of it yet. What the pool can't see is how TLS
    // ended.
    if (isDetached || /** @type {any} */ (request).res?.complete) lease.release();
    else if (carrier.name !== null && (socket.readableEnded || socket.errored?.syscall)) lease.destroy(hangUpError());
    this.#dispatch();
  }

  /** Looks for requests that were aborted while they wait, and for those whose `timeout` is over. */
  #sweep() {
    const now = performance.now();
    for (const waiting of this.#waiting) {
      const { request, since, isTimedOut, lease } = waiting;
      const timeout = this.#timeoutOf(request);
      if (timeout > 0 && !isTimedOut && now - since >= timeout) {
        waiting.isTimedOut = true;
        request.emit('timeout');
      }
      if (!request.destroyed) continue;
      this.#fail(waiting, undefined);
      lease?.destroy();
    }
  }
}

/** Gives a connection back, which is watched while it is idle if it has carried a request. */
function giveBack(lease) {
  const carrier = carriers.get(lease.socket);
  carrier?.idle();
  lease.release(carrier?.wake);
}

/** The list under a key, which is made where there is none, as in the fields of `http.Agent`. */
function listed(lists, key) {
  return (lists[key] ??= []);
}

function unlist(lists, key, item) {
  const list = lists[key];
  const index = list?.indexOf(item) ?? -1;
  if (index < 0) return;
  list.splice(index, 1);
  if (list.length === 0) delete lists[key];
}

module.exports = { RoverAgent };
