'use strict';

const { invalidType } = require('./checks');
const { checkServer, isSameServer } = require('./server-options');

/**
 * A server as it is registered with the native rover.
 *
 * @typedef {object} Entry
 * @property {string} id
 * @property {object} server the app's own object
 * @property {import('./server-options').CheckedServer} checked what was registered of it
 * @property {number} registration its number as long as it is in the table, then that of a later one
 */

/**
 * The server table: the app's own object, seen through a proxy that tells the native rover of each
 * change. Changes behind the proxy's back are seen by {@link ServerTable#refresh}.
 *
 * It is the handler of the proxy itself, rather than to have one: a method that is named like a trap is one.
 */
class ServerTable {
  /** @type {Map<string, Entry>} */
  #entries = new Map();
  #isStale = false;
  #native;
  /** @type {(Entry | number)[]} by registration; a vacant place says which is vacant next. V8 would make 17 at first */
  #places = [1];
  #servers;
  /** The registration for the next server. */
  #vacant = 0;
  #view;

  /**
   * @param {import('../binding').ClientRover} native
   * @param {object} servers the app's object, which is read and written from now on
   * @throws {TypeError | RangeError} for a bad server in it
   */
  constructor(native, servers) {
    this.#native = native;
    this.replace(servers);
  }

  /** What the app sees as `rover.servers`. */
  get view() {
    return this.#view;
  }

  /**
   * Takes another object of the app's instead.
   *
   * @param {unknown} servers
   * @throws {TypeError | RangeError} for a bad server in it; nothing has changed then
   */
  replace(servers) {
    if (this.#view !== undefined && servers === this.#view) return this.refresh();
    if (typeof servers !== 'object' || servers === null) {
      throw invalidType('servers', 'an object', servers);
    }
    this.#read(servers);
    this.#servers = servers;
    this.#view = new Proxy(servers, this);
  }

  /**
   * Adds a server, or replaces the one with this id.
   *
   * @param {string} id
   * @param {unknown} server
   * @throws {TypeError | RangeError} for a bad server; nothing has changed then
   */
  add(id, server) {
    if (!this.#set(id, server)) throw new TypeError(`Cannot add property ${id}`);
    // Whatever else the app changed on the quiet is to be seen as well. Once for all additions of a
    // tick: to look at each server for each of them would make filling a table quadratic.
    this.#isStale = true;
  }

  /**
   * Drops a server; an unknown id is a no-op. Says whether it is gone, as `Reflect.deleteProperty`.
   *
   * @param {string | symbol} id
   */
  drop(id) {
    if (!Reflect.deleteProperty(this.#servers, id)) return false;
    this.#unregister(this.#entries.get(id));
    return true;
  }

  /** Whether the app's objects may have changed since they were read. */
  get isStale() {
    return this.#isStale;
  }

  /**
   * Reads all of the app's objects again.
   *
   * @throws {TypeError | RangeError} for a bad server among them; nothing has changed then
   */
  refresh() {
    this.#isStale = false;
    this.#read(this.#servers);
  }

  /**
   * The server of a registration.
   *
   * @param {number} registration
   * @returns {Entry}
   */
  find(registration) {
    return this.#places[registration];
  }

  /**
   * The server that is registered under the id and the address of one that was dropped meanwhile: the app
   * may have added the same object again.
   *
   * @param {{ id: string, host?: string, port?: number, path?: string }} dropped
   * @returns {Entry | undefined}
   */
  findLike({ id, host, port, path }) {
    const entry = this.#entries.get(id);
    const { checked } = entry ?? {};
    const isAlike = checked?.host === host && checked?.port === port && checked?.path === path;
    return isAlike ? entry : undefined;
  }

  // The traps of the view.

  set(_, id, server, receiver) {
    return this.#set(id, server, receiver);
  }

  defineProperty(_, id, descriptor) {
    return this.#define(id, descriptor);
  }

  deleteProperty(_, id) {
    return this.drop(id);
  }

  #read(servers) {
    const checked = new Map();
    for (const id of Object.keys(servers)) checked.set(id, [servers[id], checkServer(servers[id])]);
    for (const [id, entry] of this.#entries) {
      if (!checked.has(id)) this.#unregister(entry);
    }
    for (const [id, [server, description]] of checked) this.#register(id, server, description);
  }

  #set(id, server, receiver = this.#view) {
    if (typeof id === 'symbol') return Reflect.set(this.#servers, id, server, receiver);
    if (id === 'length' && Array.isArray(this.#servers)) {
      const isSet = Reflect.set(this.#servers, id, server);
      this.refresh();
      return isSet;
    }
    const checked = checkServer(server);
    // Not by assignment, which does something else where the id is `__proto__`.
    const previous = Object.getOwnPropertyDescriptor(this.#servers, id);
    const descriptor = previous
      ? { value: server }
      : { value: server, configurable: true, enumerable: true, writable: true };
    if (!Reflect.defineProperty(this.#servers, id, descriptor)) return false;
    try {
      this.#register(id, server, checked);
    } catch (error) {
      if (previous) Object.defineProperty(this.#servers, id, previous);
      else delete this.#servers[id];
      throw error;
    }
    return true;
  }

  #define(id, descriptor) {
    if (typeof id === 'string' && 'value' in descriptor) checkServer(descriptor.value);
    if (!Reflect.defineProperty(this.#servers, id, descriptor)) return false;
    this.refresh();
    return true;
  }

  #register(id, server, checked) {
    const known = this.#entries.get(id);
    if (known?.server === server && isSameServer(known.checked, checked)) return;
    const registration = this.#vacant;
    const { flags, keepAliveInitialDelay, timeout, ...peer } = checked;
    const wrap = { flags, keepAliveInitialDelay, timeout };
    this.#native.addServer(registration, { id, wrap, ...peer });
    const entry = { id, server, checked, registration };
    this.#vacant = this.#places[registration] ?? registration + 1;
    this.#places[registration] = entry;
    this.#unregister(known);
    this.#entries.set(id, entry);
  }

  #unregister(entry) {
    if (entry === undefined) return;
    const { id, registration } = entry;
    this.#native.dropServer(registration);
    this.#entries.delete(id);
    this.#places[registration] = this.#vacant;
    this.#vacant = registration;
  }
}

module.exports = { ServerTable };
