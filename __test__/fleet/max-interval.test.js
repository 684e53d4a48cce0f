'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');

const { ClientRover, makeRover, track } = require('../helpers/rover.js');
const { refusedAddress, slotServer } = require('../helpers/slot-server.js');
const { until } = require('../helpers/wait.js');

const INTERVAL = 5;
/** Far more than a test takes. */
const NO_LIMIT = 100_000;

/** A rover whose every attempt is in vain: the only server gives slot 13. */
async function vainRover(options, Class) {
  const { address } = await slotServer();
  return makeRover({ ROVING_INTERVAL: INTERVAL, MAX_SLOT: 9, servers: { a: address }, ...options }, Class);
}

/** Has a rover make so many more attempts. */
async function attempts(rover, count) {
  const before = rover.stats().attempts;
  await until(() => rover.stats().attempts >= before + count, { timeout: 15_000 });
}

/** How many attempts it makes while one with a fixed interval makes so many. */
async function attemptsWhile(count, rover) {
  const fixed = await vainRover();
  const before = rover.stats().attempts;
  fixed.start();
  await attempts(fixed, count);
  fixed.stop();
  return rover.stats().attempts - before;
}

/** A started rover whose interval is at least 16 times ROVING_INTERVAL by now. */
async function slowedDown(options) {
  const rover = await vainRover({ MAX_INTERVAL: NO_LIMIT, ...options });
  rover.start();
  await attempts(rover, 41);
  return rover;
}

/** What shows that the interval is short again: 16 times as long, it would make one or two. */
async function assertFast(rover) {
  const count = await attemptsWhile(32, rover);
  assert.ok(count > 10, `${count} attempts`);
}

async function assertSlow(rover) {
  const count = await attemptsWhile(32, rover);
  assert.ok(count < 10, `${count} attempts`);
}

/** The ticks of both kinds: Rust's, and JavaScript's where `connect` is overridden. */
class Overridden extends ClientRover {
  connect() {
    super.connect();
  }
}

describe('MAX_INTERVAL where connect is overridden', () => {
  it('doubles the interval, and is the longest one (rows 7 and 43)', async () => {
    const rover = await vainRover({ MAX_INTERVAL: 4 * INTERVAL }, Overridden);
    rover.start();
    await attempts(rover, 41);
    const count = await attemptsWhile(100, rover);
    assert.ok(count > 10 && count < 45, `${count} attempts`);
  });

  it('ends where MAX_SLOT is raised, with a connection, and with start() (rows 7 and 43)', async () => {
    for (const end of [
      (rover) => (rover.MAX_SLOT = 10),
      async (rover) => {
        rover.MAX_SLOT = 13;
        track((await rover.rove()).socket);
        rover.MAX_SLOT = 9;
      },
      (rover) => rover.start(),
    ]) {
      const rover = await vainRover({ MAX_INTERVAL: NO_LIMIT }, Overridden);
      rover.on('connection', (slot, socket) => track(socket).destroy());
      rover.start();
      await attempts(rover, 41);
      await assertSlow(rover);
      await end(rover);
      await assertFast(rover);
      rover.stop();
    }
  });
});

describe('MAX_INTERVAL', () => {
  it('doubles the interval after 10 attempts that brought no connection, and after 10 more again (row 43)', async () => {
    const rover = await vainRover({ MAX_INTERVAL: NO_LIMIT });
    rover.start();
    // 10 at 5 ms, 10 at 10 ms, 10 at 20 ms and 10 at 40 ms: 750 ms, in which a fixed one makes 150.
    const count = await attemptsWhile(150, rover);
    assert.ok(count > 20 && count < 70, `${count} attempts`);
  });

  for (const [who, Class] of Object.entries({ Rust: ClientRover, JavaScript: Overridden })) {
    it(`doubles the one behind the tenth attempt, where ${who} ticks (rows 7 and 43)`, async () => {
      const times = [];
      const { address } = await slotServer({ greeting: () => `${12 + times.push(performance.now())}\r\n` });
      const interval = 60;
      const options = { ROVING_INTERVAL: interval, MAX_INTERVAL: NO_LIMIT, MAX_SLOT: 9, servers: { a: address } };
      const rover = makeRover(options, Class);
      rover.start();
      await until(() => times.length === 11);
      // Late at worst, and never too soon.
      assert.ok(times[10] - times[9] > 1.5 * interval, `${times[10] - times[9]} ms`);
    });
  }

  it('is longer by half, where JavaScript ticks, if that is the longest (rows 7 and 43)', async () => {
    const rover = await vainRover({ MAX_INTERVAL: 1.5 * INTERVAL }, Overridden);
    rover.start();
    await attempts(rover, 12);
    const count = await attemptsWhile(120, rover);
    assert.ok(count > 40 && count < 100, `${count} attempts`);
  });

  it('is the longest interval (row 43)', async () => {
    const rover = await vainRover({ MAX_INTERVAL: 2 * INTERVAL });
    rover.start();
    await attempts(rover, 30);
    const count = await attemptsWhile(100, rover);
    assert.ok(count > 30 && count < 75, `${count} attempts`);
  });

  for (const [name, options] of Object.entries({
    'is off by default': {},
    'below ROVING_INTERVAL means that': { MAX_INTERVAL: 1 },
    'of 0 means ROVING_INTERVAL': { MAX_INTERVAL: 0 },
    'of null is the default': { MAX_INTERVAL: null },
  })) {
    it(`${name} (rows 35 and 43)`, async () => {
      const rover = await vainRover(options);
      rover.start();
      await attempts(rover, 30);
      const count = await attemptsWhile(100, rover);
      assert.ok(count > 75 && count < 150, `${count} attempts`);
    });
  }

  it('counts attempts that fail as well (row 43)', async () => {
    const rover = makeRover({
      ROVING_INTERVAL: INTERVAL,
      MAX_INTERVAL: NO_LIMIT,
      servers: { a: await refusedAddress() },
    });
    rover.on('unreachable', () => {});
    rover.start();
    await attempts(rover, 41);
    await assertSlow(rover);
  });

  it('ends where MAX_SLOT is raised, at once (row 43)', async () => {
    const rover = await slowedDown();
    await assertSlow(rover);
    rover.MAX_SLOT = 10;
    await assertFast(rover);
  });

  it('does not end where MAX_SLOT is lowered, or set to what it is (row 43)', async () => {
    const rover = await slowedDown();
    rover.MAX_SLOT = 9;
    rover.MAX_SLOT = 8;
    await assertSlow(rover);
  });

  it('ends with a connection, at once (row 43)', async () => {
    const server = await slotServer({ greeting: (n) => (n === 42 ? '3\r\n' : '13\r\n') });
    const rover = await slowedDown({ servers: { a: server.address } });
    const [, socket] = await once(rover, 'connection');
    track(socket);
    await assertFast(rover);
  });

  it('ends with the connection of a rove() (rows 41 and 43)', async () => {
    let slot = 13;
    const server = await slotServer({ greeting: () => `${slot}\r\n` });
    const rover = await slowedDown({ servers: { a: server.address } });
    slot = 3;
    const { socket } = await rover.rove();
    slot = 13;
    track(socket);
    await assertFast(rover);
  });

  it('ends with start() (row 43)', async () => {
    const rover = await slowedDown();
    rover.start();
    await assertFast(rover);
  });

  it('begins anew after a connection: 10 more attempts double it again (row 43)', async () => {
    const rover = await slowedDown();
    rover.MAX_SLOT = 10;
    await attempts(rover, 41);
    await assertSlow(rover);
  });

  for (const bad of [-1, NaN, Infinity, 2 ** 31, '1s', {}]) {
    it(`throws for ${bad} (row 35)`, () => {
      assert.throws(() => makeRover({ MAX_INTERVAL: bad }), { code: /^ERR_(INVALID_ARG_TYPE|OUT_OF_RANGE)$/ });
    });
  }
});
