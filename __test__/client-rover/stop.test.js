'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');

const { printedBy } = require('../helpers/child.js');
const { assertQuiet, attempt, beats, makeRover, record, settle, track } = require('../helpers/rover.js');
const { closed, refusedAddress, slotServer } = require('../helpers/slot-server.js');
const { block } = require('../helpers/wait.js');

/** Every way to stop a rover: how to make it, and how to stop it then. */
const WAYS = {
  'stop()': () => ({ options: {}, stop: (rover) => rover.stop() }),
  '[Symbol.dispose]()': () => ({ options: {}, stop: (rover) => rover[Symbol.dispose]() }),
  'the AbortSignal in options.signal': () => {
    const controller = new AbortController();
    return { options: { signal: controller.signal }, stop: () => controller.abort() };
  },
};

for (const [way, prepare] of Object.entries(WAYS)) {
  describe(way, () => {
    function roverToStop(options) {
      const { options: more, stop } = prepare();
      const rover = makeRover({ ...options, ...more });
      return { rover, stop: () => stop(rover) };
    }

    it('abandons and closes what is in flight: no event follows (row 30)', async () => {
      const server = await slotServer({ greeting: '1' });
      const { rover, stop } = roverToStop({ servers: { a: server.address } });
      const log = record(rover);
      rover.connect();
      const socket = await server.nextSocket();
      stop();
      await closed(socket);
      await settle();
      assert.deepEqual(log.events(), []);
    });

    it('drops outcomes that wait for JavaScript: no event follows (row 30)', async () => {
      const { rover, stop } = roverToStop({ servers: { a: await refusedAddress() } });
      const log = record(rover);
      for (let i = 0; i < 5; i++) rover.connect();
      // All five are refused by then, and none of that has been taken.
      block(100);
      stop();
      await settle();
      assert.deepEqual(log.events(), []);
    });

    it('lets no event follow when a listener calls it (row 30)', async () => {
      const { rover, stop } = roverToStop({ servers: { a: await refusedAddress() } });
      const log = record(rover);
      for (let i = 0; i < 5; i++) rover.connect();
      block(100);
      rover.once('unreachable', stop);
      await log.until(1);
      await settle();
      assert.deepEqual(log.events(), ['unreachable']);
    });

    it('ends the roving (row 30)', async () => {
      const server = await slotServer();
      const { rover, stop } = roverToStop({ ROVING_INTERVAL: 10, servers: { a: server.address } });
      await attempt(rover, () => rover.start());
      const log = record(rover);
      stop();
      await assertQuiet(server, 10);
      assert.deepEqual(log.events(), []);
    });

    it('ends the roving of an overridden connect (rows 7 and 30)', async () => {
      const { rover, stop } = roverToStop({ ROVING_INTERVAL: 10 });
      let calls = 0;
      rover.connect = () => calls++;
      rover.start();
      stop();
      await beats(4, 10);
      assert.equal(calls, 1);
    });

    it('counts what it abandoned (rows 30 and 31)', async () => {
      const server = await slotServer({ greeting: '' });
      const { rover, stop } = roverToStop({ servers: { a: server.address } });
      rover.connect();
      await server.nextSocket();
      stop();
      const { attempts, abandoned, pending } = rover.stats();
      assert.deepEqual({ attempts, abandoned, pending }, { attempts: 1, abandoned: 1, pending: 0 });
    });

    it('leaves sockets alone that were handed over (row 30)', async () => {
      const server = await slotServer({ then: (socket) => socket.pipe(socket) });
      const { rover, stop } = roverToStop({ servers: { a: server.address } });
      const { socket } = await attempt(rover);
      stop();
      await settle();
      socket.write('hello');
      assert.equal((await once(socket, 'data')).toString(), 'hello');
    });

    it('does no harm before start(), nor a second time (row 30)', async () => {
      const { rover, stop } = roverToStop({ servers: { a: await refusedAddress() } });
      stop();
      stop();
      rover.stop();
      rover[Symbol.dispose]();
    });

    it('leaves other rovers alone (row 30)', async () => {
      const { address } = await slotServer();
      const { rover, stop } = roverToStop({ ROVING_INTERVAL: 10, servers: { a: address } });
      const other = makeRover({ ROVING_INTERVAL: 10, servers: { a: address } });
      rover.on('connection', (_slot, socket) => track(socket));
      const log = record(other);
      rover.start();
      other.start();
      await log.until(2);
      stop();
      await log.until(log.outcomes.length + 3);
    });
  });
}

describe('a process whose rover was stopped', () => {
  it('ends by itself (rows 10 and 30)', async () => {
    const server = await slotServer({ greeting: '' });
    const printed = await printedBy(({ ClientRover, print }, address) => {
      const rover = new ClientRover({ ROVING_INTERVAL: 20, servers: { a: address } });
      for (const event of ['connection', 'unreachable', 'closed', 'error']) rover.on(event, () => print(event));
      rover.start();
      setTimeout(() => rover.stop(), 100);
    }, server.address);
    assert.deepEqual(printed, []);
  });

  it('has closed the connections that were waiting for JavaScript (row 30)', async () => {
    // The second greeting waits for the end of the first connection: only stop() can bring that.
    const server = await slotServer({ greeting: (n) => (n === 0 ? '13\r\n' : server.nextClosed().then(() => '14\r\n')) });
    const printed = await printedBy(({ ClientRover, block, print }, address) => {
      const rover = new ClientRover({ servers: { a: address } });
      rover.on('connection', () => print('too late'));
      rover.connect();
      block(200);
      rover.stop();
      const next = new ClientRover({ servers: { a: address } });
      next.on('connection', (slot, socket) => {
        print(slot);
        socket.destroy();
      });
      next.connect();
    }, server.address);
    assert.deepEqual(printed, [14]);
  });
});

/** What apps do to `intervalId` before they stop a rover. */
const REPLACED = {
  'set to null': (rover) => {
    rover.intervalId = null;
  },
  'set to undefined': (rover) => {
    rover.intervalId = undefined;
  },
  deleted: (rover) => delete rover.intervalId,
  'replaced by a timer of the app': (rover) => {
    rover.intervalId = setInterval(() => {}, 60_000);
  },
  'replaced by something that is no timer': (rover) => {
    rover.intervalId = 'stopped';
  },
  'set to null, and start() was called again': (rover) => {
    rover.intervalId = null;
    rover.start();
  },
  'deleted, and start() was called again': (rover) => {
    delete rover.intervalId;
    rover.start();
  },
  'set to null, start() was called again, and it was set to null again': (rover) => {
    rover.intervalId = null;
    rover.start();
    rover.intervalId = null;
  },
};

describe('stop() of a rover whose intervalId', () => {
  for (const [how, act] of Object.entries(REPLACED)) {
    for (const isOverridden of [false, true]) {
      const title = isOverridden ? `${how}, and whose connect is overridden` : how;
      it(`was ${title}: no event follows, and the process ends (rows 10 and 30)`, async () => {
        const { address } = await slotServer({ greeting: '' });
        const data = { act: `(${act})`, isOverridden, server: address };
        const printed = await printedBy(({ ClientRover, print }, { act, isOverridden, server }) => {
          class Rover extends ClientRover {
            connect() {
              super.connect();
            }
          }
          const rover = new (isOverridden ? Rover : ClientRover)({ ROVING_INTERVAL: 10, servers: { a: server } });
          for (const event of ['connection', 'unreachable', 'closed', 'error']) rover.on(event, () => print(event));
          rover.start();
          (0, eval)(act)(rover);
          setTimeout(() => {
            rover.stop();
            const { attempts, pending } = rover.stats();
            print(attempts > 1, pending, rover.intervalId);
            setTimeout(() => print(rover.stats().attempts - attempts), 100);
          }, 100);
        }, data);
        assert.deepEqual(printed, [[true, 0, null], 0]);
      });
    }
  }
});

describe('a rover beside one that was stopped', () => {
  it('is not touched: of fifty only the one that stops loses its attempts (row 30)', async () => {
    const server = await slotServer({ greeting: (n) => (n === 0 ? '' : ['1', '3\r\n']), gap: 200 });
    const rovers = Array.from({ length: 50 }, () => makeRover({ servers: { a: server.address } }));
    const [stopped, ...others] = rovers;
    const logs = others.map(record);
    stopped.connect();
    await server.nextSocket();
    for (const rover of others) rover.connect();
    stopped.stop();
    const pending = rovers.map((rover) => rover.stats().pending);
    assert.deepEqual(pending, [0, ...Array(49).fill(1)]);
    const outcomes = await Promise.all(logs.map((log) => log.until(1)));
    assert.deepEqual([...new Set(outcomes.map(([{ slot }]) => slot))], [13]);
  });


  it('gets its event, though outcomes of the other were waiting for JavaScript (row 30)', async () => {
    const server = await slotServer({ greeting: ['1', '3', '\r\n'], gap: 150 });
    const servers = { slow: server.address, refused: await refusedAddress() };
    const printed = await printedBy(({ ClientRover, block, print }, { slow, refused }) => {
      const rover = new ClientRover({ servers: { slow } });
      rover.on('connection', (slot, socket) => {
        print(slot);
        socket.destroy();
      });
      rover.connect();
      const other = new ClientRover({ servers: { refused } });
      other.on('unreachable', () => print('too late'));
      for (let n = 0; n < 5; n++) other.connect();
      block(100);
      other.stop();
    }, servers);
    assert.deepEqual(printed, [13]);
  });
});

describe('options.signal', () => {
  it('that was aborted before keeps the rover from any event (row 30)', async () => {
    const server = await slotServer();
    const rover = makeRover({ signal: AbortSignal.abort(), servers: { a: server.address } });
    const log = record(rover);
    await settle();
    assert.deepEqual(log.events(), []);
  });
});

describe('a signal of many rovers', () => {
  it('stops them all, and Node warns of nothing (rows 30 and 34)', async () => {
    const server = await refusedAddress();
    const printed = await printedBy(({ ClientRover, print }, address) => {
      const controller = new AbortController();
      process.on('warning', (warning) => print(warning.message));
      const options = { ROVING_INTERVAL: 5, servers: { a: address }, signal: controller.signal };
      const rovers = Array.from({ length: 20 }, () => new ClientRover(options));
      let left = rovers.length;
      for (const rover of rovers) {
        rover.once('unreachable', () => {
          if (--left === 0) controller.abort();
        });
        rover.start();
      }
      process.on('exit', () => print(rovers.every(({ intervalId }) => intervalId === null)));
    }, server);
    assert.deepEqual(printed, [true]);
  });
});
