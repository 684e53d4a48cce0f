'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const net = require('node:net');

const { Redis } = require('ioredis');
const { Client } = require('pg');

const { cleanup } = require('../helpers/cleanup.js');
const { startCommand } = require('../helpers/command.js');
const { startPostgres, startRedis } = require('../helpers/database.js');
const { takeSlot, takeSlots, textOf } = require('../helpers/slot-client.js');
const { closed, listen, listening, refusedPort } = require('../helpers/slot-server.js');
const { temporaryDirectory } = require('../helpers/temporary.js');
const { until } = require('../helpers/wait.js');

/** A server that does this with its connections, which are kept in `sockets`. */
async function serverBehind(onConnection = (socket) => socket.pipe(socket)) {
  const sockets = [];
  const server = await listening(net.createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    sockets.push(socket);
    onConnection(socket);
  }));
  return { sockets, to: `127.0.0.1:${server.address().port}` };
}

/** `callosum slots` in front of that, and where it listens. */
async function slotsBefore(to, ...args) {
  const command = startCommand(['slots', '--listen', '127.0.0.1:0', '--to', to, ...args]);
  const line = await command.nextLine();
  const [, port] = /^listening on 127\.0\.0\.1:(\d+), in front of /.exec(line);
  return { ...command, at: { host: '127.0.0.1', port: Number(port), allowHalfOpen: true } };
}

describe('callosum slots', () => {
  it('gives the lowest free slot first, and takes it back (row 64)', async () => {
    const { to } = await serverBehind();
    const { at } = await slotsBefore(to);
    const taken = await takeSlots(at, 3);
    assert.deepEqual(taken.map(({ slot }) => slot), [0, 1, 2]);
    taken[1].socket.destroy();
    const slots = [];
    await until(() => taken[1].socket.closed);
    while (!slots.includes(1)) slots.push((await takeSlot(at)).slot);
  });

  it('passes megabytes on untouched, both ways, and the end of each side (row 64)', async () => {
    const { to } = await serverBehind();
    const { at } = await slotsBefore(to);
    const { socket } = await takeSlot(at);
    const sent = Buffer.alloc(8_000_000, Array.from({ length: 256 }, (_, byte) => byte));
    socket.end(sent);
    const received = [];
    for await (const part of socket) received.push(part);
    assert.ok(Buffer.concat(received).equals(sent));
  });

  it('lets a client go on sending when the server has ended, and the other way round (row 64)', async () => {
    const { sockets, to } = await serverBehind((socket) => socket.end('only this'));
    const { at } = await slotsBefore(to);
    const { socket } = await takeSlot(at);
    assert.equal(await textOf(socket), 'only this');
    socket.end('and still this');
    assert.equal(await textOf(sockets[0]), 'and still this');
  });

  it('connects to a server that speaks first, though the client says nothing (row 64)', async () => {
    const { to } = await serverBehind((socket) => socket.end('220 ready\r\n'));
    const { at } = await slotsBefore(to);
    // The first one finds out whether the server is reachable.
    for (const { socket } of await takeSlots(at, 2)) assert.equal(await textOf(socket), '220 ready\r\n');
  });

  it('holds a sender up whose receiver does not read (row 64)', async () => {
    const { sockets, to } = await serverBehind((socket) => socket.pause());
    const { at } = await slotsBefore(to);
    const { socket } = await takeSlot(at);
    const chunk = Buffer.alloc(1_000_000);
    let written = 0;
    // What the kernel and the buffers on the way hold is far less than this.
    while (written < 200 && (await takesMore(socket, chunk))) written++;
    assert.ok(written < 100, `${written} MB written`);
    sockets[0].resume();
    await once(socket, 'drain');
  });

  /** Writes, and says whether there is room for more within a time in which a reader would have made it. */
  async function takesMore(socket, chunk) {
    if (socket.write(chunk)) return true;
    return Promise.race([
      once(socket, 'drain').then(() => true),
      new Promise((resolve) => setTimeout(resolve, 300, false)),
    ]);
  }

  it('passes a reset on, either way (row 64)', async () => {
    const { sockets, to } = await serverBehind();
    const { at } = await slotsBefore(to);
    const failed = async (socket) => new Promise((resolve) => socket.on('error', ({ code }) => resolve(code)));
    for (const side of ['client', 'server']) {
      const { socket } = await takeSlot(at);
      socket.write('hello');
      await once(socket, 'data');
      const behind = sockets.at(-1);
      const [from, to] = side === 'client' ? [socket, behind] : [behind, socket];
      const failure = failed(to);
      from.resetAndDestroy();
      assert.equal(await failure, 'ECONNRESET', side);
    }
  });

  it('does not trouble the server with one that only looks at its slot (row 64)', async () => {
    const { sockets, to } = await serverBehind();
    const { at } = await slotsBefore(to);
    // The first one finds out whether the server is reachable, and is connected to it before it gets its slot.
    for (const { socket } of await takeSlots(at, 5)) await closed(socket.resume().end());
    const { socket } = await takeSlot(at);
    socket.end('hello');
    assert.equal(await textOf(socket), 'hello');
    assert.equal(sockets.length, 2);
  });

  it('gives no slot while the server is away, says so once, and goes on when it is back (row 64)', async () => {
    const port = await refusedPort();
    const { at, nextLine, stderr } = await slotsBefore(`127.0.0.1:${port}`);
    for (const { slot } of await takeSlots(at, 3)) assert.equal(slot, NaN);
    await until(() => stderr() !== '');
    assert.equal(stderr(), `127.0.0.1:${port} is unreachable: connect ECONNREFUSED 127.0.0.1:${port}\n`);
    const server = net.createServer((socket) => socket.pipe(socket));
    await listen(server, { port });
    cleanup(() => server.close());
    const { slot, socket } = await takeSlot(at);
    assert.equal(slot, 0);
    assert.equal(await nextLine(), `127.0.0.1:${port} is reachable`);
    socket.end('hello');
    assert.equal(await textOf(socket), 'hello');
  });

  it('resets a connection whose server went away behind its slot (row 64)', async () => {
    const { at, behind } = await slotsBeforeOneThatLeaves();
    // Any: the one before may not be free yet.
    const { slot, socket } = await takeSlot(at);
    assert.ok(slot >= 0);
    behind.close();
    const failure = new Promise((resolve) => socket.on('error', ({ code }) => resolve(code)));
    socket.write('hello');
    assert.equal(await failure, 'ECONNRESET');
    assert.equal((await takeSlot(at)).slot, NaN);
  });

  async function slotsBeforeOneThatLeaves() {
    const behind = net.createServer((socket) => socket.end());
    await listen(behind);
    cleanup(() => behind.close());
    const command = await slotsBefore(`127.0.0.1:${behind.address().port}`);
    await closed((await takeSlot(command.at)).socket.resume().end());
    return { ...command, behind };
  }

  it('announces floor(n / weight), and takes as many connections as it may (rows 62 and 64)', async () => {
    const { to } = await serverBehind();
    const { at } = await slotsBefore(to, '--weight', '2', '--max', '3');
    assert.deepEqual((await takeSlots(at, 4)).map(({ slot }) => slot), [0, 0, 1, NaN]);
  });

  it('listens at a Unix socket, in front of another one (row 64)', async () => {
    const pathOf = temporaryDirectory();
    const server = net.createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));
    await listen(server, { path: pathOf('behind.sock') });
    cleanup(() => server.close());
    const { nextLine } = startCommand(['slots', '--listen', pathOf('slots.sock'), '--to', pathOf('behind.sock')]);
    assert.equal(await nextLine(), `listening on ${pathOf('slots.sock')}, in front of ${pathOf('behind.sock')}`);
    const { slot, socket } = await takeSlot({ path: pathOf('slots.sock'), allowHalfOpen: true });
    socket.end('hello');
    assert.deepEqual([slot, await textOf(socket)], [0, 'hello']);
  });

  it('says why it cannot listen, with code 1 (row 64)', async () => {
    const { to } = await serverBehind();
    const { code, stderr } = await startCommand(['slots', '--listen', to, '--to', to]).exit();
    assert.deepEqual([code, stderr], [1, `callosum: listen EADDRINUSE: address already in use ${to}\n`]);
  });

  for (const signal of ['SIGINT', 'SIGTERM']) {
    it(`drains at ${signal}, lets the server answer, and ends (rows 63 and 64)`, async () => {
      const { sockets, to } = await serverBehind();
      const { at, child, exit, nextLine } = await slotsBefore(to, '--drain', '100');
      const [used, waiting] = (await takeSlots(at, 2)).map(({ socket }) => socket);
      used.write('hello');
      await once(used, 'data');
      sockets[0].unpipe();
      sockets[0].on('end', () => sockets[0].end('last words'));
      const words = textOf(used);
      // Either may be the first to be ended.
      waiting.resume().on('end', () => waiting.end());
      child.kill(signal);
      assert.equal(await nextLine(), 'draining 2 connections over 100 ms; once more ends them at once');
      assert.equal(await words, 'last words');
      used.end();
      assert.deepEqual(await exit(), { code: 0, stderr: '' });
    });
  }

  it('goes on where nobody reads what it says any more (row 64)', async () => {
    const { to } = await serverBehind();
    const { at, child, exit } = await slotsBefore(to, '--drain', '0');
    child.stdout.destroy();
    const { socket } = await takeSlot({ ...at, allowHalfOpen: false });
    child.kill('SIGTERM');
    await closed(socket.resume());
    assert.deepEqual(await exit(), { code: 0, stderr: '' });
  });

  it('ends at once at a second signal (row 64)', async () => {
    const { to } = await serverBehind();
    const { at, child, exit, nextLine } = await slotsBefore(to, '--drain', '60000');
    await takeSlot(at);
    child.kill('SIGINT');
    await nextLine();
    child.kill('SIGINT');
    assert.equal((await exit()).code, 130);
  });

  describe('in front of a database', () => {
    /** Starts a database before the tests, and stops it behind them. */
    function database(start) {
      let running;
      before(async function () {
        this.timeout(60_000);
        running = await start(this);
      });
      after(() => running?.stop());
      return () => slotsBefore(running.path);
    }

    const beforeRedis = database(startRedis);
    const beforePostgres = database(startPostgres);

    it('carries Redis (row 64)', async () => {
      const { at } = await beforeRedis();
      const { slot, socket } = await takeSlot(at);
      const redis = new Redis({ Connector: connectorOf(socket), retryStrategy: () => null });
      cleanup(() => redis.disconnect());
      await redis.set('greeting', 'Grüße');
      assert.deepEqual([slot, await redis.get('greeting')], [0, 'Grüße']);
    });

    it('carries PostgreSQL (row 64)', async () => {
      const { at } = await beforePostgres();
      const { slot, socket } = await takeSlot(at);
      socket.connect = () => process.nextTick(() => socket.emit('connect'));
      const client = new Client({ host: 'slots.invalid', user: 'postgres', database: 'postgres', stream: () => socket });
      await client.connect();
      const { rows } = await client.query('SELECT $1::int + 1 AS next', [slot]);
      assert.deepEqual(rows, [{ next: 1 }]);
      await client.end();
    });
  });

  /** A connector of ioredis that has a socket already. */
  function connectorOf(socket) {
    return class {
      check = () => true;
      disconnect = () => socket.end();
      connect = async () => socket;
    };
  }
});
