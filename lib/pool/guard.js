'use strict';

/**
 * How long a server rests whose connections died young, in ms; twice as long each time that it happens again. In a
 * test with 3 healthy servers, one that dies after 50 ms, and 20 pools, the pools were full 75 % of the time without a
 * guard, and 98 % with rests that begin at a second.
 */
const FIRST_REST = 1000;

/**
 * How long a server is not picked that failed while the pool has room, in ms: the next attempt follows at once, so with
 * one server of four alive a pool of 8 is full as soon as with all four. Longer does not pay: each client has to find
 * out about each server by itself.
 */
const FAILED_REST = 1000;

/** Where that ends, in ms: how long a server that is well again waits for its probe at most. */
const MAX_REST = 30_000;

/** The share of the table that may rest. More at once is rather the client's own trouble, or that of its network. */
const MAX_RESTING = 0.5;

/**
 * A server whose connections died young.
 *
 * @typedef {object} Patient
 * @property {unknown} server The one that was meant: one that replaces it is another one.
 * @property {number} rests How often it has been rested in a row.
 * @property {number} until When its rest ends, by `performance.now()`.
 * @property {import('./connection.js').PooledConnection | null} probe The one connection that it may have until that has
 *   outlived the probation.
 */

/**
 * Keeps a pool from servers that give low slots and then die: without it they are the most attractive ones of all.
 */
class Guard {
  #rover;
  #probation;
  /** @type {Map<string, Patient>} By id. */
  #patients = new Map();
  /** When the rest of a server ends that failed, by id and `performance.now()`. @type {Map<string, number>} */
  #failed = new Map();

  /**
   * @param {import('../../index.js')<any>} rover
   * @param {number} probation How long a connection has to live, in ms, unless it was of use before.
   */
  constructor(rover, probation) {
    this.#rover = rover;
    this.#probation = probation;
  }

  /**
   * Returns whether a connection may enter.
   *
   * @param {import('./connection.js').PooledConnection} connection
   * @param {boolean} isEmpty Whether the pool has nothing else.
   */
  admits({ id, server }, isEmpty) {
    const patient = this.#patients.get(id);
    if (patient === undefined || this.#isWell(patient, server)) return true;
    // Where all servers rest or fail, one that rests is picked, and better than none.
    return patient.probe === null && (isEmpty || patient.until <= performance.now());
  }

  /** @param {import('./connection.js').PooledConnection} connection One that entered. */
  onKept(connection) {
    const { id, server } = connection;
    const patient = this.#patients.get(id);
    if (patient === undefined) return;
    if (this.#isWell(patient, server)) this.#patients.delete(id);
    else patient.probe = connection;
  }

  /** @param {import('./connection.js').PooledConnection} connection One that died, not by the pool's own doing. */
  onDied(connection) {
    const { id, server } = connection;
    const patient = this.#patients.get(id);
    const isProbe = patient?.probe === connection;
    if (this.#isProven(connection)) {
      if (isProbe) this.#patients.delete(id);
      return;
    }
    if (isProbe) patient.probe = null;
    // Those that die together are one sign of it. The rest of one that was picked all the same goes on.
    if ((patient?.until ?? 0) <= performance.now()) this.#rest(id, server, patient);
  }

  /** @param {string} id Of a server that failed while the pool has room. */
  onFailed(id) {
    const now = performance.now();
    if (this.#isResting(id, now) || !this.#mayRest(now)) return;
    this.#failed.set(id, now + FAILED_REST);
    this.#rover.rest(id, FAILED_REST);
  }

  /** @param {import('./connection.js').PooledConnection} connection One that the pool let go. */
  onLetGo(connection) {
    const patient = this.#patients.get(connection.id);
    if (patient?.probe !== connection) return;
    if (this.#isProven(connection)) this.#patients.delete(connection.id);
    else patient.probe = null;
  }

  /** Forgets servers that left the table. */
  forgetDropped() {
    for (const id of this.#patients.keys()) {
      if (!Object.hasOwn(this.#rover.servers, id)) this.#patients.delete(id);
    }
    const now = performance.now();
    for (const [id, until] of this.#failed) if (until <= now) this.#failed.delete(id);
  }

  /** Whether a server has been replaced since it died, or its probe has outlived the probation. */
  #isWell({ server, probe }, current) {
    return server !== current || (probe !== null && this.#isProven(probe));
  }

  #isProven(connection) {
    return connection.isProven || performance.now() - connection.since >= this.#probation;
  }

  #isResting(id, now) {
    return (this.#patients.get(id)?.until ?? 0) > now || (this.#failed.get(id) ?? 0) > now;
  }

  /** Whether one more server may rest. */
  #mayRest(now) {
    const ids = Object.keys(this.#rover.servers);
    const resting = ids.filter((id) => this.#isResting(id, now)).length;
    return resting + 1 <= ids.length * MAX_RESTING;
  }

  #rest(id, server, patient) {
    const now = performance.now();
    if (!this.#isResting(id, now) && !this.#mayRest(now)) return;
    const rests = patient?.rests ?? 0;
    const ms = Math.min(MAX_REST, FIRST_REST * 2 ** rests);
    this.#patients.set(id, { server, rests: rests + 1, until: now + ms, probe: null });
    this.#rover.rest(id, ms);
  }
}

module.exports = { Guard };
