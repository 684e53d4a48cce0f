'use strict';

const { once } = require('node:events');

const { Pool } = require('../../lib/pool');

const { cleanup } = require('./cleanup.js');
const { slotServer } = require('./slot-server.js');

/**
 * A pool that is closed at the end of the test.
 *
 * @param {object} rover As for `Pool`.
 * @param {object} [options] As for `Pool`.
 */
function makePool(rover, options) {
  const pool = new Pool(rover, options);
  cleanup(() => pool.close({ timeout: 0 }));
  return pool;
}

/**
 * A server whose connections get the slots of a list, one after the other, and the last one for ever. The list may be
 * changed while the server runs.
 *
 * @param {number[]} slots
 * @param {object} [options] As for `slotServer`.
 */
function serverGiving(slots, options) {
  return slotServer({ greeting: () => `${slots.length > 1 ? slots.shift() : slots[0]}\r\n`, ...options });
}

/** Resolves when a pool is full. */
async function full(pool) {
  while (!pool.isFull) await once(pool, 'keep');
}

module.exports = { Pool, full, makePool, serverGiving };
