'use strict';

const { EventEmitter } = require('node:events');

const { Question, TYPES } = require('./question.js');
const { Servers } = require('./servers.js');
const { onAbort } = require('./signals.js');

/** How many reads in a row have to say that a name has no servers before it is believed. */
const EMPTY_READS = 3;

/** ms until a name is read again whose TTL is not known: Node.js tells none of SRV records. */
const DEFAULT_INTERVAL = 10_000;

/** ms until the first further try where there was no answer; then twice that, and so on. */
const RETRY = 1000;

/** ms: a shorter TTL would have the name server asked all the time. */
const MIN_TTL = 1000;

/** The longest time that a timer of Node.js takes, in ms. */
const MAX_TIME = 2 ** 31 - 1;

/**
 * What `follow` needs of a rover.
 *
 * @typedef {object} Rover
 * @property {(id: string, server: any) => void} addServer
 * @property {(id: string) => void} dropServer
 * @property {{ [id: string]: any } | null} servers
 */

/**
 * @typedef {object} FollowOptions
 * @property {number} [port] The port of the servers. Needed with `A` and `AAAA`; SRV records have their own.
 * @property {'A' | 'AAAA' | 'SRV'} [type] The records to read. Default: `'A'`.
 * @property {number} [interval] The time between two reads, in ms. Default: the TTL of the records, a second at
 *   least; with SRV, whose TTL Node.js does not tell, 10000.
 * @property {string[]} [nameServers] The name servers to ask, as of `dns.setServers`. Default: those of the system.
 * @property {AbortSignal} [signal] Stops it when it is aborted.
 */

/**
 * The arguments of each event's listeners.
 *
 * @typedef {object} FollowerEvents
 * @property {[added: string[], dropped: string[]]} update The first answer, or one that changed the table: the ids of
 *   the servers that came and went.
 * @property {[error: Error & { code?: string }]} failure A read brought no servers. What is in the table stays.
 */

/** Keeps the servers of a rover in step with a name. Made by `follow`. */
class Follower extends EventEmitter {
  #servers;
  #ask;
  #interval;
  /** The usual time between two reads, in ms. */
  #usual;
  #question = null;
  #timer = null;
  #failures = 0;
  #emptyReads = 0;
  #hasAnswer = false;
  #isStopped = false;
  #unlisten = () => {};

  /**
   * @private
   * @param {Rover} rover
   * @param {() => Question} ask
   * @param {{ interval?: number, signal?: AbortSignal }} options
   */
  constructor(rover, ask, { interval, signal }) {
    super();
    this.#servers = new Servers(rover);
    this.#ask = ask;
    this.#interval = interval;
    this.#usual = interval ?? DEFAULT_INTERVAL;
    if (signal?.aborted) return void this.stop();
    if (signal !== undefined) this.#unlisten = onAbort(signal, () => this.stop());
    this.#read();
  }

  /**
   * Reads the name no more. The servers stay in the table.
   *
   * @returns {void}
   */
  stop() {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    this.#question?.cancel();
    this.#unlisten();
    this.#servers.leave();
  }

  /**
   * The same as `stop()`, for `using`.
   *
   * @returns {void}
   */
  [Symbol.dispose]() {
    this.stop();
  }

  async #read() {
    this.#question = this.#ask();
    const result = await this.#question.ask().catch((error) => ({ failure: error }));
    this.#question = null;
    if (this.#isStopped) return;
    if ('failure' in result) this.#onFailure(result.failure);
    else if (result.servers.length === 0) this.#onEmpty(result.error);
    else this.#onServers(result);
  }

  #onServers({ servers, ttl }) {
    this.#failures = 0;
    this.#emptyReads = 0;
    this.#usual = this.#interval ?? (ttl === undefined ? DEFAULT_INTERVAL : Math.max(ttl, MIN_TTL));
    this.#readIn(this.#usual);
    this.#update(servers);
  }

  #onEmpty(error) {
    this.#failures = 0;
    this.#emptyReads++;
    this.#readIn(this.#usual);
    if (this.#emptyReads === EMPTY_READS) this.#update([]);
    else this.emit('failure', error);
  }

  #onFailure(error) {
    this.#failures++;
    this.#emptyReads = 0;
    this.#readIn(Math.min(RETRY * 2 ** (this.#failures - 1), this.#usual));
    this.emit('failure', error);
  }

  #update(servers) {
    const { added, dropped } = this.#servers.replace(servers);
    const isFirst = !this.#hasAnswer;
    this.#hasAnswer = true;
    if (isFirst || added.length > 0 || dropped.length > 0) this.emit('update', added, dropped);
  }

  #readIn(time) {
    // The rover keeps the process alive, if anything does.
    this.#timer = setTimeout(() => this.#read(), Math.min(time, MAX_TIME)).unref();
  }
}

function checkOptions(rover, name, { type, port, interval, signal }) {
  if (typeof rover?.addServer !== 'function') throw new TypeError('rover must be a ClientRover');
  if (typeof name !== 'string' || name === '') throw new TypeError(`name must be a string: ${name}`);
  if (!TYPES.includes(type)) throw new TypeError(`type must be one of ${TYPES.join(', ')}: ${type}`);
  const needsPort = type !== 'SRV';
  if (needsPort && !(Number.isInteger(port) && port > 0 && port < 65_536)) {
    throw new RangeError(`port must be an integer from 1 to 65535: ${port}`);
  }
  if (interval !== undefined && !(interval >= 1 && interval <= MAX_TIME)) {
    throw new RangeError(`interval must be from 1 to ${MAX_TIME}: ${interval}`);
  }
  if (signal !== undefined && typeof signal?.addEventListener !== 'function') {
    throw new TypeError('signal must be an AbortSignal');
  }
}

/**
 * Keeps the servers of a rover in step with a name: each address, or each target of an SRV record, is a server with
 * the id `HOST:PORT`. Servers that the app has added are left alone, and one that several names have is dropped when
 * the last of them does not have it any more.
 *
 * The last good answer stays while the name server does not answer or fails. That a name has no servers is believed
 * when three reads in a row have said so.
 *
 * @param {Rover} rover
 * @param {string} name
 * @param {FollowOptions} [options]
 * @returns {Follower}
 * @throws {TypeError | RangeError} for a bad argument
 */
function follow(rover, name, { port, type = 'A', interval, nameServers, signal } = {}) {
  checkOptions(rover, name, { type, port, interval, signal });
  const ask = () => new Question(name, { type, port, nameServers });
  // Here it throws for bad name servers.
  ask();
  return new Follower(rover, ask, { interval, signal });
}

module.exports = { follow };
