'use strict';

const assert = require('node:assert/strict');

const { recordAll } = require('../helpers/events.js');
const { makeRover, settle } = require('../helpers/rover.js');
const { refusedAddress, slotServer } = require('../helpers/slot-server.js');
const { block, until } = require('../helpers/wait.js');

/** A server that greets the n-th connection as the n-th of these says, and all others as the last one. */
function serverThat(...greetings) {
  return slotServer({ greeting: (n) => greetings[Math.min(n, greetings.length - 1)], then: 'close' });
}

/** The outcomes of attempts by connect(), one after the other, up to this many events. */
async function events(rover, log, count) {
  for (let attempts = 0; log.length < count; attempts++) {
    assert.ok(attempts < 50, `${log.map(([name]) => name)}`);
    const { pending } = rover.stats();
    rover.connect();
    await until(() => rover.stats().pending === pending);
  }
  return log.map(([name]) => name);
}

describe('down', () => {
  const FAILURES = {
    unreachable: refusedAddress,
    closed: async () => (await slotServer({ greeting: '', then: 'close' })).address,
    error: async () => (await slotServer({ greeting: 'foo\r\n' })).address,
  };

  for (const [event, start] of Object.entries(FAILURES)) {
    it(`is emitted right before the first \`${event}\`, with its error, and not again (row 42)`, async () => {
      const server = await start();
      const rover = makeRover({ servers: { a: server } });
      const log = recordAll(rover);
      assert.deepEqual(await events(rover, log, 4), ['down', event, event, event]);
      const [[, id, passed, error], outcome] = log;
      assert.deepEqual([id, error], ['a', outcome.at(-1)]);
      assert.equal(passed, server);
    });
  }

  it('is not emitted for a server that can never be used (rows 6 and 42)', async () => {
    const rover = makeRover({ servers: { a: { port: -1 } } });
    const log = recordAll(rover);
    assert.deepEqual(await events(rover, log, 2), ['error', 'error']);
  });

  it('says of each server its own (row 42)', async () => {
    const rover = makeRover({ servers: { a: await refusedAddress(), b: await refusedAddress() } });
    const log = recordAll(rover);
    await events(rover, log, 40);
    const downs = log.filter(([name]) => name === 'down').map(([, id]) => id);
    assert.deepEqual(downs.sort(), ['a', 'b']);
  });

  it('is emitted again where the server was replaced, or dropped and added (row 42)', async () => {
    const rover = makeRover({ servers: { a: await refusedAddress() } });
    const log = recordAll(rover);
    await events(rover, log, 2);
    rover.addServer('a', { ...rover.servers.a });
    assert.deepEqual(await events(rover, log, 4), ['down', 'unreachable', 'down', 'unreachable']);
    const server = rover.servers.a;
    rover.dropServer('a');
    rover.addServer('a', server);
    await events(rover, log, 6);
    assert.equal(log[4][0], 'down');
  });

  it('is not emitted for a server that was dropped or replaced meanwhile (row 42)', async () => {
    const rover = makeRover({ servers: { a: await refusedAddress() } });
    const log = recordAll(rover);
    rover.connect();
    rover.dropServer('a');
    await until(() => log.length > 0);
    assert.deepEqual(log.map(([name]) => name), ['unreachable']);
  });

  it('comes with the next failure where the first one was abandoned by stop() (rows 30 and 42)', async () => {
    const rover = makeRover({ servers: { a: await refusedAddress() } });
    const log = recordAll(rover);
    rover.connect();
    // It is refused by then, and that is not taken.
    block(100);
    rover.stop();
    await settle();
    assert.deepEqual(await events(rover, log, 2), ['down', 'unreachable']);
  });

  it('is the last event where its listener calls stop() (rows 30 and 42)', async () => {
    const rover = makeRover({ servers: { a: await refusedAddress() } });
    const log = recordAll(rover);
    rover.once('down', () => rover.stop());
    rover.connect();
    await until(() => log.length > 0);
    await settle();
    assert.deepEqual(log.map(([name]) => name), ['down']);
  });
});

describe('up', () => {
  it('is emitted right before the connection that follows a failure, and not again (row 42)', async () => {
    const { address } = await serverThat('13\r\n', 'foo\r\n', '13\r\n');
    const rover = makeRover({ servers: { a: address } });
    const log = recordAll(rover);
    const names = ['connection', 'down', 'error', 'up', 'connection', 'connection'];
    assert.deepEqual(await events(rover, log, 6), names);
    assert.deepEqual(log[3], ['up', 'a', address]);
    assert.equal(log[3][2], address);
  });

  it('is emitted for a rejected slot of a roving as well, of which nothing else is told (rows 29 and 42)', async () => {
    const server = await serverThat('foo\r\n', '13\r\n');
    const rover = makeRover({ ROVING_INTERVAL: 5, MAX_SLOT: 12, servers: { a: server.address } });
    const log = recordAll(rover);
    rover.start();
    await until(() => rover.stats().rejected > 5);
    assert.deepEqual(log.map(([name]) => name), ['down', 'error', 'up']);
    rover.stop();
    await settle();
    assert.equal(log.length, 3);
  });

  it('is emitted where failure and slot came while the thread was blocked (row 42)', async () => {
    const server = await serverThat('foo\r\n', '13\r\n');
    const rover = makeRover({ MAX_SLOT: 12, servers: { a: server.address } });
    const log = recordAll(rover);
    rover.connect();
    await until(() => server.accepted === 1);
    rover.connect();
    block(50);
    await until(() => rover.stats().pending === 0);
    assert.deepEqual(log.map(([name]) => name), ['down', 'error', 'up']);
  });

  it('alternates with down for each server, whatever is in flight at once (row 42)', async () => {
    const server = await slotServer({ greeting: (n) => ['13\r\n', 'foo\r\n', '', '99\r\n'][(n * 7) % 4], then: 'close' });
    const rover = makeRover({ MAX_SLOT: 50, servers: { a: server.address } });
    const log = recordAll(rover);
    for (let round = 0; round < 20; round++) {
      for (let n = 0; n < 20; n++) rover.connect();
      if (round % 5 === 4) rover.stop();
      await until(() => rover.stats().pending === 0);
    }
    const changes = log.map(([name]) => name).filter((name) => name === 'up' || name === 'down');
    assert.ok(changes.length > 4);
    assert.deepEqual(changes, changes.map((_, index) => (index % 2 === 0 ? 'down' : 'up')));
  });
});
