'use strict';

/** @typedef {import('./connection.js').PooledConnection} PooledConnection */

/**
 * A connection that is lent: nobody else has it until it is given back. Made by `pool.acquire()`.
 */
class Lease {
  #connection;
  #onReleased;
  #onDestroyed;
  #isOver = false;

  /**
   * @param {PooledConnection} connection
   * @param {object} pool
   * @param {(connection: PooledConnection) => void} pool.onReleased
   * @param {(connection: PooledConnection, error: Error | undefined) => void} pool.onDestroyed
   */
  constructor(connection, { onReleased, onDestroyed }) {
    this.#connection = connection;
    this.#onReleased = onReleased;
    this.#onDestroyed = onDestroyed;
  }

  /**
   * The connection.
   *
   * @type {import('node:net').Socket}
   */
  get socket() {
    return this.#connection.socket;
  }

  /**
   * The slot that the server gave.
   *
   * @type {number}
   */
  get slot() {
    return this.#connection.slot;
  }

  /**
   * The id of the server.
   *
   * @type {string}
   */
  get id() {
    return this.#connection.id;
  }

  /**
   * Whether the connection leaves the pool when it is given back: there is a better one, its server has ended it or
   * left the table, or the pool closes. Who keeps a connection for long should give such a one back.
   *
   * @type {boolean}
   */
  get isRetired() {
    return this.#connection.isLeaving;
  }

  /**
   * Gives the connection back, in a state in which somebody else can go on with it: nothing half written, no answer
   * outstanding, no listener left. A second call does nothing.
   *
   * @param {() => void} [onLent] Called right before somebody else gets it: takes off what watches it while it is idle.
   * @returns {void}
   */
  release(onLent) {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#connection.onLent = onLent;
    this.#onReleased(this.#connection);
  }

  /**
   * Closes the connection, in place of giving it back.
   *
   * @param {Error} [error] Says that it is the server's fault: a server whose connections die young is rested.
   * @returns {void}
   */
  destroy(error) {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#onDestroyed(this.#connection, error);
  }

  /**
   * The same as `release()`, for `using lease = await pool.acquire()`.
   *
   * @returns {void}
   */
  [Symbol.dispose]() {
    this.release();
  }
}

module.exports = { Lease };
