'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');

const { full, makePool } = require('../helpers/pool.js');
const { ClientRover, makeRover } = require('../helpers/rover.js');
const { refusedAddress, slotServer } = require('../helpers/slot-server.js');
const { until } = require('../helpers/wait.js');

describe('a pool with room', () => {
  it('is full long before so many intervals of its rover have passed (row 52)', async () => {
    const server = await slotServer();
    const rover = makeRover({ ROVING_INTERVAL: 60_000, servers: { a: server.address } });
    const began = performance.now();
    await full(makePool(rover, { size: 4 }));
    assert.ok(performance.now() - began < 5000);
  });

  it('makes no attempt of its own once it is full (row 52)', async () => {
    const server = await slotServer();
    const rover = makeRover({ ROVING_INTERVAL: 60_000, servers: { a: server.address } });
    const pool = makePool(rover, { size: 2 });
    await full(pool);
    await until(() => rover.stats().pending === 0);
    const { attempts } = rover.stats();
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.equal(rover.stats().attempts, attempts);
  });

  it('replaces a connection that it lost (row 52)', async () => {
    const server = await slotServer();
    const pool = makePool(makeRover({ ROVING_INTERVAL: 60_000, servers: { a: server.address } }), { size: 1 });
    await full(pool);
    pool.sockets[0].destroy();
    await once(pool, 'keep');
    assert.equal(pool.isFull, true);
  });

  it('goes on at once to the next server where one fails (row 52)', async () => {
    const servers = { alive: (await slotServer()).address };
    for (const id of ['b', 'c', 'd']) servers[id] = await refusedAddress();
    const rovers = Array.from({ length: 8 }, () => makeRover({ ROVING_INTERVAL: 60_000, servers }));
    const began = performance.now();
    await Promise.all(rovers.map((rover) => once(makePool(rover, { size: 1 }), 'keep')));
    // Several of them fail, which would be one in 100 ms.
    assert.ok(performance.now() - began < 500);
  });

  it('rests servers that have failed, but never more than half of the table (rows 52 and 55)', async () => {
    const servers = { alive: (await slotServer()).address };
    for (const id of ['b', 'c', 'd']) servers[id] = await refusedAddress();
    const rover = makeRover({ ROVING_INTERVAL: 60_000, servers });
    const rests = new Map();
    let most = 0;
    rover.rest = (id, ms) => {
      const now = performance.now();
      rests.set(id, now + ms);
      most = Math.max(most, [...rests.values()].filter((until) => until > now).length);
      ClientRover.prototype.rest.call(rover, id, ms);
    };
    await full(makePool(rover, { size: 8 }));
    assert.equal(most, 2);
    assert.ok(!rests.has('alive'));
  });

  it('backs off while nothing can be reached, and comes back when something can (row 52)', async () => {
    const address = await refusedAddress();
    const rover = makeRover({ ROVING_INTERVAL: 60_000, servers: { a: address } });
    const pool = makePool(rover, { size: 1 });
    await until(() => rover.stats().unreachable >= 11);
    const began = performance.now();
    await until(() => rover.stats().unreachable >= 16);
    // Five of them would have taken 0.5 s without it.
    assert.ok(performance.now() - began > 700);
    const server = await slotServer({ port: address.port });
    await once(pool, 'keep');
    assert.equal(server.accepted > 0, true);
  });

  it('tells nobody of its own attempts, and stays with a server that is busy (row 52)', async () => {
    const server = await slotServer({ greeting: '20\r\n' });
    const rover = makeRover({ ROVING_INTERVAL: 60_000, MAX_SLOT: 10, servers: { a: server.address } });
    rover.on('unreachable', () => assert.fail('unreachable'));
    makePool(rover, { size: 1 });
    await until(() => rover.stats().rejected >= 3);
    assert.equal(rover.stats().connections, 0);
  });
});
