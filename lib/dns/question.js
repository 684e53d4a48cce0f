'use strict';

const { Resolver } = require('node:dns').promises;

/** ms that a name server has for its first answer, and how often it is asked. The default of Node.js is over a minute. */
const PATIENCE = { timeout: 2000, tries: 2 };

/** Codes that say that there is nothing, and not that nobody knows. */
const EMPTY_CODES = ['ENODATA', 'ENOTFOUND'];

/**
 * What a name server says.
 *
 * @typedef {object} Answer
 * @property {{ host: string, port: number }[]} servers
 * @property {number} [ttl] in ms, where Node.js tells it
 * @property {Error} [error] where there are no servers: what Node.js says of that
 */

/** By type of record: asks, and makes servers of what comes. */
const READERS = {
  A: async (resolver, name, port) => ofAddresses(await resolver.resolve4(name, { ttl: true }), port),
  AAAA: async (resolver, name, port) => ofAddresses(await resolver.resolve6(name, { ttl: true }), port),
  SRV: async (resolver, name) => ({ servers: ofServices(await resolver.resolveSrv(name)) }),
};

function ofAddresses(records, port) {
  const servers = records.map(({ address }) => ({ host: address, port }));
  return { servers, ttl: 1000 * Math.min(...records.map(({ ttl }) => ttl)) };
}

/** Those that are meant to be used: see docs/dns.md. */
function ofServices(records) {
  const first = Math.min(...records.map(({ priority }) => priority));
  // A target that is the root says that there is no such service.
  const group = records.filter(({ priority, name }) => priority === first && name !== '' && name !== '.');
  const isWeighted = group.some(({ weight }) => weight > 0);
  const chosen = isWeighted ? group.filter(({ weight }) => weight > 0) : group;
  return chosen.map(({ name, port }) => ({ host: name, port }));
}

/** A question to name servers, which can be taken back. */
class Question {
  // One for each question: it keeps no answers, and knows the name servers of the day.
  #resolver = new Resolver(PATIENCE);
  #name;
  #read;

  /**
   * @param {string} name
   * @param {object} options
   * @param {'A' | 'AAAA' | 'SRV'} options.type
   * @param {number} [options.port]
   * @param {string[]} [options.nameServers]
   */
  constructor(name, { type, port, nameServers }) {
    if (nameServers !== undefined) this.#resolver.setServers(nameServers);
    this.#name = name;
    this.#read = () => READERS[type](this.#resolver, name, port);
  }

  /**
   * @returns {Promise<Answer>}
   * @throws where there is no answer
   */
  async ask() {
    try {
      const answer = await this.#read();
      if (answer.servers.length > 0) return answer;
      const error = new Error(`querySrv ENODATA ${this.#name}`);
      return { servers: [], error: Object.assign(error, { code: 'ENODATA', syscall: 'querySrv', hostname: this.#name }) };
    } catch (error) {
      if (EMPTY_CODES.includes(error.code)) return { servers: [], error };
      throw error;
    }
  }

  cancel() {
    this.#resolver.cancel();
  }
}

module.exports = { Question, TYPES: Object.keys(READERS) };
