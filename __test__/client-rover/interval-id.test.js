'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { setTimeout } = require('node:timers/promises');

const { intervalHandleClass } = require('../../lib/node-internals/interval-handle.js');
const { printedBy } = require('../helpers/child.js');
const { cleanup } = require('../helpers/cleanup.js');
const { ClientRover, assertQuiet, attempt, beats, makeRover, track } = require('../helpers/rover.js');
const { skip } = require('../helpers/skip.js');
const { refusedAddress, slotServer } = require('../helpers/slot-server.js');

const ROVING_INTERVAL = 20;

/** A rover at its roving, that has had a connection already, and its server. */
async function rovingRover() {
  const server = await slotServer();
  const rover = makeRover({ ROVING_INTERVAL, servers: { a: server.address } });
  rover.on('connection', (_slot, socket) => track(socket));
  rover.start();
  await once(rover, 'connection');
  await once(rover, 'connection');
  return { rover, server };
}

describe('intervalId', () => {
  it('is a Timeout as setInterval makes them (row 9)', async () => {
    const { rover } = await rovingRover();
    const timer = setInterval(() => {}, ROVING_INTERVAL);
    clearInterval(timer);
    assert.equal(rover.intervalId.constructor, timer.constructor);
    assert.equal(typeof +rover.intervalId, 'number');
    assert.equal(rover.intervalId.hasRef(), true);
    assert.equal(rover.intervalId.unref(), rover.intervalId);
    assert.equal(rover.intervalId.hasRef(), false);
    assert.equal(rover.intervalId.ref(), rover.intervalId);
    assert.equal(rover.intervalId.hasRef(), true);
  });

  const WAYS = {
    'clearInterval(rover.intervalId)': (rover) => clearInterval(rover.intervalId),
    'clearInterval(+rover.intervalId)': (rover) => clearInterval(+rover.intervalId),
    'clearInterval(`${+rover.intervalId}`)': (rover) => clearInterval(`${+rover.intervalId}`),
    'rover.intervalId.close()': (rover) => rover.intervalId.close(),
    'clearInterval after unref()': (rover) => clearInterval(rover.intervalId.unref()),
  };
  for (const [way, stop] of Object.entries(WAYS)) {
    it(`ends the roving by ${way} (row 9)`, async () => {
      const { rover, server } = await rovingRover();
      stop(rover);
      await assertQuiet(server, ROVING_INTERVAL);
    });
  }

  it('may be cleared by a listener (row 9)', async () => {
    const server = await slotServer();
    const rover = makeRover({ ROVING_INTERVAL, servers: { a: server.address } });
    await attempt(rover, () => {
      rover.once('connection', () => clearInterval(rover.intervalId));
      rover.start();
    });
    await assertQuiet(server, ROVING_INTERVAL);
  });

  it('lets what is in flight have its event after clearInterval (row 9)', async () => {
    const server = await slotServer({ greeting: '' });
    const rover = makeRover({ ROVING_INTERVAL, servers: { a: server.address } });
    const outcome = attempt(rover, () => rover.start());
    const socket = await server.nextSocket();
    clearInterval(rover.intervalId);
    socket.write('13\r\n');
    const { event, slot } = await outcome;
    assert.deepEqual({ event, slot }, { event: 'connection', slot: 13 });
  });

  it('lets the attempt of start() have its event when cleared right behind it (row 9)', async () => {
    const rover = makeRover({ ROVING_INTERVAL, servers: { a: await refusedAddress() } });
    const { event } = await attempt(rover, () => {
      rover.start();
      clearInterval(rover.intervalId);
    });
    assert.equal(event, 'unreachable');
  });

  it('leaves connect() working after clearInterval (row 9)', async () => {
    const { rover } = await rovingRover();
    clearInterval(rover.intervalId);
    assert.equal((await attempt(rover)).event, 'connection');
  });

  for (const [what, Class] of [
    ['a rover', ClientRover],
    ['one whose connect() is overridden', class extends ClientRover {
      connect() {
        super.connect();
      }
    }],
  ]) {
    it(`postpones the next attempt of ${what} by an interval at each refresh() (row 9)`, async () => {
      const interval = 400;
      const rover = makeRover({ ROVING_INTERVAL: interval, servers: { a: await refusedAddress() } }, Class);
      rover.on('unreachable', () => {});
      rover.start();
      assert.equal(rover.intervalId.refresh(), rover.intervalId);
      // The timer of an app's own is refreshed along with it, and goes off no later.
      let isOver = false;
      const own = setInterval(() => (isOver = true), interval);
      cleanup(() => clearInterval(own));
      for (const until = performance.now() + 3 * interval; performance.now() < until; await setTimeout(10)) {
        rover.intervalId.refresh();
        own.refresh();
      }
      assert.equal(isOver || rover.stats().attempts === 1, true);
      const refreshed = performance.now();
      await once(rover, 'unreachable');
      assert.ok(performance.now() - refreshed < 2.5 * interval, 'at the interval after the last refresh()');
      clearInterval(rover.intervalId);
      rover.intervalId.refresh();
      const { attempts } = rover.stats();
      await beats(2, interval);
      assert.equal(rover.stats().attempts, attempts);
    });
  }

  it('goes on roving while it is unref-ed and something else keeps the process (row 9)', async () => {
    const { rover } = await rovingRover();
    rover.intervalId.unref();
    await once(rover, 'connection');
    await once(rover, 'connection');
  });
});

describe('the timer of a roving', () => {
  it('tells when it is cleared, so that the roving need not run in JavaScript (row 9)', function () {
    if (process.versions.bun !== undefined) return skip(this, "Bun's timers do not tell: see the README");
    assert.equal(intervalHandleClass() !== null, true);
  });

  it('looks like any other to a hook of async_hooks (row 9)', async function () {
    const isNode = process.versions.bun === undefined && process.versions.deno === undefined;
    if (!isNode) return skip(this, 'needs the async_hooks of Node.js');
    const kinds = await printedBy(async ({ ClientRover, print }) => {
      const { createHook } = require('node:async_hooks');
      const kinds = [];
      createHook({
        init(_id, type, _trigger, { _onTimeout }) {
          if (type === 'Timeout') kinds.push(typeof _onTimeout);
        },
      }).enable();
      const rover = new ClientRover({ servers: { a: { port: 1 } } });
      rover.on('unreachable', () => {});
      rover.start();
      clearInterval(rover.intervalId);
      print(new Set(kinds).size, kinds[0]);
    });
    assert.deepEqual(kinds, [[1, 'function']]);
  });

  it('may be cleared by a hook of async_hooks that runs right before it (row 9)', async function () {
    const isNode = process.versions.bun === undefined && process.versions.deno === undefined;
    if (!isNode) return skip(this, 'needs the async_hooks of Node.js');
    const printed = await printedBy(
      ({ ClientRover, print }, servers) => {
        const { createHook, executionAsyncResource } = require('node:async_hooks');
        const rover = new ClientRover({ servers });
        let cleared = 0;
        const before = () => {
          if (executionAsyncResource() !== rover.intervalId) return;
          cleared++;
          clearInterval(rover.intervalId);
        };
        createHook({ before }).enable();
        rover.on('unreachable', () => {});
        rover.start();
        process.on('exit', () => print(cleared));
      },
      { a: await refusedAddress() },
    );
    assert.deepEqual(printed, [1]);
  });
});

describe('an intervalId that the app has put aside', () => {
  it('ends nothing that was begun after it when it is cleared (row 9)', async () => {
    const server = await refusedAddress();
    const rover = makeRover({ ROVING_INTERVAL, servers: { a: server } });
    rover.start();
    const aside = rover.intervalId;
    rover.intervalId = null;
    rover.start();
    clearInterval(aside);
    for (let n = 0; n < 5; n++) await once(rover, 'unreachable');
    clearInterval(rover.intervalId);
  });
});
