'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const fs = require('node:fs');
const net = require('node:net');

const { giveSlots } = require('../../lib/server');
const { Pool, full, makePool, serverGiving } = require('../helpers/pool.js');
const { ClientRover, makeRover } = require('../helpers/rover.js');
const { NOT_LINUX, skip } = require('../helpers/skip.js');
const { closed, listening, refusedAddress, slotServer } = require('../helpers/slot-server.js');
const { block, until } = require('../helpers/wait.js');

/** The slots of a pool, by the events that tell of them. */
function slotsOf(pool) {
  const slots = [];
  pool.on('keep', (slot) => slots.push(slot));
  pool.on('drop', (slot) => slots.splice(slots.indexOf(slot), 1));
  return slots;
}

describe('new Pool()', () => {
  it('keeps the connections with the lowest slots, and starts the rover (row 51)', async () => {
    const slots = [9, 5, 7, 3, 8, 1, 50];
    const server = await serverGiving(slots);
    const rover = makeRover({ ROVING_INTERVAL: 10, servers: { a: server.address } });
    const pool = makePool(rover, { size: 3 });
    const kept = slotsOf(pool);
    await until(() => kept.includes(1));
    assert.deepEqual(kept.sort(), [1, 3, 5]);
    assert.equal(pool.rover, rover);
    assert.equal(pool.sockets.length, 3);
    assert.notEqual(rover.intervalId, null);
  });

  it('lists the sockets with the lowest slot first (row 51)', async () => {
    const server = await serverGiving([4, 2, 3]);
    const pool = makePool({ size: 3, servers: { a: server.address } });
    const bySlot = new Map();
    pool.on('keep', (slot, socket) => bySlot.set(slot, socket));
    await full(pool);
    assert.deepEqual(pool.sockets, [bySlot.get(2), bySlot.get(3), bySlot.get(4)]);
  });

  it('tells of what enters and leaves by slot, socket and id (row 51)', async () => {
    const slots = [6];
    const server = await serverGiving(slots);
    const pool = makePool({ size: 1, ROVING_INTERVAL: 10, servers: { a: server.address } });
    const [slot, socket, id] = await once(pool, 'keep');
    assert.deepEqual([slot, id, socket.readyState], [6, 'a', 'open']);
    slots.splice(0, 1, 2);
    const [dropped] = await Promise.all([once(pool, 'drop'), once(pool, 'keep')]);
    assert.deepEqual(dropped, [6, socket, 'a']);
  });

  it('makes a rover with the figures that the simulation recommends, and hands it all other options (row 51)', async () => {
    const servers = { a: await refusedAddress() };
    const pool = makePool({ servers, size: 2, MAX_PENDING: 3 });
    assert.ok(pool.rover instanceof ClientRover);
    assert.deepEqual([pool.rover.ROVING_INTERVAL, pool.size], [250, 2]);
    assert.equal(pool.rover.servers.a, servers.a);
    assert.equal(makePool({}).size, 8);
    assert.equal(makePool({ ROVING_INTERVAL: 77 }).rover.ROVING_INTERVAL, 77);
    for (const none of [undefined, null]) {
      const { rover } = makePool({ ROVING_INTERVAL: none, MAX_INTERVAL: none, JITTER: none });
      assert.equal(rover.ROVING_INTERVAL, 250);
    }
  });

  it('sets MAX_SLOT below the worst slot while it is full, and only then (row 51)', async () => {
    const server = await serverGiving([3, 5]);
    const pool = makePool(makeRover({ MAX_SLOT: 40, servers: { a: server.address } }), { size: 2 });
    assert.equal(pool.rover.MAX_SLOT, 40);
    await full(pool);
    assert.equal(pool.rover.MAX_SLOT, 4);
    pool.sockets[0].destroy();
    await once(pool, 'drop');
    assert.equal(pool.rover.MAX_SLOT, 40);
  });

  it('does without servers, and takes those that come later (row 51)', async () => {
    const server = await slotServer();
    const pool = makePool(new ClientRover(), { size: 1 });
    pool.rover.addServer('late', server.address);
    const [, , id] = await once(pool, 'keep');
    assert.equal(id, 'late');
  });

  it('survives a reset of any of its connections (row 51)', async () => {
    const server = await slotServer();
    const pool = makePool({ size: 1, servers: { a: server.address } });
    const [, socket] = await once(pool, 'keep');
    (await server.nextSocket()).resetAndDestroy();
    const [, dropped] = await once(pool, 'drop');
    assert.equal(dropped, socket);
    await once(pool, 'keep');
  });

  it('throws where its rover has a pool that is not closed, and changes nothing then (row 54)', async () => {
    const server = await slotServer();
    const rover = makeRover({ servers: { a: server.address } });
    const pool = makePool(rover, { size: 1 });
    await full(pool);
    const { MAX_SLOT } = rover;
    assert.throws(() => new Pool(rover, { size: 3 }), { code: 'ERR_CALLOSUM_POOL_EXISTS' });
    const closing = pool.close();
    assert.throws(() => new Pool(rover), { code: 'ERR_CALLOSUM_POOL_EXISTS' });
    assert.deepEqual([rover.MAX_SLOT, rover.listenerCount('connection')], [MAX_SLOT, 1]);
    await closing;
    await full(makePool(rover, { size: 1 }));
  });

  it('leaves a rover that can\'t be started to another pool (row 54)', async () => {
    const server = await slotServer();
    const rover = makeRover({ servers: { a: server.address } });
    rover.ROVING_INTERVAL = -1;
    assert.throws(() => new Pool(rover), { code: 'ERR_OUT_OF_RANGE' });
    assert.deepEqual([rover.MAX_SLOT, rover.listenerCount('connection')], [Infinity, 0]);
    rover.ROVING_INTERVAL = 10;
    await full(makePool(rover, { size: 1 }));
  });

  for (const [option, value] of Object.entries({ size: 0, probation: -1, retire: 'end' })) {
    it(`throws for a bad ${option} (row 51)`, () => {
      assert.throws(() => new Pool({ [option]: value }), new RegExp(`^\\w+: ${option} must be .*: ${value}$`));
    });
  }
});

describe('a better slot', () => {
  for (const { worst, better, isTaken } of [
    { worst: 10, better: 10, isTaken: false },
    { worst: 10, better: 9, isTaken: true },
    { worst: 100, better: 95, isTaken: false },
    { worst: 100, better: 94, isTaken: true },
  ]) {
    it(`of ${better} ${isTaken ? 'replaces' : 'does not replace'} one of ${worst} (row 53)`, async () => {
      const slots = [worst];
      const server = await serverGiving(slots);
      const rover = makeRover({ ROVING_INTERVAL: 10, servers: { a: server.address } });
      const pool = makePool(rover, { size: 1 });
      const [, socket] = await once(pool, 'keep');
      slots[0] = better;
      if (isTaken) {
        const [[slot]] = await Promise.all([once(pool, 'drop'), once(pool, 'keep')]);
        assert.equal(slot, worst);
      } else {
        const { rejected } = rover.stats();
        await until(() => rover.stats().rejected > rejected + 3);
        assert.deepEqual([pool.sockets, socket.readyState], [[socket], 'open']);
        assert.equal(rover.MAX_SLOT, worst - Math.floor(worst / 20) - 1);
      }
    });
  }

  it('that was in flight when the pool became full is judged all the same (row 53)', async () => {
    const server = await serverGiving([5, 5, 5, 5]);
    const rover = makeRover({ servers: { a: server.address } });
    const pool = makePool(rover, { size: 1 });
    for (let n = 0; n < 3; n++) rover.connect();
    await until(() => rover.stats().pending === 0);
    assert.equal(pool.sockets.length, 1);
    const sockets = await Promise.all([0, 1, 2, 3].map(() => server.nextSocket()));
    await Promise.all(sockets.filter((one) => one.remotePort !== pool.sockets[0].localPort).map(closed));
  });
});

describe('a server that drains', () => {
  /** In a drain, slots begin here. */
  const DRAINING = 1_000_000_000;

  it('gets nothing of a pool that has room, beside one that is well or alone (rows 51 and 63)', async () => {
    const [draining, well] = [await serverGiving([DRAINING]), await serverGiving([DRAINING - 1])];
    const rover = makeRover({ ROVING_INTERVAL: 5, servers: { draining: draining.address } });
    const pool = makePool(rover, { size: 2 });
    await until(() => rover.stats().rejected > 2);
    assert.deepEqual([pool.sockets, rover.MAX_SLOT], [[], DRAINING - 1]);
    rover.addServer('well', well.address);
    await full(pool);
    assert.deepEqual([await pool.acquire(), await pool.acquire()].map(({ id }) => id), ['well', 'well']);
  });

  it('is refused also where MAX_SLOT let it pass, and so is all that is above a MAX_SLOT of the app (rows 51 and 63)', async () => {
    for (const [slot, MAX_SLOT] of [[DRAINING, undefined], [8, 7]]) {
      const server = await serverGiving([slot]);
      const rover = makeRover({ ROVING_INTERVAL: 60_000, MAX_SLOT, servers: { a: server.address } });
      const pool = makePool(rover, { size: 1 });
      rover.MAX_SLOT = Infinity;
      rover.connect();
      await until(() => rover.stats().connections > 0);
      await server.nextClosed();
      assert.deepEqual(pool.sockets, []);
    }
  });

  it('empties for good while pools have room (rows 51 and 63)', async () => {
    const server = await listening(net.createServer((socket) => socket.resume()));
    const slots = giveSlots(server);
    const pool = makePool({ size: 2, ROVING_INTERVAL: 10, servers: { a: { host: '127.0.0.1', port: server.address().port } } });
    await full(pool);
    pool.on('keep', (slot) => assert.fail(`takes ${slot}`));
    await slots.drain({ over: 200 });
    assert.deepEqual(pool.sockets, []);
  });
});

describe('a server that leaves the table', () => {
  for (const [way, leave] of Object.entries({
    'dropServer()': (rover) => rover.dropServer('a'),
    'delete': (rover) => delete rover.servers.a,
    'another object': (rover) => (rover.servers = {}),
  })) {
    it(`by ${way} loses its connections (row 56)`, async () => {
      const server = await slotServer();
      const pool = makePool({ size: 2, servers: { a: server.address } });
      await full(pool);
      leave(pool.rover);
      await once(pool, 'drop');
      await server.nextClosed();
      await server.nextClosed();
      assert.deepEqual(pool.sockets, []);
    });
  }

  it('keeps what is lent of it until that is given back (row 56)', async () => {
    const server = await slotServer();
    const pool = makePool({ size: 2, servers: { a: server.address } });
    await full(pool);
    const lease = await pool.acquire();
    pool.rover.dropServer('a');
    await once(pool, 'drop');
    assert.deepEqual(pool.sockets, [lease.socket]);
    assert.deepEqual([lease.isRetired, lease.socket.readyState], [true, 'open']);
    lease.release();
    assert.deepEqual(pool.sockets, []);
    await closed(lease.socket);
  });

  it('is not lent from the moment on that it is gone (row 56)', async () => {
    const server = await slotServer();
    const pool = makePool({ size: 1, servers: { a: server.address } });
    await full(pool);
    pool.rover.dropServer('a');
    assert.equal(pool.tryAcquire(), null);
  });

  it('loses them where it moves, and keeps them where it is replaced by an equal one (row 56)', async () => {
    const [server, other] = [await slotServer(), await slotServer()];
    const pool = makePool({ size: 1, servers: { a: server.address } });
    await full(pool);
    const [socket] = pool.sockets;
    pool.rover.addServer('a', { ...server.address });
    const lease = pool.tryAcquire();
    assert.equal(lease.socket, socket);
    lease.release();
    pool.rover.servers.a.port = other.port;
    await once(pool, 'drop');
    await closed(socket);
  });
});

describe('a server that is replaced', () => {
  const keeping = {
    'a port': ({ port }) => [port, { port }],
    'a port as a string': ({ port }) => [{ port }, `${port}`],
    'localhost': ({ port }) => [{ port }, { host: 'localhost', port, path: undefined }],
    'no path': ({ port }) => [{ port, path: null }, { port, path: '', host: '' }],
  };
  for (const [what, forms] of Object.entries(keeping)) {
    it(`by the same address in another form, as ${what}, keeps its connections (row 56)`, async () => {
      const server = await slotServer();
      const [before, after] = forms(server.address);
      const pool = makePool({ size: 1, servers: { a: before } });
      await full(pool);
      const [socket] = pool.sockets;
      pool.rover.addServer('a', after);
      const lease = pool.tryAcquire();
      assert.equal(lease?.socket, socket);
    });
  }

  for (const path of [undefined, null, '']) {
    it(`by one at another port, with ${path === '' ? 'an empty' : path} path, loses them (row 56)`, async () => {
      const [server, other] = [await slotServer(), await slotServer()];
      const pool = makePool({ size: 1, servers: { a: { ...server.address, path } } });
      await full(pool);
      pool.rover.addServer('a', { ...other.address, path });
      assert.equal(pool.tryAcquire(), null);
      await full(pool);
      assert.equal(pool.sockets[0].remotePort, other.port);
    });
  }
});

describe('close()', () => {
  it('ends the connections, stops the rover, and gives MAX_SLOT back (row 57)', async () => {
    const server = await slotServer();
    const rover = makeRover({ servers: { a: server.address } });
    const pool = makePool(rover, { size: 2 });
    await full(pool);
    const { sockets } = pool;
    await pool.close();
    assert.deepEqual(sockets.map(({ closed: isClosed }) => isClosed), [true, true]);
    assert.deepEqual([rover.intervalId, rover.MAX_SLOT, pool.sockets.length], [null, Infinity, 0]);
    assert.deepEqual([rover.listenerCount('connection'), rover.listenerCount('error')], [0, 0]);
    await Promise.all([server.nextClosed(), server.nextClosed()]);
  });

  it('waits for what is lent (row 57)', async () => {
    const server = await slotServer({ then: (socket) => socket.pipe(socket) });
    const pool = makePool({ size: 1, servers: { a: server.address } });
    const lease = await pool.acquire();
    const closing = pool.close();
    lease.socket.write('still in use');
    await once(lease.socket, 'data');
    lease.release();
    await closing;
    assert.ok(lease.socket.closed);
  });

  it('waits no longer than it is told to (row 57)', async () => {
    const server = await slotServer();
    const pool = makePool({ size: 1, servers: { a: server.address } });
    const lease = await pool.acquire();
    await pool.close({ timeout: 20 });
    assert.ok(lease.socket.destroyed);
    lease.release();
  });

  it('throws for a time that no timer takes, and closes nothing then (row 57)', async () => {
    const server = await slotServer();
    const pool = makePool({ size: 1, servers: { a: server.address } });
    const lease = await pool.acquire();
    for (const timeout of [Infinity, 2 ** 31, -1, NaN]) assert.throws(() => pool.close({ timeout }), { name: 'RangeError' });
    assert.throws(() => pool.close({ timeout: '10' }), { name: 'TypeError' });
    lease.release();
    assert.equal((await pool.acquire()).socket, lease.socket);
    const closing = pool.close({ timeout: 2 ** 31 - 1 });
    assert.throws(() => pool.close({ timeout: Infinity }), { name: 'RangeError' });
    lease.socket.destroy();
    await closing;
  });

  it('rejects those that wait or come later, and gives the same promise again (row 57)', async () => {
    const pool = makePool({ servers: { a: await refusedAddress() } });
    const waiting = assert.rejects(pool.acquire(), { code: 'ERR_CALLOSUM_POOL_CLOSED' });
    assert.equal(pool.close(), pool.close());
    await pool.close();
    await waiting;
    await assert.rejects(pool.acquire(), { code: 'ERR_CALLOSUM_POOL_CLOSED' });
    assert.equal(pool.tryAcquire(), null);
  });

  it('gives up what is in flight (row 57)', async () => {
    const server = await slotServer({ greeting: '' });
    const pool = makePool({ servers: { a: server.address } });
    await server.nextSocket();
    await pool.close();
    const { abandoned, pending } = pool.rover.stats();
    assert.ok(abandoned > 0 && pending === 0);
  });

  for (const [what, make] of Object.entries({
    'a rover of its own': (options) => makePool(options),
    'a rover': ({ servers, ...options }) => makePool(makeRover({ servers }), options),
  })) {
    it(`is what an abort of its signal does, with ${what} (row 57)`, async () => {
      const server = await slotServer();
      const controller = new AbortController();
      const pool = make({ size: 2, signal: controller.signal, servers: { a: server.address } });
      await full(pool);
      const [lease] = [await pool.acquire(), await pool.acquire()];
      const waiting = pool.acquire();
      controller.abort();
      assert.equal(pool.tryAcquire(), null);
      await assert.rejects(waiting, { code: 'ERR_CALLOSUM_POOL_CLOSED' });
      assert.deepEqual([lease.socket.destroyed, pool.rover.intervalId], [false, null]);
      for (const socket of pool.sockets) socket.destroy();
      await pool.close();
    });
  }

  it('comes at once where the signal is aborted already, and is no business of it later (row 57)', async () => {
    const servers = { a: await refusedAddress() };
    await assert.rejects(makePool({ servers, signal: AbortSignal.abort() }).acquire(), { code: 'ERR_CALLOSUM_POOL_CLOSED' });
    const controller = new AbortController();
    const pool = makePool(makeRover({ servers }), { signal: controller.signal });
    await pool.close();
    pool.rover.start();
    controller.abort();
    assert.notEqual(pool.rover.intervalId, null);
    assert.throws(() => new Pool(makeRover(), { signal: {} }), { code: 'ERR_INVALID_ARG_TYPE' });
  });

  it('is what [Symbol.asyncDispose]() does (row 57)', async () => {
    const pool = makePool({ servers: { a: await refusedAddress() } });
    await pool[Symbol.asyncDispose]();
    assert.equal(pool.rover.intervalId, null);
  });
});

describe('keep-alive', () => {
  /** When the kernel probes a socket next, in hundredths of a second: `02` in the column `tr` of /proc/net/tcp. */
  function nextProbe({ localPort, remotePort }) {
    const hex = (port) => port.toString(16).toUpperCase().padStart(4, '0');
    const lines = fs.readFileSync('/proc/net/tcp', 'latin1').split('\n');
    const line = lines.find((one) => one.includes(`0100007F:${hex(localPort)} 0100007F:${hex(remotePort)} 01`));
    const timer = / 02:([0-9A-F]{8}) /.exec(line);
    return timer === null ? null : parseInt(timer[1], 16);
  }

  beforeEach(function () {
    if (process.platform !== 'linux') skip(this, NOT_LINUX);
  });

  for (const [keepAlive, expected] of [[undefined, true], [true, true], [false, false]]) {
    it(`is ${expected ? 'on' : 'off'} where the option is ${keepAlive} (row 58)`, async () => {
      const server = await slotServer();
      const pool = makePool({ size: 1, keepAlive, servers: { a: server.address } });
      await full(pool);
      // What has been sent is to be acknowledged first, and that has a timer, too.
      block(5);
      await until(() => (nextProbe(pool.sockets[0]) !== null) === expected);
    });
  }

  it('leaves the delay to a server that has one of its own (row 58)', async () => {
    const server = await slotServer();
    const servers = { a: { ...server.address, keepAlive: true, keepAliveInitialDelay: 100_000 } };
    const pool = makePool({ size: 1, servers });
    await full(pool);
    await until(() => nextProbe(pool.sockets[0]) > 5000);
  });
});
