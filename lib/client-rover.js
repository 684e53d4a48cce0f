'use strict';

const EventEmitter = require('node:events');
const { setInterval, clearInterval } = require('node:timers');
const { inspect } = require('node:util');

const { AttemptState } = require('./native');
const { awaitRoving, expectOutcomes, forget, openOrigin } = require('./environment');
const { noServersError } = require('./outcomes');
const { rovingTimer, timersTell } = require('./roving-timer');
const { checkInterval, checkMaxSlot, initialise, reclaim, stateOf } = require('./state');

/**
 * Where a Callosum server is: a TCP port, or a Unix socket.
 *
 * @typedef {object} ServerOptions
 * @property {string} [host] A name or an IP address. Default: `'localhost'`.
 * @property {number | string} [port] The TCP port. Needed unless there is a `path`.
 * @property {string} [path] The path of a Unix socket, instead of `host` and `port`.
 * @property {0 | 4 | 6 | 'IPv4' | 'IPv6'} [family] The kind of addresses that `host` is looked up for.
 *   Default: 0, both.
 * @property {string} [localAddress] The IP address to connect from.
 * @property {boolean} [noDelay] Turns Nagle's algorithm off. Default: `false`.
 * @property {boolean} [keepAlive] Turns TCP keep-alive on. Default: `false`.
 * @property {number} [keepAliveInitialDelay] How long a connection is idle before it is probed, in ms.
 *   Default: 0, the system's own.
 * @property {boolean} [allowHalfOpen] Leaves the socket's writable side open when the server ends.
 *   Default: `false`.
 * @property {number} [timeout] The socket emits `timeout` after so many ms without traffic. Default: 0,
 *   never.
 * @property {boolean} [autoSelectFamily] `false` tries the first address of `host` only. Default: `true`.
 * @property {number} [autoSelectFamilyAttemptTimeout] The head start of each address over the next, in
 *   ms; less than 10 means 10. Default: 250.
 */

/**
 * A Callosum server. Keys that are no options of it are the app's own business.
 *
 * @typedef {ServerOptions & { [key: string]: unknown }} Server
 */

/**
 * Servers by id. Any string is a safe id.
 *
 * @typedef {{ [id: string]: Server }} Servers
 */

/**
 * @typedef {object} Options
 * @property {number | null} [ROVING_INTERVAL] Time between two attempts of a started rover, in ms.
 *   Default: 1000, which 0 means as well.
 * @property {Servers | null} [servers] The servers to begin with. Default: none.
 * @property {number | null} [CONNECT_TIMEOUT] Limit for looking the name up and connecting, in ms. 0 is no
 *   limit. Default: 10000.
 * @property {number | null} [SLOT_TIMEOUT] Limit from connected to the end of the slot line, in ms. 0 is no
 *   limit. Default: 30000.
 * @property {number | null} [MAX_PENDING] How many attempts may be in flight or have an outcome that was not
 *   emitted yet. One that would exceed it is not made, and counted as skipped. From 1 to 2³¹ − 1. Default: 1024.
 * @property {number | null} [MAX_SLOT] The highest slot that is wanted: a connection with a higher one is
 *   closed, and no event tells of it. Default: `Infinity`.
 * @property {AbortSignal | null} [signal] Stops the rover when it is aborted.
 * @property {boolean} [captureRejections] As of `EventEmitter`.
 */

/**
 * What became of all attempts so far: `attempts` is always the sum of `connections`, `rejected`,
 * `unreachable`, `errors`, `abandoned` and `pending`.
 *
 * @typedef {object} Stats
 * @property {number} attempts Begun.
 * @property {number} connections Emitted as `connection`.
 * @property {number} rejected Closed, since the slot was above `MAX_SLOT`.
 * @property {number} unreachable Emitted as `unreachable`.
 * @property {number} errors Emitted as `error`.
 * @property {number} abandoned Given up by `stop()`.
 * @property {number} skipped Not begun, since `MAX_PENDING` was reached.
 * @property {number} pending In flight, or ended and not emitted yet.
 */

/**
 * An error of `unreachable`: like the one that Node gives for the system call that failed. An
 * `AggregateError`, with `errors`, where several addresses were tried.
 *
 * @typedef {Error & {
 *   code: string,
 *   errno?: number,
 *   syscall?: string,
 *   address?: string,
 *   port?: number,
 *   hostname?: string,
 *   errors?: Error[],
 * }} UnreachableError
 */

/**
 * An error of `error`. `code` is `ERR_CALLOSUM_PROTOCOL` (the server sent something else than a slot line:
 * see `id`, `server` and `received`), `ERR_CALLOSUM_NO_SERVERS`, `ERR_CALLOSUM_UNSUPPORTED` (the runtime
 * can't adopt the connection), `ERR_CALLOSUM_INTERNAL` (a bug of this package), or that of a system call for
 * which this machine ran out of something, such as `EMFILE`: see `id`, `server`, and what Node's own errors
 * have.
 *
 * @typedef {Error & {
 *   code?: string,
 *   id?: string,
 *   server?: Server,
 *   received?: Buffer,
 *   errno?: number,
 *   syscall?: string,
 *   address?: string,
 *   port?: number,
 *   hostname?: string,
 *   errors?: Error[],
 * }} RoverError
 */

/**
 * The arguments of each event's listeners.
 *
 * @typedef {object} Events
 * @property {[slot: number, socket: import('node:net').Socket]} connection A server gave a slot. The socket is
 *   open and flowing, and the listener's to keep or close.
 * @property {[id: string, server: Server, error: UnreachableError]} unreachable No slot came from a server.
 * @property {[error: RoverError]} error Something else went wrong. Without a listener it is thrown.
 */

/**
 * A rover: keeps trying random servers, and emits what became of it.
 *
 * The roving itself runs on a thread of its own. A started rover keeps the process alive, as does an
 * attempt in flight.
 */
class ClientRover extends EventEmitter {
  /**
   * @param {Options | null} [options]
   * @throws {TypeError | RangeError} for a bad option or server
   */
  constructor(options) {
    super(options ?? undefined);
    /**
     * Time between two attempts, in ms. Read by `start()`.
     *
     * @type {number}
     */
    this.ROVING_INTERVAL;
    /**
     * The servers by id. Can be written to: the next pick honours it.
     *
     * @type {Servers}
     */
    this.servers;
    /**
     * The timer of a started rover, a real one: `clearInterval(rover.intervalId)` stops the roving, and
     * what is in flight still gets its event. `null` before `start()` and after `stop()`.
     *
     * @type {NodeJS.Timeout | null}
     */
    this.intervalId;
    initialise(this, options);
  }

  /**
   * The highest slot that is wanted. A pool that is full sets it below its worst slot; a connection with
   * a higher slot is then closed without a word. Takes effect at once, for attempts in flight as well.
   *
   * @type {number}
   */
  get MAX_SLOT() {
    return stateOf(this).maxSlot;
  }

  set MAX_SLOT(slot) {
    const state = stateOf(this);
    state.native.setMaxSlot(checkMaxSlot(slot));
    state.maxSlot = slot;
  }

  /**
   * Adds a server, or replaces the one with this id.
   *
   * @param {string} id
   * @param {Server} server
   * @returns {void}
   * @throws {TypeError | RangeError} for a bad server, with Node's `code`; nothing has changed then
   */
  addServer(id, server) {
    const { table } = reclaim(this);
    if (!table.isStale) process.nextTick(refresh, this, table);
    table.add(`${id}`, server);
  }

  /**
   * Drops a server. An unknown id is a no-op. An attempt in flight still gets its event.
   *
   * @param {string} id
   * @returns {void}
   * @throws {TypeError} where the app has frozen the table
   */
  dropServer(id) {
    if (!reclaim(this).table.drop(`${id}`)) throw new TypeError(`Cannot delete property ${id}`);
  }

  /**
   * Tries one random server now, unless `MAX_PENDING` is reached. Ends in exactly one event, later, unless the
   * slot is above `MAX_SLOT`; but with no servers it emits `error` at once. A subclass may override it: `start()`
   * then calls the override.
   *
   * @returns {void}
   */
  connect() {
    const state = reclaim(this);
    if (state.signal?.aborted) return;
    if (state.table.isStale) state.table.refresh();
    const origin = openOrigin(this, state, 1);
    const begun = ask(origin, () => state.native.connect(origin.number));
    if (begun !== AttemptState.InFlight) expectOutcomes(origin, 0);
    if (begun === AttemptState.NoServers) this.emit('error', noServersError());
  }

  /**
   * Tries a random server now, and one at every `ROVING_INTERVAL` from now on. A second call replaces the
   * first.
   *
   * @returns {void}
   * @throws {TypeError | RangeError} for a bad `ROVING_INTERVAL`, or a bad server in `servers`
   */
  start() {
    const state = reclaim(this);
    if (state.signal?.aborted) return;
    const interval = checkInterval(this.ROVING_INTERVAL);
    state.table.refresh();
    clearRoving(this, state);
    const isOverridden = this.connect !== connect;
    const begun = isOverridden || !timersTell() ? undefined : startInRust(this, state, interval);
    if (begun === undefined || begun === AttemptState.NoRuntime) {
      this.intervalId = setInterval(this.connect.bind(this), interval);
      this.connect();
    } else {
      state.timer = rovingTimer(state, ROVING_WATCHER);
      this.intervalId = state.timer;
      if (begun === AttemptState.NoServers) this.emit('error', noServersError());
    }
  }

  /**
   * Stops the roving and gives up what is in flight: no event follows. `start()` begins anew.
   *
   * @returns {void}
   */
  stop() {
    const state = stateOf(this);
    clearRoving(this, state);
    this.intervalId = null;
    state.native.stop();
    forget(this);
  }

  /**
   * What became of all attempts so far.
   *
   * @returns {Stats}
   */
  stats() {
    return stateOf(this).native.stats();
  }

  /**
   * The same as `stop()`, for `using rover = new ClientRover()`.
   *
   * @returns {void}
   */
  [Symbol.dispose]() {
    this.stop();
  }
}

// As it is here: an app may replace it on the prototype as well.
const { connect } = ClientRover.prototype;

function startInRust(rover, state, interval) {
  const origin = openOrigin(rover, state, Infinity);
  const begun = ask(origin, () => state.native.start(origin.number, interval));
  if (begun === AttemptState.NoRuntime) expectOutcomes(origin, 0);
  else state.roving = origin;
  return begun;
}

/** Asks Rust for attempts. Where that throws, none will come. */
function ask(origin, call) {
  try {
    return call();
  } catch (error) {
    expectOutcomes(origin, 0);
    throw error;
  }
}

/** What `clearInterval(rover.intervalId)` does, also where the app has put something else into `intervalId`. */
function clearRoving(rover, state) {
  if (rover.intervalId) clearInterval(rover.intervalId);
  if (state.roving !== null) endRoving(state);
}

/** An app may have put the timer of an earlier roving aside: that one is nobody's any more. */
const ROVING_WATCHER = {
  onCleared: (state, timer) => state.timer === timer && endRoving(state),
  onUnref: (state, timer) => state.timer === timer && awaitRoving(state.roving),
};

function endRoving(state) {
  expectOutcomes(state.roving, state.native.stopRoving());
  state.roving = null;
  state.timer = null;
}

function refresh(rover, table) {
  if (!table.isStale) return;
  try {
    table.refresh();
  } catch (error) {
    rover.emit('error', error);
  }
}

// Printed like a rover whose `servers` is a plain property. Not in the class, and so not in its types.
Object.defineProperty(ClientRover.prototype, inspect.custom, {
  configurable: true,
  writable: true,
  value(depth, options) {
    const properties = Object.getOwnPropertyDescriptors(this);
    const servers = { configurable: true, enumerable: true, value: this.servers, writable: true };
    const portrait = Object.create(Object.getPrototypeOf(this), { ...properties, servers });
    return inspect(portrait, { ...options, depth, customInspect: false });
  },
});

module.exports = ClientRover;
