'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');

const { AbstractConnector, Redis } = require('ioredis');
const { Client, Pool } = require('pg');

const { cleanup } = require('../helpers/cleanup.js');
const { proxyTo, startPostgres, startRedis } = require('../helpers/database.js');
const { attempt, attemptAt, makeRover } = require('../helpers/rover.js');
const { slotServer } = require('../helpers/slot-server.js');

/** Starts a database before the tests of a suite, and stops it behind them. Its slot servers are made by the tests. */
function database(start) {
  let running;
  before(async function () {
    this.timeout(60_000);
    running = await start(this);
  });
  after(() => running?.stop());
  return () => slotServer({ greeting: (n) => `${n}\r\n`, then: proxyTo(running.path) });
}

describe('pg on the socket of a connection', () => {
  const slotServerInFront = database(startPostgres);

  /** pg calls `connect()` on its stream, and waits for the event: this one is open already. */
  function opened(socket) {
    socket.connect = () => process.nextTick(() => socket.emit('connect'));
    return socket;
  }

  // The host is one that cannot be looked up: nothing must be connected to again.
  const credentials = { host: 'slots.invalid', user: 'postgres', database: 'postgres' };

  async function connectedClient(socket) {
    const client = new Client({ ...credentials, stream: () => opened(socket) });
    cleanup(() => client.end());
    await client.connect();
    return client;
  }

  it('runs queries of a real PostgreSQL server (row 14)', async () => {
    const { address } = await slotServerInFront();
    const { slot, socket } = await attemptAt(address);
    const client = await connectedClient(socket);
    const { rows } = await client.query('SELECT $1::int + 1 AS next, $2::text AS text', [slot, 'Grüße']);
    assert.deepEqual(rows, [{ next: slot + 1, text: 'Grüße' }]);
  });

  it('writes and rolls back (row 14)', async () => {
    const { address } = await slotServerInFront();
    const { socket } = await attemptAt(address);
    const client = await connectedClient(socket);
    await client.query('CREATE TEMPORARY TABLE visits (slot int)');
    await client.query('BEGIN');
    await client.query('INSERT INTO visits SELECT generate_series(1, 1000)');
    assert.equal((await client.query('SELECT FROM visits')).rowCount, 1000);
    await client.query('ROLLBACK');
    assert.equal((await client.query('SELECT FROM visits')).rowCount, 0);
  });

  it('carries megabytes both ways (row 14)', async () => {
    const { address } = await slotServerInFront();
    const { socket } = await attemptAt(address);
    const client = await connectedClient(socket);
    const sent = Buffer.alloc(4_000_000, 'callosum');
    const { rows } = await client.query('SELECT $1::bytea AS bytes', [sent]);
    assert.ok(rows[0].bytes.equals(sent));
  });

  it('reports an error of the server, and goes on (row 14)', async () => {
    const { address } = await slotServerInFront();
    const { socket } = await attemptAt(address);
    const client = await connectedClient(socket);
    await assert.rejects(client.query('SELECT FROM nowhere'), { code: '42P01' });
    assert.equal((await client.query('SELECT 1')).rowCount, 1);
  });

  it('ends its connection, and so frees the slot (row 14)', async () => {
    const server = await slotServerInFront();
    const { socket } = await attemptAt(server.address);
    const client = await connectedClient(socket);
    await client.end();
    await server.nextClosed();
  });

  it('hears that its server is gone (row 14)', async () => {
    const server = await slotServerInFront();
    const { socket } = await attemptAt(server.address);
    const client = await connectedClient(socket);
    const peer = await server.nextSocket();
    const failure = once(client, 'error');
    const ended = new Promise((resolve) => client.on('end', resolve));
    peer.destroy();
    await failure;
    await ended;
  });

  it('makes a pool of sockets that a rover has brought (row 14)', async () => {
    const { address } = await slotServerInFront();
    const rover = makeRover({ servers: { a: address } });
    const sockets = [];
    for (let n = 0; n < 3; n++) sockets.push((await attempt(rover)).socket);
    const pool = new Pool({ ...credentials, max: 3, stream: () => opened(sockets.pop()) });
    cleanup(() => pool.end());
    const pids = await Promise.all(
      Array.from({ length: 3 }, () => pool.query('SELECT pg_backend_pid() AS pid, pg_sleep(0.1)')),
    );
    assert.equal(new Set(pids.map(({ rows }) => rows[0].pid)).size, 3);
    assert.equal(sockets.length, 0);
  });
});

describe('ioredis on the socket of a connection', () => {
  const slotServerInFront = database(startRedis);

  /** A client that asks a rover for a socket whenever it connects. */
  function clientOf(rover) {
    class RoverConnector extends AbstractConnector {
      constructor(options) {
        super(options.disconnectTimeout);
      }

      async connect() {
        rover.connect();
        [, this.stream] = await once(rover, 'connection');
        return this.stream;
      }
    }
    const redis = new Redis({ Connector: RoverConnector, retryStrategy: () => 1 });
    // A connection that is lost is an error to it, and what a test may be about.
    redis.on('error', () => {});
    cleanup(() => redis.disconnect());
    return redis;
  }

  it('runs commands of a real Redis server (row 14)', async () => {
    const { address } = await slotServerInFront();
    const redis = clientOf(makeRover({ servers: { a: address } }));
    await redis.set('greeting', 'Grüße');
    assert.equal(await redis.get('greeting'), 'Grüße');
    const replies = await redis.pipeline().incr('visits').incr('visits').del('visits').exec();
    assert.deepEqual(replies, [[null, 1], [null, 2], [null, 1]]);
  });

  it('carries megabytes both ways (row 14)', async () => {
    const { address } = await slotServerInFront();
    const redis = clientOf(makeRover({ servers: { a: address } }));
    const sent = Buffer.alloc(4_000_000, 'callosum');
    await redis.set('large', sent);
    assert.ok((await redis.getBuffer('large')).equals(sent));
  });

  it('publishes to one that subscribes over another socket (row 14)', async () => {
    const { address } = await slotServerInFront();
    const rover = makeRover({ servers: { a: address } });
    const subscriber = clientOf(rover);
    await subscriber.subscribe('news');
    const message = once(subscriber, 'message');
    const publisher = clientOf(rover);
    assert.equal(await publisher.publish('news', 'low slots'), 1);
    assert.deepEqual(await message, ['news', 'low slots']);
  });

  it('takes another socket of the rover when its server is gone (row 14)', async () => {
    const server = await slotServerInFront();
    const redis = clientOf(makeRover({ servers: { a: server.address } }));
    await redis.ping();
    const closing = once(redis, 'close');
    (await server.nextSocket()).destroy();
    await closing;
    assert.equal(await redis.ping(), 'PONG');
    assert.equal(server.accepted, 2);
  });
});
