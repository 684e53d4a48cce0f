'use strict';

/**
 * An app over some replicas of Redis, each behind `callosum slots`: its reads go to those with the fewest connections.
 *
 *     node examples/databases/redis.js 127.0.0.1:6379 127.0.0.1:6380
 */

const { once } = require('node:events');

const { Pool } = require('callosum-client-tcp-rover/pool');
const { AbstractConnector, Redis } = require('ioredis');

const { slotsBefore } = require('./slots.js');

const READS = 1000;
const AT_A_TIME = 16;

/** Gives a client one connection of the pool, for as long as that lives. */
class PooledConnector extends AbstractConnector {
  #socket;

  constructor({ pooled, disconnectTimeout }) {
    super(disconnectTimeout);
    this.#socket = pooled;
  }

  async connect() {
    this.stream = this.#socket;
    return this.#socket;
  }
}

/** The client of each connection. */
const clients = new WeakMap();

function clientOf(socket) {
  let client = clients.get(socket);
  if (client === undefined) {
    client = new Redis({ Connector: PooledConnector, pooled: socket, enableReadyCheck: false, retryStrategy: () => null });
    // The command that it fails says so, too.
    client.on('error', () => {});
    clients.set(socket, client);
  }
  return client;
}

/** Lends a client to a function. */
async function withRedis(pool, use) {
  const lease = await pool.acquire();
  try {
    return await use(clientOf(lease.socket), lease.id);
  } finally {
    lease.release();
  }
}

async function main() {
  const { servers, stop } = await slotsBefore(process.argv.slice(2));
  const pool = new Pool({ servers, size: 8 });
  // It would do with one connection, too, but then that would have it all.
  while (!pool.isFull) await once(pool, 'keep');
  const reads = Object.fromEntries(Object.keys(servers).map((id) => [id, 0]));
  let left = READS;
  async function readOn() {
    while (left-- > 0) {
      await withRedis(pool, async (redis, id) => {
        await redis.get('greeting');
        reads[id]++;
      });
    }
  }
  await Promise.all(Array.from({ length: AT_A_TIME }, readOn));
  for (const [id, count] of Object.entries(reads)) console.log(`${count} reads from ${id}`);
  await pool.close();
  stop();
}

main();
