'use strict';

/** The cast of the demo: Callosum servers and the clients that spread over them. */

const { once } = require('node:events');
const net = require('node:net');

const { Pool } = require('callosum-client-tcp-rover/pool');
const { giveSlots } = require('callosum-client-tcp-rover/server');

/** ms over which the clients start: in real life they are out of step. */
const START_SPREAD = 250;

/**
 * @typedef {object} Snapshot
 * @property {Map<string, number>} counts connections by running server, counted at the server
 * @property {number} clients
 * @property {number} fullPools clients whose pool is full
 * @property {number} wanted connections when all pools are full
 * @property {Roves} roves counters of all rovers together
 */

/**
 * @typedef {{attempts: number, rejected: number, unreachable: number}} Roves
 */

/** Servers by name, and clients that know some of them. */
class Service {
  #servers = new Map();
  #clientCount;
  /** Where each server is that the clients know, by id. */
  #announced = {};
  /** @type {Pool[]} */
  #clients = [];
  #starts = [];
  #errors = [];

  /**
   * @param {object} options
   * @param {number} options.clients
   * @param {number} options.poolSize connections of each client
   */
  constructor({ clients, poolSize }) {
    this.poolSize = poolSize;
    this.#clientCount = clients;
  }

  /** @param {string} id starts a server; no client knows it yet */
  async startServer(id) {
    const server = net.createServer();
    const slots = giveSlots(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    this.#servers.set(id, { server, slots });
  }

  /** @param {string} id stops a server; the clients are left to find that out */
  async stopServer(id) {
    const { server, slots } = this.#servers.get(id);
    this.#servers.delete(id);
    server.close();
    // All at once: a server that is stopped with no regard for its clients.
    await slots.drain({ over: 0, grace: 1000 });
  }

  /** @param {string[]} ids servers that every client puts in its server table */
  announce(ids) {
    for (const id of ids) {
      const { address: host, port } = this.#servers.get(id).server.address();
      this.#announced[id] = { host, port };
      for (const { rover } of this.#clients) rover.addServer(id, { host, port });
    }
  }

  /** Starts the clients, spread over a time. */
  startClients() {
    for (let n = 0; n < this.#clientCount; n++) {
      const delay = (n * START_SPREAD) / this.#clientCount;
      this.#starts.push(setTimeout(() => this.#clients.push(this.#createClient()), delay));
    }
  }

  /** @returns {Snapshot} the state of this moment */
  snapshot() {
    const roves = { attempts: 0, rejected: 0, unreachable: 0 };
    for (const { rover } of this.#clients) {
      const stats = rover.stats();
      for (const name of Object.keys(roves)) roves[name] += stats[name];
    }
    return {
      counts: new Map([...this.#servers].map(([id, { slots }]) => [id, slots.used])),
      clients: this.#clientCount,
      fullPools: this.#clients.filter((pool) => pool.isFull).length,
      wanted: this.#clientCount * this.poolSize,
      roves,
    };
  }

  /** @returns {Error[]} `error` events of the rovers so far; there should be none */
  get errors() {
    return this.#errors;
  }

  /** Stops clients and servers; after it nothing keeps the process alive. */
  async close() {
    for (const start of this.#starts) clearTimeout(start);
    await Promise.all(this.#clients.map((pool) => pool.close()));
    await Promise.all([...this.#servers.keys()].map((id) => this.stopServer(id)));
  }

  #createClient() {
    const pool = new Pool({ servers: { ...this.#announced }, size: this.poolSize });
    pool.rover.on('error', (error) => this.#errors.push(error));
    return pool;
  }
}

module.exports = { Service };
