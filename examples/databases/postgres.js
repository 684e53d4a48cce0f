'use strict';

/**
 * An app over some replicas of PostgreSQL, each behind `callosum slots`: its queries go to those with the fewest
 * connections.
 *
 *     node examples/databases/postgres.js 127.0.0.1:5432 127.0.0.1:5433
 *
 * User, password and database are those of PGUSER, PGPASSWORD and PGDATABASE.
 */

const { once } = require('node:events');

const { Pool } = require('callosum-client-tcp-rover/pool');
const { Client } = require('pg');

const { slotsBefore } = require('./slots.js');

const QUERIES = 200;
const AT_A_TIME = 16;

/** A promise of the client of each connection. */
const clients = new WeakMap();

function clientOf(socket) {
  let client = clients.get(socket);
  if (client === undefined) {
    client = connected(socket);
    clients.set(socket, client);
  }
  return client;
}

async function connected(socket) {
  // pg calls it and waits for the event; this socket is connected already.
  socket.connect = () => process.nextTick(() => socket.emit('connect'));
  const client = new Client({ stream: () => socket });
  // The query that it fails says so, too.
  client.on('error', () => {});
  await client.connect();
  return client;
}

/** PostgreSQL wants to be told. A connection that was never used has nobody to tell it. */
function retire(socket) {
  const client = clients.get(socket);
  if (client === undefined) socket.end();
  else client.then((one) => one.end()).catch(() => socket.destroy());
}

/** Lends a client to a function. Where that fails in a transaction, nobody else is to have the connection. */
async function withPostgres(pool, use) {
  const lease = await pool.acquire();
  try {
    const result = await use(await clientOf(lease.socket), lease.id);
    lease.release();
    return result;
  } catch (error) {
    lease.destroy();
    throw error;
  }
}

async function main() {
  const { servers, stop } = await slotsBefore(process.argv.slice(2));
  const pool = new Pool({ servers, size: 8, retire });
  // It would do with one connection, too, but then that would have it all.
  while (!pool.isFull) await once(pool, 'keep');
  const queries = Object.fromEntries(Object.keys(servers).map((id) => [id, 0]));
  let left = QUERIES;
  async function queryOn() {
    while (left-- > 0) {
      await withPostgres(pool, async (client, id) => {
        await client.query('SELECT 1');
        queries[id]++;
      });
    }
  }
  await Promise.all(Array.from({ length: AT_A_TIME }, queryOn));
  for (const [id, count] of Object.entries(queries)) console.log(`${count} queries to ${id}`);
  await pool.close();
  stop();
}

main();
