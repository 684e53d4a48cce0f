'use strict';

const assert = require('node:assert/strict');

const { ClientRover, attempt, makeRover, record } = require('../helpers/rover.js');
const { refusedAddress, slotServer } = require('../helpers/slot-server.js');
const { until } = require('../helpers/wait.js');

const NOTHING = {
  attempts: 0,
  connections: 0,
  rejected: 0,
  unreachable: 0,
  closed: 0,
  errors: 0,
  skipped: 0,
  abandoned: 0,
  pending: 0,
};

/** The counters of events, and their events. */
const COUNTERS = { connections: 'connection', unreachable: 'unreachable', closed: 'closed', errors: 'error' };

/** Asserts that every attempt is accounted for, and gives the counters. */
function assertBalanced(rover) {
  const stats = rover.stats();
  const { attempts, connections, rejected, unreachable, closed, errors, abandoned, pending } = stats;
  const accounted = connections + rejected + unreachable + closed + errors + abandoned + pending;
  assert.equal(attempts, accounted, JSON.stringify(stats));
  return stats;
}

/** Asserts the counters, those that are not named being 0. */
function assertStats(rover, expected) {
  assert.deepEqual(assertBalanced(rover), { ...NOTHING, ...expected });
}

describe('stats', () => {
  it('begins with nothing (row 31)', () => {
    assertStats(new ClientRover(), {});
  });

  it('counts a connection (row 31)', async () => {
    const { address } = await slotServer();
    const rover = makeRover({ servers: { a: address } });
    await attempt(rover);
    await until(() => rover.stats().pending === 0);
    assertStats(rover, { attempts: 1, connections: 1 });
  });

  it('counts an unreachable server (row 31)', async () => {
    const rover = makeRover({ servers: { a: await refusedAddress() } });
    await attempt(rover);
    await until(() => rover.stats().pending === 0);
    assertStats(rover, { attempts: 1, unreachable: 1 });
  });

  it('counts a server that closed (rows 22 and 31)', async () => {
    const { address } = await slotServer({ greeting: '', then: 'close' });
    const rover = makeRover({ servers: { a: address } });
    await attempt(rover);
    await until(() => rover.stats().pending === 0);
    assertStats(rover, { attempts: 1, closed: 1 });
  });

  it('counts an error (row 31)', async () => {
    const { address } = await slotServer({ greeting: 'foo\r\n' });
    const rover = makeRover({ servers: { a: address } });
    await attempt(rover);
    await until(() => rover.stats().pending === 0);
    assertStats(rover, { attempts: 1, errors: 1 });
  });

  it('counts a rejection (rows 29 and 31)', async () => {
    const { address } = await slotServer({ greeting: '6\r\n' });
    const rover = makeRover({ MAX_SLOT: 5, servers: { a: address } });
    rover.connect();
    await until(() => rover.stats().pending === 0);
    assertStats(rover, { attempts: 1, rejected: 1 });
  });

  it('counts what is pending (row 31)', async () => {
    const server = await slotServer({ greeting: '' });
    const rover = makeRover({ servers: { a: server.address } });
    for (let i = 0; i < 3; i++) rover.connect();
    assertStats(rover, { attempts: 3, pending: 3 });
    for (let i = 0; i < 3; i++) await server.nextSocket();
    assertStats(rover, { attempts: 3, pending: 3 });
  });

  it('counts an outcome as such when its listener is called (row 31)', async () => {
    const rover = makeRover({ servers: { a: await refusedAddress() } });
    const seen = new Promise((resolve) => rover.once('unreachable', () => resolve(assertBalanced(rover))));
    rover.connect();
    const { unreachable, pending } = await seen;
    assert.deepEqual({ unreachable, pending }, { unreachable: 1, pending: 0 });
  });

  it('balances with no servers to contact (row 31)', () => {
    const rover = makeRover();
    rover.on('error', () => {});
    rover.connect();
    assertBalanced(rover);
  });

  it('balances when nobody listens for the connections (rows 31 and 32)', async () => {
    const server = await slotServer();
    const rover = makeRover({ servers: { a: server.address } });
    rover.connect();
    await server.nextClosed();
    await until(() => rover.stats().pending === 0);
    assert.equal(assertBalanced(rover).attempts, 1);
  });

  it('gives a snapshot that stays as it is (row 31)', async () => {
    const rover = makeRover({ servers: { a: await refusedAddress() } });
    const before = rover.stats();
    await attempt(rover);
    assert.equal(before.attempts, 0);
  });

  it('returns a plain object of the realm of the caller (row 31)', () => {
    const stats = new ClientRover().stats();
    assert.equal(Object.getPrototypeOf(stats), Object.prototype);
  });

  it('balances at any time: all outcomes, what is abandoned and what is pending make the attempts (row 31)', async () => {
    const lines = ['3\r\n', '9\r\n', 'foo\r\n', '', ['1', '2\r\n'], '4'];
    const mixed = await slotServer({ greeting: (n) => lines[n % lines.length] });
    const closing = await slotServer({ greeting: (n) => lines[n % lines.length], then: 'close' });
    const rover = makeRover({
      ROVING_INTERVAL: 1,
      MAX_SLOT: 5,
      MAX_PENDING: 20,
      SLOT_TIMEOUT: 100,
      servers: { mixed: mixed.address, closing: closing.address, refused: await refusedAddress() },
    });
    const log = record(rover);
    for (const event of Object.values(COUNTERS)) rover.on(event, () => assertBalanced(rover));
    rover.start();
    await until(
      () => {
        const stats = assertBalanced(rover);
        return Math.min(stats.rejected, ...Object.keys(COUNTERS).map((name) => stats[name])) >= 5;
      },
      { explain: () => JSON.stringify(rover.stats()) },
    );
    rover.stop();
    const stats = assertBalanced(rover);
    assert.equal(stats.pending, 0);
    for (const [counter, event] of Object.entries(COUNTERS)) {
      assert.equal(stats[counter], log.events().filter((name) => name === event).length, counter);
    }
  });
});
