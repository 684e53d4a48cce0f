'use strict';

const assert = require('node:assert/strict');

const { printedBy } = require('../helpers/child.js');
const { attempt, makeRover } = require('../helpers/rover.js');
const { SERVER_FOR, slotServer } = require('../helpers/slot-server.js');
const { block } = require('../helpers/wait.js');

/** Roves, or makes attempts of its own, with this thread blocked for two seconds; reports on that, and on what follows. */
const blockAndRecover = async ({ ClientRover, block, print }, { connects = 0, options }) => {
  const { until } = require('./__test__/helpers/wait.js');
  const rover = new ClientRover({ ROVING_INTERVAL: 10, ...options });
  const counters = { connection: 'connections', unreachable: 'unreachable', closed: 'closed', error: 'errors' };
  const events = { connections: 0, unreachable: 0, closed: 0, errors: 0 };
  const sockets = [];
  for (const [event, counter] of Object.entries(counters)) {
    rover.on(event, (...args) => {
      events[counter]++;
      if (event === 'connection') sockets.push(args[1]);
    });
  }

  if (connects > 0) for (let n = 0; n < connects; n++) rover.connect();
  else rover.start();
  block(2000);
  const blocked = rover.stats();
  const eventsBlocked = { ...events };
  const ticks = () => rover.stats().attempts + rover.stats().skipped;
  const attemptsAhead = () => rover.stats().attempts - blocked.attempts;
  // All that was waiting has been emitted by the second turn; a burst would follow right then.
  for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
  const burst = { events: Object.values(events).reduce((sum, n) => sum + n), attempts: attemptsAhead() };
  if (connects === 0) {
    const before = ticks();
    await until(() => ticks() >= before + 20);
    clearInterval(rover.intervalId);
  }
  await until(() => rover.stats().pending === 0);
  for (const socket of sockets) socket.destroy();
  print({ blocked, burst, eventsBlocked, events, after: rover.stats() });
};

const NO_EVENTS = { connections: 0, unreachable: 0, closed: 0, errors: 0 };

/** Asserts that each outcome was emitted, and none while the thread was blocked. */
function assertEmitted({ eventsBlocked, events, after }) {
  assert.deepEqual(eventsBlocked, NO_EVENTS);
  const { connections, unreachable, closed, errors, rejected, attempts } = after;
  assert.deepEqual(events, { connections, unreachable, closed, errors });
  assert.equal(connections + unreachable + closed + errors + rejected, attempts);
}

describe('a main thread that is blocked for two seconds', () => {
  for (const [event, open] of Object.entries(SERVER_FOR)) {
    it(`finds one ${event} of a roving, no burst follows, and the roving goes on (row 27)`, async () => {
      const [report] = await printedBy(blockAndRecover, { options: { servers: { a: await open() } } });
      const { blocked, burst, after } = report;
      assertEmitted(report);
      // Two where the second attempt was made before the first one had ended.
      assert.ok(blocked.pending >= 1 && blocked.pending <= 2, JSON.stringify(blocked));
      assert.equal(blocked.pending, blocked.attempts);
      assert.ok(blocked.skipped > 50, JSON.stringify(blocked));
      // What waited, and an interval that is over at that moment.
      assert.ok(burst.events <= blocked.pending + 2 && burst.attempts <= 2, JSON.stringify(burst));
      assert.ok(after.attempts >= blocked.attempts + 10, JSON.stringify(after));
    });
  }

  it('lets rejections go on meanwhile: none of them waits (rows 27 and 29)', async () => {
    const { address } = await slotServer({ greeting: '9\r\n' });
    const [report] = await printedBy(blockAndRecover, { options: { MAX_SLOT: 5, servers: { a: address } } });
    assertEmitted(report);
    assert.ok(report.blocked.rejected > 50, JSON.stringify(report.blocked));
    assert.ok(report.blocked.pending <= 2, JSON.stringify(report.blocked));
  });

  it('finds as many outcomes of connect() as MAX_PENDING allows, each of which is emitted (row 27)', async () => {
    const servers = {};
    for (const [event, open] of Object.entries(SERVER_FOR)) servers[event] = await open();
    const options = { MAX_PENDING: 5, servers };
    const [report] = await printedBy(blockAndRecover, { options, connects: 12 });
    assertEmitted(report);
    const { attempts, pending, skipped } = report.blocked;
    assert.deepEqual({ attempts, pending, skipped }, { attempts: 5, pending: 5, skipped: 7 });
  });
});

describe('a main thread that is blocked for longer than CONNECT_TIMEOUT', () => {
  const lookup = (host, options, callback) => callback(null, [{ address: '127.0.0.1', family: 4 }]);

  for (const [what, makeServer, expected] of [
    ['reaches a server with a lookup of its own', (port) => ({ host: 'slots.test', port, lookup }), ['connection', undefined]],
    ['says what is wrong with a bad server', () => ({ port: 99999 }), ['error', 'ERR_SOCKET_BAD_PORT']],
  ]) {
    it(`${what}, which is not down (rows 6, 24, 27 and 42)`, async () => {
      const { port } = await slotServer();
      const rover = makeRover({ CONNECT_TIMEOUT: 500, servers: { a: makeServer(port) } });
      rover.on('down', () => assert.fail('it did not have its turn'));
      const { event, error } = await attempt(rover, () => {
        rover.connect();
        block(600);
      });
      assert.deepEqual([event, error?.code], expected);
    });
  }

  it('does not lengthen the limit of a lookup that takes too long (row 24)', async () => {
    const server = { host: 'slots.test', port: 1, lookup: () => {} };
    const rover = makeRover({ CONNECT_TIMEOUT: 50, servers: { a: server } });
    const { event, error } = await attempt(rover, () => {
      rover.connect();
      block(100);
    });
    assert.deepEqual([event, error.code, error.hostname], ['unreachable', 'ETIMEDOUT', 'slots.test']);
  });
});

describe('MAX_PENDING', () => {
  it('skips an interval that would exceed it, and counts it (row 27)', async () => {
    const { address } = await slotServer({ greeting: '' });
    const [blocked] = await printedBy(async ({ ClientRover, print }, server) => {
      const { until } = require('./__test__/helpers/wait.js');
      const rover = new ClientRover({ ROVING_INTERVAL: 5, MAX_PENDING: 3, servers: { a: server } });
      rover.start();
      await until(() => rover.stats().skipped >= 5);
      const { attempts, pending } = rover.stats();
      print({ attempts, pending });
      rover.stop();
    }, address);
    assert.deepEqual(blocked, { attempts: 3, pending: 3 });
  });
});
