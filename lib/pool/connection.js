'use strict';

/**
 * A connection of a pool.
 *
 * @typedef {object} PooledConnection
 * @property {number} slot
 * @property {import('node:net').Socket} socket
 * @property {string} id
 * @property {any} server Of the table.
 * @property {string} address Where that was when the connection was made.
 * @property {number} since When it entered, by `performance.now()`.
 * @property {number} turn Which loan of the pool its last one was; 0 for none.
 * @property {boolean} isLent
 * @property {boolean} isLeaving It is lent, and leaves when it is given back.
 * @property {boolean} isEnded Its server has ended it, and who has it is not done with it.
 * @property {(() => void) | undefined} onLent What who gave it back wants to be called before it is lent again.
 * @property {boolean} isProven It was of use: somebody gave it back in good order.
 */

/**
 * A connection that a rover has brought.
 *
 * @param {{ slot: number, socket: import('node:net').Socket, id: string, server: any }} candidate
 * @returns {PooledConnection}
 */
function pooledConnection({ slot, socket, id, server }) {
  return {
    slot,
    socket,
    id,
    server,
    address: addressOf(server),
    since: performance.now(),
    turn: 0,
    isLent: false,
    isLeaving: false,
    isEnded: false,
    onLent: undefined,
    isProven: false,
  };
}

/**
 * Returns where a server is, as a text to be compared: one that is replaced by an equal one is still the same. It reads
 * a server as `net.connect()` does.
 *
 * @param {any} server
 * @returns {string}
 */
function addressOf(server) {
  const { host, port, path } = typeof server === 'object' && server !== null ? server : ofBareValue(server);
  return path ? String(path) : `${String(host || 'localhost')} ${String(port)}`;
}

/** A string that is no number is a path; all else is a port. */
function ofBareValue(server) {
  return typeof server === 'string' && !(Number(server) >= 0) ? { path: server } : { port: server };
}

module.exports = { addressOf, pooledConnection };
