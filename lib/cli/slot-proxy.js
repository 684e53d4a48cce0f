'use strict';

const { EventEmitter } = require('node:events');
const net = require('node:net');

const { giveSlots } = require('callosum-client-tcp-rover/server');

const { Relay, reset } = require('./relay.js');

/** ms that the server behind has for accepting a connection. */
const CONNECT_TIMEOUT = 10_000;

/**
 * ms that a client may be silent before the server behind is connected to, as servers that speak first need it. Rovers
 * close most connections before that, and PostgreSQL, for one, starts a process for each.
 */
const PATIENCE = 50;

/**
 * Gives slots in front of a server, and passes bytes on both ways.
 *
 * While the server behind can't be reached, connections are closed without a slot: a low one would attract everybody.
 * Emits `unreachable (error)` and `reachable ()` when that changes.
 */
class SlotProxy extends EventEmitter {
  /** Not listening yet. */
  server = net.createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#onConnection(client));
  /** Gets only those that are to have a slot. */
  #slotted = net.createServer();
  #to;
  /** `undefined` as long as nobody knows. */
  #isReachable;
  /** @type {WeakMap<net.Socket, { end: () => void }>} what ends a connection, by the client's socket */
  #connections = new WeakMap();

  /**
   * @param {object} options
   * @param {net.NetConnectOpts} options.to the server behind
   * @param {number} [options.weight] as of `giveSlots`
   * @param {number} [options.max] connections at a time
   */
  constructor({ to, weight, max }) {
    super();
    this.#to = to;
    this.slots = giveSlots(this.#slotted, { weight });
    this.#slotted.on('connection', () => {});
    if (max !== undefined) this.server.maxConnections = max;
  }

  /**
   * Ends all connections, and stops listening.
   *
   * @param {number} over in ms
   */
  async drain(over) {
    await this.slots.drain({ over, end: (client) => this.#connections.get(client).end() });
    await new Promise((resolve) => this.server.close(resolve));
  }

  #onConnection(client) {
    client.on('error', () => {});
    if (this.#isReachable) {
      this.#giveSlot(client);
      this.#connectWhenNeeded(client);
    } else {
      this.#connect(client, {
        onConnected: (upstream) => {
          this.#giveSlot(client);
          this.#relay(client, upstream);
        },
        onFailed: () => client.destroy(),
      });
    }
  }

  #giveSlot(client) {
    this.#connections.set(client, client);
    this.#slotted.emit('connection', client);
  }

  #connectWhenNeeded(client) {
    const leave = () => {
      clearTimeout(patience);
      client.off('readable', onReadable);
      client.off('end', onEnd);
      client.off('close', leave);
    };
    const begin = () => {
      leave();
      this.#connect(client, {
        onConnected: (upstream) => this.#relay(client, upstream),
        onFailed: () => reset(client),
      });
    };
    const onReadable = () => {
      // At the end there is nothing, and `end` is emitted only to who reads that.
      if (client.readableLength === 0) client.read();
      else begin();
    };
    const onEnd = () => {
      leave();
      client.end();
    };
    const patience = setTimeout(begin, PATIENCE);
    client.on('readable', onReadable);
    client.on('end', onEnd);
    client.on('close', leave);
  }

  #connect(client, { onConnected, onFailed }) {
    const upstream = net.connect({ ...this.#to, allowHalfOpen: true, noDelay: true });
    const timeout = setTimeout(() => upstream.destroy(new Error('it does not answer')), CONNECT_TIMEOUT);
    const fail = (error) => {
      clearTimeout(timeout);
      this.#setReachable(false, error);
      onFailed();
    };
    const abandon = () => {
      clearTimeout(timeout);
      upstream.destroy();
    };
    upstream.once('error', fail);
    client.once('close', abandon);
    upstream.once('connect', () => {
      clearTimeout(timeout);
      upstream.off('error', fail);
      client.off('close', abandon);
      this.#setReachable(true);
      onConnected(upstream);
    });
  }

  #relay(client, upstream) {
    this.#connections.set(client, new Relay(client, upstream));
  }

  #setReachable(isReachable, error) {
    const before = this.#isReachable;
    this.#isReachable = isReachable;
    if (!isReachable && before !== false) this.emit('unreachable', error);
    if (isReachable && before === false) this.emit('reachable');
  }
}

module.exports = { SlotProxy };
