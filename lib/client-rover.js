'use strict';

const EventEmitter = require('node:events');
const { inspect } = require('node:util');

const { NativeAdmission: Admission } = require('./native');
const { netPermissionError } = require('./native/permission');
const { parts } = require('./parts');

/**
 * A rover: keeps trying random servers, and emits what became of it.
 *
 * The roving itself runs on a thread of its own. A started rover keeps the process alive, as does an attempt in flight.
 *
 * @template {import('./types').Server} [S=import('./types').Server] What the app's servers are: what it is told as `server` has this type.
 */
class ClientRover extends EventEmitter {
  /**
   * @param {import('./types').Options<NoInfer<S>> | null} [options]
   * @throws {TypeError | RangeError} For a bad option.
   */
  constructor(options) {
    super(options ?? undefined);
    // Never so, and for the types alone: a getter of a subclass may need fields that are not there yet.
    if (new.target === undefined) {
      /**
       * Time between two attempts, in ms. Read by `start()`.
       *
       * @type {number}
       */
      this.ROVING_INTERVAL;
      /**
       * The servers by id. Can be written to: the next pick honours it.
       *
       * @type {import('./types').Servers<S>}
       */
      this.servers;
      /**
       * The timer of a started rover, a real one: `clearInterval(rover.intervalId)` stops the roving, and what is in
       * flight still gets its event. `null` before `start()` and after `stop()`.
       *
       * @type {NodeJS.Timeout | null}
       */
      this.intervalId;
    }
    parts().initialise(this, options);
  }

  /**
   * The highest slot that is wanted. A pool that is full sets it below its worst slot; a connection with a higher slot
   * is then closed, and no event tells of it. Takes effect at once, for attempts in flight as well.
   *
   * @type {number}
   */
  get MAX_SLOT() {
    return parts().stateOf(this).maxSlot;
  }

  set MAX_SLOT(slot) {
    parts().setMaxSlot(parts().stateOf(this), slot);
  }

  /**
   * Adds a server, or replaces the one with this id. It is checked when it is picked: a bad one ends in `error`.
   *
   * @param {string} id
   * @param {S} server
   * @returns {void}
   * @throws {TypeError} Where the app has frozen the table.
   */
  addServer(id, server) {
    parts().syncFields(this).table.add(propertyKey(id), server);
  }

  /**
   * Drops a server. An unknown id is a no-op. An attempt in flight still gets its event.
   *
   * @param {string} id
   * @returns {void}
   * @throws {TypeError} Where the app has frozen the table.
   */
  dropServer(id) {
    const key = propertyKey(id);
    if (!parts().syncFields(this).table.drop(key)) throw new TypeError(`Cannot delete property ${String(key)}`);
  }

  /**
   * Tries one random server now, unless `MAX_PENDING` is reached. Ends in exactly one event, later, unless the slot is
   * above `MAX_SLOT`; but with no servers it emits `error` at once. A subclass may override it: `start()` then calls
   * the override.
   *
   * @returns {void}
   */
  connect() {
    const denied = netPermissionError();
    if (denied) return void this.emit('error', denied);
    const state = prepared(this);
    if (state === null) return;
    if (attempt(this, state).admission !== Admission.NoServers) return;
    parts().outsideTick(() => this.emit('error', noServers(this)));
  }

  /**
   * Tries a random server now, and one at every `ROVING_INTERVAL` from now on. A second call replaces the first.
   *
   * @returns {void}
   * @throws {TypeError | RangeError} For a bad `ROVING_INTERVAL`.
   */
  start() {
    const denied = netPermissionError();
    if (denied) return void this.emit('error', denied);
    const state = prepared(this, Infinity);
    if (state === null) return;
    if (parts().startRoving(this, state, connect)) this.emit('error', noServers(this));
  }

  /**
   * Makes one attempt of its own. No outcome event tells of it. Keeps the process alive until it settles.
   *
   * @param {object} [options]
   * @param {AbortSignal | null} [options.signal] Abandons the attempt when it is aborted.
   * @returns {Promise<import('./types').Connection<S>>} Rejected with the error of the outcome, which has `id`
   *   and `server` where a server was picked; with `ERR_CALLOSUM_REJECTED` and `slot` where the slot is above `MAX_SLOT`; with
   *   `ERR_CALLOSUM_PENDING` where `MAX_PENDING` is reached; with an `AbortError` where it is aborted or stopped.
   */
  rove(options) {
    return new Promise((resolve, reject) => {
      const signal = parts().checkOption('signal', options?.signal);
      if (signal?.aborted) throw parts().abortError(signal.reason);
      const denied = netPermissionError();
      if (denied) throw denied;
      const own = parts().stateOf(this).signal;
      const abortError = () => parts().abortError((signal?.aborted ? signal : own)?.reason);
      const state = prepared(this);
      if (state === null) throw abortError();
      let forget = () => {};
      const settle = /** @type {import('./outcomes').Settle} */ (error, connection) => {
        forget();
        // A listener of `up`, or a subscriber, may have aborted it while its outcome is delivered.
        if (error === undefined || signal?.aborted) {
          connection?.socket.destroy();
          return reject(abortError());
        }
        if (error === null) resolve(/** @type {any} */ (connection));
        else reject(error);
      };
      const { admission, context } = attempt(this, state, settle);
      if (admission === null) throw abortError();
      if (admission === Admission.NoServers) throw noServers(this);
      if (admission === Admission.Skipped) throw parts().pendingError();
      if (signal === null) return;
      const onAbort = () => abandon(context);
      parts().onAbort(signal, onAbort);
      forget = () => parts().offAbort(signal, onAbort);
      // A hook of async_hooks may have aborted it by now.
      if (signal.aborted) abandon(context);
    });
  }

  /**
   * Has a server not be picked for a while, unless all rest: then the one whose rest ends first is. Replacing the
   * server ends its rest. An unknown id is a no-op.
   *
   * @param {string} id
   * @param {number} ms 0 ends a rest.
   * @returns {void}
   * @throws {TypeError | RangeError} For a bad `ms`.
   */
  rest(id, ms) {
    const time = parts().checkNumber('ms', ms, 0, parts().MAX_DELAY);
    const { native, table } = parts().syncFields(this);
    const entry = table.entryOf(propertyKey(id));
    if (entry !== undefined) native.rest(entry.key, time);
  }

  /**
   * Stops the roving and abandons what is in flight: no event follows. `start()` begins anew.
   *
   * @returns {void}
   */
  stop() {
    parts().stop(this);
  }

  /**
   * Returns what became of all attempts so far.
   *
   * @template {boolean} [B=false]
   * @param {object} [options]
   * @param {B} [options.servers] Whether to add `servers`: the same for each server, by id.
   * @returns {B extends true
   *   ? import('./types').Stats & { servers: Map<string, import('./types').ServerStats> }
   *   : import('./types').Stats}
   */
  stats(options) {
    return /** @type {any} */ (parts().statsOf(parts().syncFields(this), options?.servers ?? false));
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

/**
 * Returns what an id is as the name of a property. A symbol names one that is never picked, as in 0.1.0.
 *
 * @param {any} id
 * @returns {any}
 */
function propertyKey(id) {
  return typeof id === 'symbol' ? id : `${id}`;
}

/**
 * Returns the state of a rover that is about to make an attempt; null where it must not.
 *
 * @param {ClientRover} rover
 * @param {number} [budget] Of the look at the app's servers: see `ServerTable#look`. Without it there is one at most
 *   once a second.
 */
function prepared(rover, budget) {
  const state = parts().syncFields(rover);
  if (state.signal?.aborted) return null;
  parts().syncSettings();
  const now = performance.now();
  // Fake timers set the clock back when they come, and maybe when they go.
  const isTime = !(now >= state.lookedAt && now - state.lookedAt < parts().LOOK_INTERVAL);
  if (budget !== undefined || isTime || state.table.isEmpty) {
    state.lookedAt = now;
    state.table.look(state.table.isEmpty ? Infinity : budget);
  }
  return state;
}

/**
 * Makes one attempt in a context of its own. `admission` is null where the rover is stopped meanwhile.
 *
 * @param {ClientRover} rover
 * @param {import('./state').State} state
 * @param {import('./outcomes').Settle | null} [settle]
 */
function attempt(rover, state, settle = null) {
  const { stops } = state;
  // A `rove()` is nobody else's, also where an overridden `connect` calls it.
  const roving = settle === null ? parts().tickingRoving() : null;
  const context = parts().openContext(rover, state, 1, roving, settle);
  let admission = null;
  try {
    // A hook of async_hooks, which hears of the context, may have stopped the rover.
    if (stops === state.stops) admission = state.native.connect(context.key);
  } finally {
    if (admission !== Admission.InFlight) {
      context.settle = null;
      parts().setOutstanding(context, 0);
    }
  }
  return { admission, context };
}

/**
 * Abandons the attempt of a context, unless its outcome is being delivered.
 *
 * @param {import('./environment').CallContext} context
 */
function abandon(context) {
  if (!parts().isOpen(context) || !context.state.native.abandon(context.key)) return;
  parts().hangUp(context.state, context);
  parts().closeAll([context.key]);
}

/**
 * There is no server to pick: makes the error, and tells who subscribes.
 *
 * @param {ClientRover} rover
 */
function noServers(rover) {
  const error = parts().noServersError();
  parts().publish('error', rover, undefined, { error });
  return error;
}

// All of 0.1.0 was enumerable on the prototype: apps copy the methods by `for … in`.
for (const name of ['addServer', 'connect', 'dropServer', 'start']) {
  Object.defineProperty(ClientRover.prototype, name, { __proto__: null, enumerable: true });
}

// Not in the class, and so not in its types.
Object.defineProperties(ClientRover.prototype, {
  // Printed like a rover whose `servers` is a plain property.
  [inspect.custom]: {
    __proto__: null,
    configurable: true,
    writable: true,
    value(depth, options) {
      const plain = Object.create(Object.getPrototypeOf(this));
      for (const key of Reflect.ownKeys(this)) {
        const descriptor = { __proto__: null, ...Object.getOwnPropertyDescriptor(this, key) };
        Object.defineProperty(plain, key, descriptor);
      }
      const servers = { __proto__: null, configurable: true, enumerable: true, value: this.servers, writable: true };
      Object.defineProperty(plain, 'servers', servers);
      return inspect(plain, { ...options, depth, customInspect: false });
    },
  },
});

// As `util.inherits` leaves it. By Reflect: TypeScript would take it for an export of the module.
Reflect.defineProperty(ClientRover, 'super_', { __proto__: null, configurable: true, value: EventEmitter, writable: true });

module.exports = ClientRover;
