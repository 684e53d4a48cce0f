'use strict';

const assert = require('node:assert/strict');

const { printedBy } = require('../helpers/child.js');
const { SERVER_FOR } = require('../helpers/slot-server.js');

/** Roves through two seconds in which this thread does nothing but count, and some beats more. */
const blockAndRecover = async ({ ClientRover, print }, { MAX_PENDING, servers }) => {
  const { until } = require('./__test__/helpers/wait.js');
  const ROVING_INTERVAL = 10;
  const rover = new ClientRover({ ROVING_INTERVAL, MAX_PENDING, servers });
  const events = { connections: 0, unreachable: 0, errors: 0 };
  // Of ticks that the rover was ahead of its schedule.
  let ahead = 0;
  const compare = () => {
    const { attempts, skipped } = rover.stats();
    const due = 1 + (performance.now() - started) / ROVING_INTERVAL;
    ahead = Math.max(ahead, attempts + skipped - due);
  };
  const count = (name, socket) => {
    events[name]++;
    socket?.destroy();
    compare();
  };
  rover.on('connection', (_slot, socket) => count('connections', socket));
  rover.on('unreachable', () => count('unreachable'));
  rover.on('error', () => count('errors'));

  const started = performance.now();
  rover.start();
  let mostPending = 0;
  for (const end = started + 2000; performance.now() < end; ) {
    mostPending = Math.max(mostPending, rover.stats().pending);
  }
  const blocked = rover.stats();
  const eventsBlocked = { ...events };
  compare();
  const ticks = () => rover.stats().attempts + rover.stats().skipped;
  const ticksBlocked = ticks();
  await until(() => ticks() >= ticksBlocked + 20);
  clearInterval(rover.intervalId);
  await until(() => rover.stats().pending === 0);
  print({ blocked, eventsBlocked, mostPending, ahead, events, after: rover.stats() });
};

describe('a main thread that is blocked for two seconds', () => {
  for (const MAX_PENDING of [1024, 5]) {
    it(`with MAX_PENDING ${MAX_PENDING}: pending stays within it, no burst follows, every outcome comes (row 27)`, async () => {
      const servers = {};
      for (const [event, open] of Object.entries(SERVER_FOR)) servers[event] = await open();
      const [report] = await printedBy(blockAndRecover, { MAX_PENDING, servers });
      const { blocked, eventsBlocked, mostPending, ahead, events, after } = report;

      // The roving went on meanwhile, and nothing was emitted.
      assert.deepEqual(eventsBlocked, { connections: 0, unreachable: 0, errors: 0 });
      assert.ok(blocked.attempts + blocked.skipped > 50, JSON.stringify(blocked));
      assert.ok(mostPending <= MAX_PENDING, `${mostPending} were pending`);
      assert.equal(blocked.pending, blocked.attempts);
      if (MAX_PENDING === 5) {
        assert.equal(blocked.attempts, 5);
        assert.ok(blocked.skipped > 45, JSON.stringify(blocked));
      } else {
        assert.equal(blocked.skipped, 0);
      }

      // One for the tick of a timer that is early by a fraction.
      assert.ok(ahead <= 1, `ahead of its schedule by ${ahead} attempts`);
      const { connections, unreachable, errors, attempts } = after;
      assert.deepEqual(events, { connections, unreachable, errors });
      assert.equal(connections + unreachable + errors, attempts);
    });
  }
});
