'use strict';

/** The processes of one way to reach the servers: servers, clients, and what is between them. */

const { fork } = require('node:child_process');
const { once } = require('node:events');
const { readFileSync } = require('node:fs');
const path = require('node:path');

const { Balancer } = require('./balancers.js');
const { CLIENTS, CONNECTIONS } = require('./service.js');

/** ms in which the kernel counts CPU time: 100 a second on every Linux there is. */
const CPU_TICK = 10;

/** A process that is told what to do, and answers. */
class Helper {
  #child;
  /** Whoever waits for the next thing that it says. */
  #onHeard = (_value) => {};

  constructor(file, args) {
    this.#child = fork(path.join(__dirname, file), args.map(String), { serialization: 'advanced' });
    this.#child.on('message', (value) => this.#onHeard(value));
    this.#child.on('exit', () => this.#onHeard({}));
  }

  get pid() {
    return this.#child.pid;
  }

  /** The next thing that it says: an empty object where it ends instead. */
  hear() {
    return new Promise((resolve) => {
      this.#onHeard = resolve;
    });
  }

  async ask(verb, value) {
    const heard = this.hear();
    this.#child.send({ verb, value });
    return (await heard).answer;
  }

  async end(signal) {
    if (signal === undefined) {
      if (this.#child.connected) this.#child.disconnect();
    } else {
      this.#child.kill(signal);
    }
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'exit');
  }
}

/** All of them. */
class Crew {
  /** @type {import('./transports/index.js').Way} */
  #way;
  /** @type {Map<number, { helper: Helper, port: number }>} */
  #servers = new Map();
  #clients;
  #balancer = null;

  /**
   * @param {string} name of a way
   * @param {number} servers
   */
  static async start(name, servers) {
    const crew = new Crew();
    crew.#way = require('./transports')[name];
    try {
      await Promise.all(Array.from({ length: servers }, (_, id) => crew.#startServer(id, 0)));
      const { proxy } = crew.#way;
      if (proxy !== undefined) crew.#balancer = await Balancer.start(proxy, crew.#table());
      crew.#clients = Array.from({ length: CLIENTS }, () => new Helper('client.js', [name]));
      const options = { servers: crew.#table(), connections: CONNECTIONS, proxy: crew.#balancer?.port };
      await crew.tell('open', options);
      return crew;
    } catch (error) {
      await crew.end();
      throw error;
    }
  }

  /** Has all clients do something. */
  tell(verb, value) {
    return Promise.all(this.#clients.map((client) => client.ask(verb, value)));
  }

  /** A server ends at once, as in a crash, and is back empty as soon as it has started. */
  async restart(id) {
    const { helper, port } = this.#servers.get(id);
    await helper.end('SIGKILL');
    await this.#startServer(id, port);
  }

  /** A server ends in order, and is back. */
  async redeploy(id) {
    const { helper, port } = this.#servers.get(id);
    await helper.ask('leave');
    await helper.end();
    await this.#startServer(id, port);
  }

  async add(count) {
    const known = this.#servers.size;
    await Promise.all(Array.from({ length: count }, (_, index) => this.#startServer(known + index, 0)));
    const added = this.#table().slice(known);
    await this.#balancer?.add(added);
    await this.tell('add', added);
  }

  /** A server takes so many ms for each answer. */
  slow(id, ms) {
    return this.#servers.get(id).helper.ask('slow', ms);
  }

  get ids() {
    return [...this.#servers.keys()];
  }

  /** The connections of each server. */
  connections() {
    return Promise.all(Array.from(this.#servers.values(), ({ helper }) => helper.ask('connections')));
  }

  /** CPU time of all processes, in ms. */
  cpu() {
    const helpers = [...this.#clients, ...Array.from(this.#servers.values(), ({ helper }) => helper)];
    const pids = [...helpers.map(({ pid }) => pid), ...(this.#balancer?.pids ?? [])];
    return pids.reduce((sum, pid) => sum + cpuOf(pid), 0);
  }

  async end() {
    await Promise.all((this.#clients ?? []).map((client) => client.end()));
    await Promise.all(Array.from(this.#servers.values(), ({ helper }) => helper.end()));
    await this.#balancer?.stop();
  }

  #table() {
    return Array.from(this.#servers, ([id, { port }]) => ({ id, port })).sort((a, b) => a.id - b.id);
  }

  async #startServer(id, port) {
    const helper = new Helper('server.js', [id, port, this.#way.server]);
    const heard = await helper.hear();
    if (heard.port === undefined) throw new Error('a server did not start');
    this.#servers.set(id, { helper, port: heard.port });
  }
}

function cpuOf(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * CPU_TICK;
}

module.exports = { Crew };
