'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');

const { assertQuiet, attempt, beats, makeRover, record } = require('../helpers/rover.js');
const { refusedAddress, slotServer } = require('../helpers/slot-server.js');

const LONGEST = 2 ** 31 - 1;

describe('start', () => {
  it('attempts at once (row 7)', async () => {
    const server = await slotServer();
    const rover = makeRover({ ROVING_INTERVAL: LONGEST, servers: { a: server.address } });
    const { event, slot } = await attempt(rover, () => rover.start());
    assert.deepEqual({ event, slot }, { event: 'connection', slot: 13 });
  });

  it('attempts again after every ROVING_INTERVAL (row 7)', async () => {
    const rover = makeRover({ ROVING_INTERVAL: 40, servers: { a: await refusedAddress() } });
    const log = record(rover);
    const started = performance.now();
    rover.start();
    await log.until(4);
    const elapsed = performance.now() - started;
    assert.ok(elapsed > 100, `four attempts in ${elapsed} ms, one every 40 ms`);
  });

  it('reads ROVING_INTERVAL when it is called (row 7)', async () => {
    const rover = makeRover({ ROVING_INTERVAL: LONGEST, servers: { a: await refusedAddress() } });
    rover.ROVING_INTERVAL = 10;
    const log = record(rover);
    rover.start();
    rover.ROVING_INTERVAL = LONGEST;
    await log.until(4);
    assert.equal(rover.ROVING_INTERVAL, LONGEST);
  });

  it('keeps the interval that it began with until the next start() (row 7)', async () => {
    const server = await slotServer();
    const rover = makeRover({ ROVING_INTERVAL: LONGEST, servers: { a: server.address } });
    await attempt(rover, () => rover.start());
    rover.ROVING_INTERVAL = 10;
    await beats(4, 10);
    assert.equal(server.accepted, 1);
    const log = record(rover);
    rover.start();
    await log.until(3);
  });

  it('emits each failure of a rover that tries every ms (rows 7, 9 and 22)', async () => {
    const servers = { a: await refusedAddress() };
    const rover = makeRover({ ROVING_INTERVAL: 1, servers });
    const log = record(rover);
    rover.start();
    await log.until(30);
    // Cleared at some moments between two of its failures, which are told a few at a time.
    for (let round = 0; round < 8; round++) {
      await beats(2, 5 + round / 8);
      clearInterval(rover.intervalId);
      await log.until(rover.stats().attempts);
      rover.start();
    }
    clearInterval(rover.intervalId);
    await log.until(rover.stats().attempts);
    const { attempts, pending, unreachable } = rover.stats();
    assert.deepEqual({ pending, unreachable }, { pending: 0, unreachable: attempts });
    assert.equal(log.outcomes.length, attempts);
  });

  it('lets no failure wait where MAX_PENDING would keep the next attempt from being made (row 27)', async () => {
    const rover = makeRover({ MAX_PENDING: 1, ROVING_INTERVAL: 2, servers: { a: await refusedAddress() } });
    const log = record(rover);
    rover.start();
    await log.until(20);
    const { attempts, skipped } = rover.stats();
    assert.ok(skipped < attempts / 2, `${skipped} intervals were skipped, for ${attempts} attempts`);
  });

  it('sets intervalId, to another one each time (row 7)', async () => {
    const rover = makeRover({ servers: { a: await refusedAddress() } });
    rover.on('unreachable', () => {});
    rover.start();
    const first = rover.intervalId;
    assert.notEqual(first, null);
    rover.start();
    assert.notEqual(rover.intervalId, first);
  });

  it('replaces what an earlier start() began, and attempts at once again (row 7)', async () => {
    const server = await slotServer();
    const rover = makeRover({ ROVING_INTERVAL: 10, servers: { a: server.address } });
    const log = record(rover);
    rover.start();
    await log.until(2);
    rover.ROVING_INTERVAL = LONGEST;
    rover.start();
    await assertQuiet(server, 10);
    assert.ok(server.accepted >= 3, `${server.accepted} attempts`);
  });

  it('leaves nothing going when the last of several is cleared (rows 7 and 9)', async () => {
    const server = await slotServer();
    const rover = makeRover({ ROVING_INTERVAL: 10, servers: { a: server.address } });
    for (let i = 0; i < 5; i++) rover.start();
    clearInterval(rover.intervalId);
    for (let i = 0; i < 5; i++) await server.nextSocket();
    await assertQuiet(server, 10);
  });

  it('may be called again after clearInterval (row 9)', async () => {
    const server = await slotServer();
    const rover = makeRover({ ROVING_INTERVAL: 10, servers: { a: server.address } });
    for (let i = 0; i < 3; i++) {
      rover.start();
      await once(rover, 'connection');
      await once(rover, 'connection');
      clearInterval(rover.intervalId);
    }
  });

  it('may be called again after the app has set intervalId to null (row 9)', async () => {
    const server = await slotServer();
    const rover = makeRover({ ROVING_INTERVAL: 10, servers: { a: server.address } });
    rover.start();
    clearInterval(rover.intervalId);
    rover.intervalId = null;
    rover.start();
    const log = record(rover);
    await log.until(3);
    clearInterval(rover.intervalId);
    await assertQuiet(server, 10);
  });

  it('may be called by a listener (row 7)', async () => {
    const rover = makeRover({ ROVING_INTERVAL: LONGEST, servers: { a: await refusedAddress() } });
    rover.once('unreachable', () => rover.start());
    const log = record(rover);
    rover.start();
    await log.until(2);
  });

  it('roves with several rovers at the same time (row 7)', async () => {
    const servers = await Promise.all([1, 2, 3].map((n) => slotServer({ greeting: `${n}\r\n` })));
    const logs = servers.map(({ address }) => {
      const rover = makeRover({ ROVING_INTERVAL: 10, servers: { a: address } });
      const log = record(rover);
      rover.start();
      return log;
    });
    for (const [index, log] of logs.entries()) {
      const outcomes = await log.until(3);
      assert.ok(outcomes.every(({ slot }) => slot === index + 1));
    }
  });
});
