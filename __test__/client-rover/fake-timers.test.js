'use strict';

const assert = require('node:assert/strict');

const { printedBy } = require('../helpers/child.js');
const { skip } = require('../helpers/skip.js');
const { refusedAddress, slotServer } = require('../helpers/slot-server.js');

const IS_NODE = process.versions.bun === undefined && process.versions.deno === undefined;
const HAS_MOCK_TIMERS = IS_NODE && require('node:test').mock?.timers !== undefined;

/** How an app fakes its timers; each in a process of its own, since it is done to all of it. */
const FAKES = {
  sinon: 'sinon',
  'node:test': 'node:test',
  'a fake as of Jest before 27, whose timers are numbers': 'numbers',
};

/**
 * A rover under fake timers, at a real server: how many attempts it made after 0 and 3 intervals, and after it was
 * cleared, and what the fakes were asked.
 */
const underFakes = async ({ print }, { kind, isEarly, address }) => {
  const { until } = require('./__test__/helpers/wait.js');
  const real = { setTimeout, setInterval, clearInterval };
  const FAKE = {
    sinon() {
      // nextTick and the like are what sockets live by.
      const clock = require('@sinonjs/fake-timers').install({ toFake: ['setInterval', 'clearInterval', 'setTimeout', 'Date'] });
      return { tick: (ms) => clock.tick(ms), left: () => clock.countTimers(), restore: () => clock.uninstall() };
    },
    'node:test'() {
      process.removeAllListeners('warning');
      const { timers } = require('node:test').mock;
      const apis = ['setInterval', 'setTimeout'];
      // The first form is that of Node 20.4.
      if (process.versions.node.startsWith('20.')) timers.enable(apis);
      else timers.enable({ apis });
      return { tick: (ms) => timers.tick(ms), left: () => 0, restore: () => timers.reset() };
    },
    numbers() {
      const intervals = new Map();
      let last = 0;
      let made = 0;
      globalThis.setInterval = (callback, ms) => {
        made++;
        intervals.set(++last, { callback, ms });
        return last;
      };
      globalThis.clearInterval = (id) => intervals.delete(id);
      return {
        tick(ms) {
          for (const { callback, ms: every } of intervals.values()) {
            for (let at = every; at <= ms; at += every) callback();
          }
        },
        left: () => intervals.size,
        made: () => made,
        restore: () => Object.assign(globalThis, real),
      };
    },
  };

  let fake = isEarly ? FAKE[kind]() : null;
  const ClientRover = require('./index.js');
  fake ??= FAKE[kind]();
  const rover = new ClientRover({ ROVING_INTERVAL: 60_000, servers: { a: address } });
  let connections = 0;
  rover.on('connection', (_slot, socket) => {
    connections++;
    socket.destroy();
  });
  const attempts = [];
  const note = () => attempts.push(rover.stats().attempts);
  globalThis.setTimeout = real.setTimeout;
  rover.start();
  note();
  fake.tick(3 * 60_000);
  note();
  clearInterval(rover.intervalId);
  fake.tick(5 * 60_000);
  note();
  await until(() => connections === 4);
  rover.start();
  note();
  rover.stop();
  fake.tick(5 * 60_000);
  note();
  const made = fake.made?.();
  const left = fake.left();
  // Begun under fakes and ended after them; begun after them.
  rover.start();
  fake.restore();
  rover.stop();
  rover.ROVING_INTERVAL = 5;
  rover.start();
  const before = connections;
  await until(() => connections > before + 2);
  rover.stop();
  print({ attempts, left, made });
};

describe('fake timers', () => {
  for (const [name, kind] of Object.entries(FAKES)) {
    for (const isEarly of [true, false]) {
      const when = isEarly ? 'before' : 'after';
      it(`(${name}), installed ${when} the package is loaded, drive the roving and end it (row 12)`, async function () {
        if (kind === 'node:test' && !HAS_MOCK_TIMERS) return skip(this, 'needs mock.timers of node:test (Node 20.4)');
        const { address } = await slotServer();
        const [{ attempts, left, made }] = await printedBy(underFakes, { kind, isEarly, address });
        assert.deepEqual(attempts, [1, 4, 4, 5, 5]);
        assert.equal(left, 0);
        // An app's test counts the calls.
        if (kind === 'numbers') assert.equal(made, 2, 'calls of setInterval by two of start()');
      });
    }
  }

  it('that came after start() leave the roving as it is, and end nothing of it (row 12)', async () => {
    const { address } = await slotServer();
    const printed = await printedBy(async ({ ClientRover, print }, server) => {
      const { once } = require('node:events');
      const rover = new ClientRover({ ROVING_INTERVAL: 5, servers: { a: server } });
      rover.on('connection', (_slot, socket) => socket.destroy());
      rover.start();
      const clock = require('@sinonjs/fake-timers').install({ toFake: ['setInterval', 'clearInterval', 'Date'] });
      await once(rover, 'connection');
      await once(rover, 'connection');
      rover.stop();
      clock.uninstall();
      print('stopped');
    }, address);
    assert.deepEqual(printed, ['stopped']);
  });

  it('of something else than intervals leave the roving to the real clock (row 12)', async () => {
    const { address } = await slotServer();
    const fakes = ['Date', 'performance', 'setTimeout', 'setImmediate', 'queueMicrotask'];
    const printed = await printedBy(
      async ({ ClientRover, print }, { server, fakes }) => {
        for (const name of fakes) {
          const clock = require('@sinonjs/fake-timers').install({ toFake: [name] });
          const rover = new ClientRover({ ROVING_INTERVAL: 2, servers: { a: server } });
          await new Promise((resolve) => {
            let connections = 0;
            rover.on('connection', (_slot, socket) => {
              socket.destroy();
              if (++connections === 3) resolve();
            });
            rover.start();
          });
          clearInterval(rover.intervalId);
          clock.uninstall();
          print(name);
        }
      },
      { server: address, fakes },
    );
    assert.deepEqual(printed, fakes);
  });

  for (const [how, body] of Object.entries({
    'that were advanced and are gone': async (clock, connect, change) => {
      clock.tick(3600_000);
      await connect();
      clock.uninstall();
      change();
    },
    'that come later, and set the clock back': async (clock, connect, change) => {
      clock.uninstall();
      await connect();
      const later = require('@sinonjs/fake-timers').install({ toFake: ['performance'] });
      change();
      later.tick(1);
    },
  })) {
    it(`${how} do not hide what is changed behind the proxy (rows 4 and 12)`, async () => {
      const [first, second] = [await slotServer({ greeting: '1\r\n' }), await slotServer({ greeting: '2\r\n' })];
      const source = `async ({ ClientRover, print }, [first, second]) => {
        const { once } = require('node:events');
        const servers = { a: first };
        const rover = new ClientRover({ servers });
        const connect = async () => {
          rover.connect();
          const [slot, socket] = await once(rover, 'connection');
          socket.destroy();
          return slot;
        };
        const clock = require('@sinonjs/fake-timers').install({ toFake: ['performance'] });
        await (${body})(clock, connect, () => { servers.a = second; });
        // Of the clock that there is now no second has passed, and the last look lies ahead of it.
        print(await connect());
      }`;
      assert.deepEqual(await printedBy(source, [first.address, second.address]), [2]);
    });
  }

  it('that return numbers are cleared once each, by start() and by stop() (row 12)', async () => {
    const printed = await printedBy(
      ({ ClientRover, print }, servers) => {
        const calls = [];
        let last = 0;
        globalThis.setInterval = () => ++last;
        globalThis.clearInterval = (id) => calls.push(id);
        const rover = new ClientRover({ servers });
        rover.on('unreachable', () => {});
        rover.start();
        rover.start();
        // One of the app's own.
        rover.intervalId = 77;
        rover.start();
        rover.stop();
        print(calls);
      },
      { a: await refusedAddress() },
    );
    assert.deepEqual(printed, [[1, 2, 77, 3]]);
  });

  it('that return nothing leave a rover that can be stopped (row 12)', async () => {
    const printed = await printedBy(
      async ({ ClientRover, print }, server) => {
        const { setInterval } = globalThis;
        globalThis.setInterval = () => {};
        const rover = new ClientRover({ servers: { a: server } });
        rover.on('unreachable', () => {});
        rover.start();
        rover.start();
        rover.stop();
        globalThis.setInterval = setInterval;
        print(rover.stats().pending, rover.intervalId);
      },
      await refusedAddress(),
    );
    assert.deepEqual(printed, [[0, null]]);
  });
});

/** What the process is to live for, and how many of its connections come before it ends. */
const LIVES = [
  ['until the event of connect()', 1, (rover) => rover.connect()],
  ['until the event of the attempt of start()', 1, (rover) => rover.start()],
  [
    'until the events of what is in flight at a clearInterval',
    3,
    (rover, clock) => {
      rover.start();
      clock.tick(2000);
      clearInterval(rover.intervalId);
    },
  ],
  [
    'not even until the event of the attempt of start() after intervalId.unref()',
    0,
    (rover) => {
      rover.start();
      rover.intervalId.unref();
    },
  ],
  [
    'not even until that of an overridden connect() after intervalId.unref()',
    0,
    (rover) => {
      const { connect } = rover;
      rover.connect = () => connect.call(rover);
      rover.start();
      rover.intervalId.unref();
    },
  ],
  [
    'no longer after intervalId.unref()',
    0,
    (rover, clock) => {
      rover.start();
      rover.intervalId.unref();
      clock.tick(3000);
    },
  ],
  [
    'no longer after intervalId.unref(), with intervalId null',
    0,
    (rover, clock) => {
      rover.start();
      rover.intervalId.unref();
      rover.intervalId = null;
      clock.tick(3000);
    },
  ],
  [
    'no longer after intervalId.unref() of a rover whose connect() is overridden',
    0,
    (rover, clock) => {
      const { connect } = rover;
      rover.connect = () => connect.call(rover);
      rover.start();
      rover.intervalId.unref();
      clock.tick(3000);
    },
  ],
  [
    'until the events after intervalId.unref() and ref()',
    2,
    (rover, clock) => {
      rover.start();
      rover.intervalId.unref();
      rover.intervalId.ref();
      clock.tick(1000);
    },
  ],
];

describe('a process under fake timers', () => {
  for (const [how, expected, act] of LIVES) {
    it(`lives ${how} (rows 10 and 12)`, async () => {
      const server = await slotServer({ greeting: ['1', '3\r\n'], gap: 200 });
      const body = `({ print }, server) => {
        const clock = require('@sinonjs/fake-timers').install();
        const ClientRover = require('./index.js');
        const rover = new ClientRover({ ROVING_INTERVAL: 1000, servers: { a: server } });
        let connections = 0;
        rover.on('connection', (_slot, socket) => {
          connections++;
          socket.destroy();
        });
        process.on('exit', () => print(connections));
        (${act})(rover, clock);
      }`;
      assert.deepEqual(await printedBy(body, server.address), [expected]);
    });
  }
});
