'use strict';

const { isSame, normalize } = require('./normalize');
const { isDialledHere } = require('../dial');

/**
 * A server as it is known to the native rover.
 *
 * @typedef {object} Entry
 * @property {string} id
 * @property {any} server What the app has put in: the very object.
 * @property {import('./normalize').NormalizedServer | null} normalized `null` where it can't be used so far.
 * @property {number} key What Rust knows it by, as long as an attempt refers to it.
 * @property {boolean} isDropped
 * @property {string | null} lastCode Of the last error that only JavaScript knows.
 * @property {number} pass The last one that it was seen in.
 */

/** How long one look at the app's object may take, in ms, since one is taken about once a second. */
const LOOK_BUDGET = 10;

/** How many servers are looked at between two looks at the clock. */
const LOOK_STEP = 256;

/** How often a server is read again whose own getters change the table. */
const MAX_TRIES = 3;

/**
 * The server table: the app's own object, seen through a proxy that tells the native rover of each change. Changes
 * behind the proxy's back are found by {@link ServerTable#look}.
 *
 * It is the handler of the proxy itself, rather than to have one: a method that is named like a trap is one.
 */
class ServerTable {
  /** @type {Map<string, Entry>} */
  #entries = new Map();
  /** @type {(Entry | undefined)[]} By key. */
  #byKey = [];
  #native;
  /** @type {object} */
  #servers = {};
  #view = new Proxy(this.#servers, this);
  /** What was taken for the table last: `#servers` is another object where that is none. */
  #given = /** @type {unknown} */ (undefined);
  /** Whose `servers` is read at each look: see `follow`. @type {{ servers: unknown } | null} */
  #followed = null;
  /** The keys of the app's object that are still to be looked at, and the next one of them. */
  #keys = /** @type {string[]} */ ([]);
  #cursor = 0;
  #pass = 0;
  /** Counts the changes, so that a look knows that the app made one in the middle of it. */
  #changes = 0;

  /**
   * @param {import('../../binding').ClientRover} native
   * @param {unknown} servers The app's object, which is read and written from now on.
   */
  constructor(native, servers) {
    this.#native = native;
    this.replace(servers);
  }

  /** What the app sees as `rover.servers`. */
  get view() {
    return this.#view;
  }

  /** Whether there is nothing to pick. */
  get isEmpty() {
    return this.#entries.size === 0;
  }

  /** The servers in the table. */
  get entries() {
    return this.#entries.values();
  }

  /**
   * Takes another object of the app's instead.
   *
   * @param {unknown} servers What is no object is an empty table.
   */
  replace(servers) {
    this.#followed = null;
    if (servers !== this.#view) this.#take(servers);
    this.look(Infinity);
  }

  /**
   * Takes what a rover has as `servers`, now and at each look: it is an accessor of the app's own, which may return
   * another object at any time.
   *
   * @param {{ servers: unknown }} rover
   * @param {unknown} servers What it has now.
   */
  follow(rover, servers) {
    this.#followed = rover;
    if (!this.#isTaken(servers)) {
      this.#take(servers);
      this.#lookAtAll();
    }
  }

  #isTaken(servers) {
    return servers === this.#given || servers === this.#view;
  }

  #take(servers) {
    this.#changes++;
    this.#given = servers;
    this.#servers = isObject(servers) ? servers : {};
    this.#view = new Proxy(this.#servers, this);
    this.#keys = [];
    this.#cursor = 0;
  }

  /**
   * Adds a server, or replaces the one with this id.
   *
   * @param {string | symbol} id
   * @param {unknown} server Checked when it is picked.
   * @throws {TypeError} Where the app has frozen the table.
   */
  add(id, server) {
    if (!this.#set(id, server)) throw new TypeError(`Cannot add property ${String(id)}`);
  }

  /**
   * Drops a server; an unknown id is a no-op. Returns whether it is gone, as `Reflect.deleteProperty` does.
   *
   * @param {string | symbol} id
   */
  drop(id) {
    if (!Reflect.deleteProperty(this.#servers, id)) return false;
    if (typeof id === 'string') this.#unregister(this.#entries.get(id));
    return true;
  }

  /**
   * Looks for changes that the app made to its objects behind the proxy's back.
   *
   * @param {number} [budget=10] In ms; where it is used up, the next look goes on from there.
   */
  look(budget = LOOK_BUDGET) {
    const servers = this.#followed === null ? this.#given : this.#followed.servers;
    if (!this.#isTaken(servers)) {
      this.#take(servers);
      budget = Infinity;
    }
    if (budget === Infinity) this.#lookAtAll();
    else this.#lookOnce(budget);
  }

  #lookAtAll() {
    this.#lookOnce(Infinity);
    // A getter may have added to the app's object in the middle of it, or taken from it.
    for (let tries = 0; tries < MAX_TRIES && !this.#isUpToDate(); tries++) this.#lookOnce(Infinity);
  }

  #isUpToDate() {
    const ids = Object.keys(this.#servers);
    return ids.length === this.#entries.size && ids.every((id) => this.#entries.has(id));
  }

  #lookOnce(budget) {
    const began = budget === Infinity ? 0 : performance.now();
    if (this.#cursor >= this.#keys.length) {
      this.#keys = Object.keys(this.#servers);
      this.#cursor = 0;
      this.#pass++;
    }
    while (this.#cursor < this.#keys.length) {
      this.#lookAt(this.#keys[this.#cursor++]);
      const isTime = this.#cursor % LOOK_STEP === 0;
      if (isTime && budget !== Infinity && performance.now() - began > budget) return;
    }
    for (const entry of this.#entries.values()) {
      if (entry.pass !== this.#pass && !Object.hasOwn(this.#servers, entry.id)) this.#unregister(entry);
    }
  }

  /**
   * Returns the server with an id.
   *
   * @param {string} id
   */
  entryOf(id) {
    return this.#entries.get(id);
  }

  /**
   * Returns the server of a key that an attempt refers to, dropped or not.
   *
   * @param {number} key
   * @returns {Entry}
   */
  find(key) {
    const entry = /** @type {Entry} */ (this.#byKey[key]);
    if (entry.isDropped && this.#native.isVacant(key)) this.#byKey[key] = undefined;
    return entry;
  }

  /**
   * Takes a server as it is now, for an attempt that refers to it.
   *
   * @param {Entry} entry
   * @param {import('./normalize').NormalizedServer} normalized
   * @returns {number} The key that the attempt goes on with.
   */
  renew(entry, normalized) {
    if (!entry.isDropped) return this.#register(entry.id, entry.server, normalized).key;
    const renewed = this.#enter(entry.id, entry.server, normalized);
    renewed.isDropped = true;
    return renewed.key;
  }

  /**
   * Lets a server that was renewed for one attempt go when the attempt has ended.
   *
   * @param {number} key
   */
  letGo(key) {
    const entry = this.#byKey[key];
    if (entry?.isDropped) this.#native.dropServer(key);
  }

  // The traps of the view.

  // A view that the app has kept is of the object that it was of, and what inherits from one has properties of its own.

  set(target, id, server, receiver) {
    if (receiver !== this.#view) return Reflect.set(target, id, server, receiver);
    return this.#set(id, server);
  }

  defineProperty(target, id, descriptor) {
    const isDefined = Reflect.defineProperty(target, id, { __proto__: null, ...descriptor });
    if (isDefined && typeof id === 'string' && target === this.#servers) this.#lookAt(id);
    return isDefined;
  }

  deleteProperty(target, id) {
    return target === this.#servers ? this.drop(id) : Reflect.deleteProperty(target, id);
  }

  #set(id, server) {
    if (typeof id === 'symbol') return Reflect.set(this.#servers, id, server);
    if (id === 'length' && Array.isArray(this.#servers)) {
      const isSet = Reflect.set(this.#servers, id, server);
      this.look(Infinity);
      return isSet;
    }
    // Not by assignment, which does something else where the id is `__proto__`.
    const descriptor = Object.getOwnPropertyDescriptor(this.#servers, id);
    const set = descriptor !== undefined && Object.hasOwn(descriptor, 'set') ? descriptor.set : undefined;
    if (set !== undefined) Reflect.apply(set, this.#servers, [server]);
    else if (!Reflect.defineProperty(this.#servers, id, this.#descriptor(id, server))) return false;
    this.#lookAt(id);
    return true;
  }

  #descriptor(id, value) {
    if (Object.hasOwn(this.#servers, id)) return { __proto__: null, value };
    return { __proto__: null, value, configurable: true, enumerable: true, writable: true };
  }

  /** Registers what the app's object has under an id now, if that is not what is registered. */
  #lookAt(id, triesLeft = MAX_TRIES) {
    if (!Object.prototype.propertyIsEnumerable.call(this.#servers, id)) return this.#unregister(this.#entries.get(id));
    const known = this.#entries.get(id);
    if (known !== undefined) known.pass = this.#pass;
    const changes = this.#changes;
    const server = this.#servers[id];
    const normalized = tryToNormalize(server);
    // A getter of the app's may have changed the table meanwhile: what it did last counts.
    if (changes !== this.#changes && triesLeft > 0) return this.#lookAt(id, triesLeft - 1);
    const isKnown = known !== undefined && known.server === server && isSameOrBad(known.normalized, normalized);
    if (!isKnown) this.#register(id, server, normalized);
  }

  #register(id, server, normalized) {
    const before = this.#entries.get(id);
    const entry = this.#enter(id, server, normalized);
    this.#unregister(before);
    this.#entries.set(id, entry);
    return entry;
  }

  #enter(id, server, normalized) {
    this.#changes++;
    const key = this.#native.addServer(...described(normalized));
    const entry = { id, server, normalized, key, isDropped: false, lastCode: null, pass: this.#pass };
    this.#byKey[key] = entry;
    return entry;
  }

  #unregister(entry) {
    if (entry === undefined) return;
    this.#changes++;
    entry.isDropped = true;
    this.#entries.delete(entry.id);
    if (this.#native.dropServer(entry.key)) this.#byKey[entry.key] = undefined;
  }
}

// A handler takes whatever it inherits for a trap, also what others have put on Object.prototype.
Object.setPrototypeOf(ServerTable.prototype, null);

const NOTHING_KNOWN = /** @type {any} */ (Object.freeze({ __proto__: null }));

/**
 * What the native rover has to know of a server, and whether it has to ask at each pick.
 *
 * @returns {[import('../../binding').NativeServer, boolean]}
 */
function described(normalized) {
  if (normalized === null) return [NOTHING_KNOWN, true];
  return [normalized, normalized.lookup !== undefined || isDialledHere(normalized)];
}

function tryToNormalize(server) {
  try {
    return normalize(server);
  } catch {
    // Told when it is picked.
    return null;
  }
}

function isSameOrBad(one, other) {
  return one === null || other === null ? one === other : isSame(one, other);
}

function isObject(value) {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}

module.exports = { ServerTable };
