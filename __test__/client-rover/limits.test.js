'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');

const { ClientRover, attempt, makeRover, record, settle } = require('../helpers/rover.js');
const { closed, refusedAddress, slotServer } = require('../helpers/slot-server.js');
const { block, until } = require('../helpers/wait.js');

describe('MAX_PENDING', () => {
  it('is 1024 by default (row 27)', async () => {
    const rover = makeRover({ servers: { a: await refusedAddress() } });
    const log = record(rover);
    // However soon each is refused, its outcome waits for this thread.
    for (let i = 0; i < 1500; i++) rover.connect();
    const { attempts, pending } = rover.stats();
    assert.deepEqual({ attempts, pending }, { attempts: 1024, pending: 1024 });
    await log.until(1024);
  });

  it('bounds the attempts in flight: intervals beyond it are skipped and counted (row 27)', async () => {
    const server = await slotServer({ greeting: '' });
    const rover = makeRover({ ROVING_INTERVAL: 10, MAX_PENDING: 2, servers: { a: server.address } });
    rover.start();
    const sockets = [await server.nextSocket(), await server.nextSocket()];
    await until(() => rover.stats().skipped >= 3);
    const { attempts, pending, skipped } = rover.stats();
    assert.deepEqual({ attempts, pending, accepted: server.accepted }, { attempts: 2, pending: 2, accepted: 2 });
    assert.ok(skipped >= 3);

    // What ends makes room for the next interval; what was skipped is not made up for.
    const log = record(rover);
    for (const socket of sockets) socket.end('13\r\n');
    await log.until(2);
    await server.nextSocket();
    await server.nextSocket();
    await until(() => rover.stats().skipped > skipped);
    assert.equal(rover.stats().attempts, 4);
    assert.equal(server.accepted, 4);
  });

  it('bounds bare connect() calls as well (row 27)', async () => {
    const server = await slotServer({ greeting: '' });
    const rover = makeRover({ MAX_PENDING: 2, servers: { a: server.address } });
    for (let i = 0; i < 6; i++) rover.connect();
    assert.ok(rover.stats().pending <= 2, `${rover.stats().pending} are pending`);
    await settle();
    assert.ok(server.accepted <= 2, `${server.accepted} were accepted`);
  });

  it('counts outcomes that JavaScript has not taken yet (row 27)', async () => {
    const rover = makeRover({ ROVING_INTERVAL: 5, MAX_PENDING: 3, servers: { a: await refusedAddress() } });
    const log = record(rover);
    rover.start();
    // Each is refused within microseconds, and then waits for this thread.
    block(200);
    const { attempts, pending } = rover.stats();
    assert.ok(pending <= 3 && attempts <= 3, `${attempts} attempts, ${pending} pending`);
    await log.until(6);
  });

  for (const MAX_PENDING of [undefined, 3]) {
    it(`no burst makes up for a blocked thread, with MAX_PENDING ${MAX_PENDING} (row 27)`, async () => {
      const ROVING_INTERVAL = 20;
      const rover = makeRover({ ROVING_INTERVAL, MAX_PENDING, servers: { a: await refusedAddress() } });
      const log = record(rover);
      const started = performance.now();
      rover.start();
      await log.until(2);
      block(300);
      for (let more = 0; more < 6; more++) {
        await log.until(log.outcomes.length + 1);
        const { attempts, skipped } = rover.stats();
        const due = 1 + (performance.now() - started) / ROVING_INTERVAL;
        // One more for a timer that is early by a fraction of its tick.
        assert.ok(attempts + skipped <= due + 1, `${attempts} attempts, ${skipped} skipped, ${due} due`);
      }
    });
  }
});

describe('MAX_SLOT', () => {
  it('is Infinity by default, and a live property (row 29)', () => {
    const rover = new ClientRover();
    assert.equal(rover.MAX_SLOT, Infinity);
    rover.MAX_SLOT = 5;
    assert.equal(rover.MAX_SLOT, 5);
    assert.equal(new ClientRover({ MAX_SLOT: 7 }).MAX_SLOT, 7);
  });

  it('closes a slot above it, which never reaches JavaScript, and counts it (row 29)', async () => {
    const server = await slotServer({ greeting: '6\r\n' });
    const rover = makeRover({ MAX_SLOT: 5, servers: { a: server.address } });
    const log = record(rover);
    rover.connect();
    await server.nextClosed();
    await until(() => rover.stats().rejected === 1);
    await settle();
    assert.deepEqual(log.events(), []);
    const { attempts, connections, pending } = rover.stats();
    assert.deepEqual({ attempts, connections, pending }, { attempts: 1, connections: 0, pending: 0 });
  });

  for (const [MAX_SLOT, slot] of [
    [5, 5],
    [5, 4],
    [5.5, 5],
    [0, 0],
    [Infinity, Number.MAX_SAFE_INTEGER],
  ]) {
    it(`of ${MAX_SLOT} lets slot ${slot} pass (row 29)`, async () => {
      const { address } = await slotServer({ greeting: `${slot}\r\n` });
      const outcome = await attempt(makeRover({ MAX_SLOT, servers: { a: address } }));
      assert.equal(outcome.slot, slot);
    });
  }

  it('is heeded when it is set later, down and up (row 29)', async () => {
    const server = await slotServer({ greeting: '6\r\n' });
    const rover = makeRover({ servers: { a: server.address } });
    assert.equal((await attempt(rover)).slot, 6);
    await server.nextSocket();
    rover.MAX_SLOT = 5;
    rover.connect();
    await server.nextClosed();
    rover.MAX_SLOT = 6;
    assert.equal((await attempt(rover)).slot, 6);
    await until(() => rover.stats().pending === 0);
    const { connections, rejected } = rover.stats();
    assert.deepEqual({ connections, rejected }, { connections: 2, rejected: 1 });
  });

  it('is heeded for an attempt in flight (row 29)', async () => {
    const server = await slotServer({ greeting: '' });
    const rover = makeRover({ servers: { a: server.address } });
    const log = record(rover);
    rover.connect();
    const socket = await server.nextSocket();
    rover.MAX_SLOT = 5;
    socket.write('6\r\n');
    await closed(socket);
    await until(() => rover.stats().rejected === 1);
    await settle();
    assert.deepEqual(log.events(), []);
  });

  it('is heeded in mid-rove: a full pool sets it below its worst slot (row 29)', async () => {
    let slot = 3;
    const server = await slotServer({ greeting: () => `${slot}\r\n` });
    const rover = makeRover({ ROVING_INTERVAL: 5, servers: { a: server.address } });
    rover.on('connection', (taken, socket) => {
      socket.destroy();
      if (taken === 3) rover.MAX_SLOT = 2;
    });
    rover.start();
    await until(() => rover.stats().rejected >= 3);
    slot = 2;
    const [taken] = await once(rover, 'connection');
    assert.equal(taken, 2);
    clearInterval(rover.intervalId);
  });

  it('is an outcome of its own: not unreachable, not an error (rows 22 and 29)', async () => {
    const server = await slotServer({ greeting: '6\r\n', then: 'chat' });
    const rover = makeRover({ MAX_SLOT: 5, servers: { a: server.address } });
    const log = record(rover);
    for (let i = 0; i < 10; i++) rover.connect();
    await until(() => rover.stats().rejected === 10);
    await settle();
    assert.deepEqual(log.events(), []);
  });
});
