'use strict';

const assert = require('node:assert/strict');
const { addAbortListener, once } = require('node:events');
const net = require('node:net');

const { full, makePool, serverGiving } = require('../helpers/pool.js');
const { closed, listening, slotServer } = require('../helpers/slot-server.js');
const { until } = require('../helpers/wait.js');

/** A pool that is full, with these slots. */
async function poolWith(slots, options) {
  const size = slots.length;
  const server = await serverGiving(slots);
  const pool = makePool({ size, servers: { a: server.address }, ...options });
  await full(pool);
  return { pool, server };
}

/** Counts the listeners that a signal is given from now on. */
function countListeners(signal) {
  let count = 0;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args) => (count++, addEventListener.apply(signal, args));
  signal.removeEventListener = (...args) => (count--, removeEventListener.apply(signal, args));
  return () => count;
}

/** A server that keeps its side of each connection open, whatever its client does. */
async function halfOpenServer(onData) {
  const options = { allowHalfOpen: true };
  const server = await listening(net.createServer(options, (socket) => socket.on('data', onData).write('1\r\n')));
  return { host: '127.0.0.1', port: server.address().port };
}

describe('acquire()', () => {
  it('lends the connection with the lowest slot that nobody has (row 54)', async () => {
    const { pool } = await poolWith([7, 3, 5]);
    const leases = [await pool.acquire(), await pool.acquire(), await pool.acquire()];
    assert.deepEqual(leases.map(({ slot, id }) => `${id} ${slot}`), ['a 3', 'a 5', 'a 7']);
    assert.deepEqual(leases.map(({ socket }) => socket), pool.sockets);
    leases[1].release();
    assert.equal((await pool.acquire()).slot, 5);
  });

  it('lends each in turn where that is asked for, the lowest slot first (row 54)', async () => {
    const { pool } = await poolWith([7, 3, 5], { lend: 'rotate' });
    const slots = [];
    for (let n = 0; n < 7; n++) {
      const lease = await pool.acquire();
      slots.push(lease.slot);
      lease.release();
    }
    assert.deepEqual(slots, [3, 5, 7, 3, 5, 7, 3]);
    assert.throws(() => makePool({ lend: 'highest' }), { name: 'TypeError' });
  });

  it('waits in order of asking (row 54)', async () => {
    const { pool } = await poolWith([3, 5]);
    const leases = [await pool.acquire(), await pool.acquire()];
    const order = [];
    const waiting = ['first', 'second'].map((name) => pool.acquire().then((lease) => order.push([name, lease.slot])));
    assert.deepEqual([pool.waiting, pool.lent, pool.tryAcquire()], [2, 2, null]);
    leases[1].release();
    leases[0].release();
    await Promise.all(waiting);
    assert.deepEqual(order, [['first', 5], ['second', 3]]);
  });

  it('waits for a connection to come (row 54)', async () => {
    const pool = makePool({ size: 1 });
    const waiting = pool.acquire();
    const server = await slotServer();
    pool.rover.addServer('late', server.address);
    assert.equal((await waiting).id, 'late');
  });

  it('ends with the signal, before and while it waits, and its place is given up (row 54)', async () => {
    const { pool } = await poolWith([3]);
    const lease = await pool.acquire();
    await assert.rejects(pool.acquire({ signal: AbortSignal.abort('no') }), { name: 'AbortError', cause: 'no' });
    const controller = new AbortController();
    const aborted = pool.acquire({ signal: controller.signal });
    const next = pool.acquire();
    controller.abort('enough');
    await assert.rejects(aborted, { name: 'AbortError', code: 'ABORT_ERR', cause: 'enough' });
    assert.equal(pool.waiting, 1);
    lease.release();
    assert.equal((await next).slot, 3);
  });

  it('rejects for a signal that is none, and nobody waits then (rows 54 and 57)', async () => {
    const { pool } = await poolWith([3]);
    const [socket] = pool.sockets;
    const lease = await pool.acquire();
    for (const signal of [{}, 'now', 1]) {
      await assert.rejects(pool.acquire({ signal }), { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
    }
    await assert.rejects(pool.acquire({ signal: { aborted: false } }), { name: 'TypeError' });
    assert.equal(pool.waiting, 0);
    pool.acquire({ signal: null }).catch(() => {});
    assert.equal(pool.waiting, 1);
    lease.release();
    await pool.close({ timeout: 0 });
    assert.ok(socket.closed);
  });

  it('listens to a signal once, whoever waits with it, and hears it in any case (row 54)', async () => {
    const pools = [makePool({ size: 1 }), makePool({ size: 1 })];
    const controller = new AbortController();
    const { signal } = controller;
    if (addAbortListener) signal.addEventListener('abort', (event) => event.stopImmediatePropagation());
    const listeners = countListeners(signal);
    const waiting = Array.from({ length: 12 }, (_, n) => pools[n % 2].acquire({ signal }));
    assert.equal(listeners(), 1);
    controller.abort('enough');
    const reasons = await Promise.all(waiting.map((one) => one.catch(({ cause }) => cause)));
    assert.deepEqual(reasons, Array(12).fill('enough'));
    assert.equal(listeners(), 0);
  });

  it('leaves no listener at a signal that is not aborted (row 54)', async () => {
    const { pool } = await poolWith([3]);
    const lease = await pool.acquire();
    const { signal } = new AbortController();
    const listeners = countListeners(signal);
    const waiting = [pool.acquire({ signal }), pool.acquire({ signal })];
    lease.release();
    const first = await waiting[0];
    assert.equal(listeners(), 1);
    first.release();
    (await waiting[1]).release();
    assert.equal(listeners(), 0);
  });

  it('has no use for a signal that is aborted afterwards (row 54)', async () => {
    const { pool } = await poolWith([3]);
    const first = await pool.acquire();
    const controller = new AbortController();
    const waiting = pool.acquire({ signal: controller.signal });
    first.release();
    const lease = await waiting;
    controller.abort();
    assert.deepEqual([pool.lent, lease.socket.readyState], [1, 'open']);
  });

  it('does not lend what its server has closed (row 54)', async () => {
    const { pool, server } = await poolWith([1, 2]);
    const [best] = pool.sockets;
    const peers = await Promise.all([server.nextSocket(), server.nextSocket()]);
    peers.find(({ remotePort }) => remotePort === best.localPort).end();
    await once(best, 'end');
    assert.equal((await pool.acquire()).slot, 2);
  });

  it('does not lend what the app has destroyed, though it is not closed yet (row 54)', async () => {
    const { pool } = await poolWith([1, 2]);
    pool.sockets[0].destroy();
    assert.equal((await pool.acquire()).slot, 2);
  });
});

describe('a lease', () => {
  it('is given back once, whatever is called afterwards (row 54)', async () => {
    const { pool } = await poolWith([1]);
    const first = await pool.acquire();
    first.release();
    const second = await pool.acquire();
    assert.equal(second.socket, first.socket);
    first.release();
    first.destroy();
    assert.deepEqual([pool.lent, second.socket.destroyed, pool.tryAcquire()], [1, false, null]);
  });

  it('tells who gave it back before somebody else has it, once (row 54)', async () => {
    const { pool } = await poolWith([1]);
    const first = await pool.acquire();
    let calls = 0;
    first.release(() => calls++);
    assert.equal(calls, 0);
    (await pool.acquire()).release();
    (await pool.acquire()).release();
    assert.equal(calls, 1);
  });

  it('is given back by `using` (row 54)', async () => {
    const { pool } = await poolWith([1]);
    (await pool.acquire())[Symbol.dispose]();
    assert.equal(pool.lent, 0);
  });

  it('closes its connection by destroy(), which another one replaces (row 54)', async () => {
    const { pool } = await poolWith([1]);
    const lease = await pool.acquire();
    lease.destroy();
    assert.deepEqual([pool.lent, pool.sockets], [0, []]);
    await once(pool, 'keep');
  });

  it('whose connection dies leaves room for others (row 54)', async () => {
    const { pool, server } = await poolWith([1]);
    const lease = await pool.acquire();
    const waiting = pool.acquire();
    (await server.nextSocket()).resetAndDestroy();
    assert.notEqual((await waiting).socket, lease.socket);
    lease.release();
    assert.equal(pool.lent, 1);
  });

  it('goes on flowing when it is given back paused (row 54)', async () => {
    const { pool, server } = await poolWith([1]);
    const lease = await pool.acquire();
    lease.socket.pause();
    lease.release();
    const peer = await server.nextSocket();
    peer.end('bytes that nobody reads');
    await once(pool, 'drop');
  });

  it('that its server has ended can be used to its end, and then leaves (row 54)', async () => {
    const server = await slotServer({ then: (socket) => socket.resume() });
    const servers = { a: { ...server.address, allowHalfOpen: true } };
    const pool = makePool({ size: 1, servers });
    const lease = await pool.acquire();
    const peer = await server.nextSocket();
    peer.end();
    await once(lease.socket, 'end');
    assert.deepEqual([lease.isRetired, lease.socket.writable], [true, true]);
    lease.release();
    await closed(lease.socket);
    assert.ok(!pool.sockets.includes(lease.socket));
  });

  it('that is ended by half and given back leaves, with what was written to it (rows 52 and 54)', async () => {
    let text = '';
    const server = await halfOpenServer((data) => (text += data));
    const pool = makePool({ size: 1, servers: { a: server } });
    const lease = await pool.acquire();
    lease.socket.end('bye');
    lease.release();
    assert.deepEqual([pool.lent, pool.sockets], [0, []]);
    assert.notEqual((await pool.acquire()).socket, lease.socket);
    await until(() => text === 'bye');
  });

  it('whose connection the app has destroyed leaves when it is given back (rows 52 and 54)', async () => {
    const { pool } = await poolWith([1]);
    const lease = await pool.acquire();
    lease.socket.destroy();
    lease.release();
    assert.deepEqual([pool.lent, pool.sockets], [0, []]);
    await once(pool, 'keep');
  });

  it('of the worst connection is retired when it is given back, where a better one came meanwhile (row 54)', async () => {
    const slots = [5, 9];
    const server = await serverGiving(slots);
    const pool = makePool({ size: 2, ROVING_INTERVAL: 10, servers: { a: server.address } });
    await full(pool);
    const [low, high] = [await pool.acquire(), await pool.acquire()];
    assert.deepEqual([low.slot, high.slot], [5, 9]);
    const dropped = [];
    pool.on('drop', (slot) => dropped.push(slot));
    slots[0] = 2;
    // The second one for 5, which is the worst once 9 is to leave.
    await until(() => low.isRetired && high.isRetired);
    assert.deepEqual([dropped, pool.sockets.length, pool.isFull], [[], 4, true]);
    assert.equal(pool.tryAcquire(), null, 'no more than size are lent');
    const waiting = pool.acquire();
    high.release();
    assert.equal((await waiting).slot, 2);
    assert.deepEqual(dropped, [9]);
    await closed(high.socket);
    low.destroy();
    assert.deepEqual(dropped, [9, 5]);
  });
});

it('a connection that the app ends by half, without having lent it, leaves the pool (rows 51 and 52)', async () => {
  const server = await halfOpenServer(() => {});
  const pool = makePool({ size: 1, servers: { a: server } });
  const [, socket] = await once(pool, 'keep');
  socket.end();
  const [, dropped] = await once(pool, 'drop');
  assert.equal(dropped, socket);
  await once(pool, 'keep');
});
