'use strict';

const assert = require('node:assert/strict');

const { printedBy } = require('../helpers/child.js');
const { refusedAddress, slotServer } = require('../helpers/slot-server.js');

/** Gets its line in pieces: it takes a while, in which a process that nothing keeps would end. */
const slowServer = () => slotServer({ greeting: ['1', '3', '\r', '\n'], gap: 60 });

describe('a process with a rover', () => {
  it('ends by itself when the rover never started (row 10)', async () => {
    const printed = await printedBy(
      ({ ClientRover }, server) => {
        const rover = new ClientRover({ servers: { a: server } });
        rover.on('connection', () => {});
        rover.addServer('b', server);
        rover.dropServer('a');
      },
      await refusedAddress(),
    );
    assert.deepEqual(printed, []);
  });

  it('is kept alive by a rover that has started (row 10)', async () => {
    const printed = await printedBy(
      ({ ClientRover, print }, server) => {
        const rover = new ClientRover({ ROVING_INTERVAL: 50, servers: { a: server } });
        let outcomes = 0;
        rover.on('unreachable', () => {
          outcomes++;
          // A busy machine may have had more intervals by the fourth outcome than four.
          if (outcomes <= 4) print(outcomes);
          if (outcomes === 4) clearInterval(rover.intervalId);
        });
        rover.start();
      },
      await refusedAddress(),
    );
    assert.deepEqual(printed, [1, 2, 3, 4]);
  });

  it('is not about to end while an attempt of an unref-ed rover is in flight (row 10)', async () => {
    const events = await printedBy(({ ClientRover, print }, server) => {
      const rover = new ClientRover({ ROVING_INTERVAL: 60_000, servers: { a: server } });
      rover.on('unreachable', () => print('unreachable'));
      process.on('beforeExit', () => print('beforeExit'));
      rover.start();
      rover.intervalId.unref();
    }, await refusedAddress());
    assert.deepEqual(events, ['unreachable', 'beforeExit']);
  });

  it('ends when intervalId is unref-ed, after what was in flight had its event (row 10)', async () => {
    const server = await slowServer();
    const printed = await printedBy(({ ClientRover, print }, address) => {
      const rover = new ClientRover({ ROVING_INTERVAL: 60_000, servers: { a: address } });
      rover.on('connection', (slot, socket) => {
        print(slot);
        socket.destroy();
      });
      rover.start();
      rover.intervalId.unref();
    }, server.address);
    assert.deepEqual(printed, [13]);
  });

  it('ends in a few beats of a fast rover that is unref-ed, each failure told (row 10)', async () => {
    const [{ late, unreachable, stats }] = await printedBy(
      ({ ClientRover, print }, server) => {
        const rover = new ClientRover({ ROVING_INTERVAL: 2, servers: { a: server } });
        let unreachable = 0;
        let late = 0;
        const app = setInterval(() => {}, 1000);
        rover.on('unreachable', () => {
          unreachable++;
          if (app.hasRef()) {
            if (unreachable === 20) app.unref();
          } else if (++late === 200) {
            rover.stop();
          }
        });
        process.on('exit', () => print({ late, unreachable, stats: rover.stats() }));
        rover.start();
        rover.intervalId.unref();
      },
      await refusedAddress(),
    );
    assert.ok(late < 100, `${late} attempts ended when nothing but the rover was left`);
    assert.deepEqual([stats.unreachable, stats.pending], [unreachable, 0]);
  });

  it('is kept alive again after intervalId.ref() (row 10)', async () => {
    const printed = await printedBy(
      ({ ClientRover, print }, server) => {
        const rover = new ClientRover({ ROVING_INTERVAL: 50, servers: { a: server } });
        let outcomes = 0;
        rover.on('unreachable', () => {
          outcomes++;
          if (outcomes === 3) {
            print(outcomes);
            rover.intervalId.unref();
          }
        });
        rover.start();
        rover.intervalId.unref();
        rover.intervalId.ref();
      },
      await refusedAddress(),
    );
    assert.deepEqual(printed, [3]);
  });

  it('is kept alive by an attempt in flight after a bare connect() (row 10)', async () => {
    const server = await slowServer();
    const printed = await printedBy(({ ClientRover, print }, address) => {
      const rover = new ClientRover({ servers: { a: address } });
      rover.on('connection', (slot, socket) => {
        print(slot);
        socket.destroy();
      });
      rover.connect();
    }, server.address);
    assert.deepEqual(printed, [13]);
  });

  it('is kept alive by several attempts until the last of them (row 10)', async () => {
    const server = await slotServer({ greeting: (n) => new Array(n).fill('0').concat('13\r\n'), gap: 20 });
    const printed = await printedBy(({ ClientRover, print }, address) => {
      const rover = new ClientRover({ servers: { a: address } });
      rover.on('connection', (slot, socket) => {
        print(slot);
        socket.destroy();
      });
      for (let i = 0; i < 5; i++) rover.connect();
    }, server.address);
    assert.deepEqual(printed, [13, 13, 13, 13, 13]);
  });

  it('is kept alive until the event of an attempt that fails (row 10)', async () => {
    const server = await slotServer({ greeting: ['1', '3', ''], gap: 60, then: 'close' });
    const printed = await printedBy(({ ClientRover, print }, address) => {
      const rover = new ClientRover({ servers: { a: address } });
      rover.on('error', (error) => print(error.message));
      rover.connect();
    }, server.address);
    assert.deepEqual(printed, ['Invalid protocol']);
  });

  it('ends by itself after clearInterval, once what was in flight had its event (row 10)', async () => {
    const server = await slowServer();
    const printed = await printedBy(({ ClientRover, print }, address) => {
      const rover = new ClientRover({ ROVING_INTERVAL: 60_000, servers: { a: address } });
      rover.on('connection', (slot, socket) => {
        print(slot);
        socket.destroy();
      });
      rover.start();
      clearInterval(rover.intervalId);
    }, server.address);
    assert.deepEqual(printed, [13]);
  });

  for (const clear of ['clearInterval(+rover.intervalId)', 'rover.intervalId.close()']) {
    it(`ends by itself after ${clear} (rows 9 and 10)`, async () => {
      const printed = await printedBy(
        ({ ClientRover, print }, { server, clear }) => {
          const rover = new ClientRover({ ROVING_INTERVAL: 60_000, servers: { a: server } });
          rover.on('unreachable', (id) => {
            print(id);
            if (clear.startsWith('clearInterval')) clearInterval(+rover.intervalId);
            else rover.intervalId.close();
          });
          rover.start();
        },
        { server: await refusedAddress(), clear },
      );
      assert.deepEqual(printed, ['a']);
    });
  }

  it('is kept alive by the socket that it was given, as by any other (row 10)', async () => {
    const server = await slotServer({ greeting: ['13\r\n', 'late'], gap: 100, then: 'close' });
    const printed = await printedBy(({ ClientRover, print }, address) => {
      const rover = new ClientRover({ servers: { a: address } });
      rover.on('connection', (_slot, socket) => {
        socket.on('data', (chunk) => print(chunk.toString()));
        socket.on('close', () => print('close'));
      });
      rover.connect();
    }, server.address);
    assert.deepEqual(printed, ['late', 'close']);
  });

  it('ends by itself when that socket is unref-ed (rows 10 and 14)', async () => {
    const server = await slotServer();
    const printed = await printedBy(({ ClientRover, print }, address) => {
      const rover = new ClientRover({ servers: { a: address } });
      rover.on('connection', (slot, socket) => {
        print(slot);
        socket.unref();
      });
      rover.connect();
    }, server.address);
    assert.deepEqual(printed, [13]);
  });

  it('may end in mid-rove by process.exit (row 10)', async () => {
    const server = await slotServer({ greeting: '' });
    const printed = await printedBy(({ ClientRover, print }, address) => {
      const rover = new ClientRover({ ROVING_INTERVAL: 1, servers: { a: address } });
      rover.start();
      setTimeout(() => {
        print('exit');
        process.exit(0);
      }, 50);
    }, server.address);
    assert.deepEqual(printed, ['exit']);
  });
});

describe('a rover that the app has dropped', () => {
  const dropRovers = async ({ ClientRover, collect, print }, { server, live }) => {
    const rovers = [];
    const make = async () => {
      const rover = new ClientRover({ ROVING_INTERVAL: 60_000, servers: { a: server } });
      rover.on('unreachable', () => {});
      if (live) {
        const outcome = new Promise((resolve) => rover.once('unreachable', resolve));
        rover.start();
        clearInterval(rover.intervalId);
        await outcome;
      }
      rovers.push(new WeakRef(rover));
    };
    for (let i = 0; i < 20; i++) await make();
    print(await collect(rovers));
  };

  for (const [when, live] of [
    ['never started', false],
    ['was cleared and has had its events', true],
  ]) {
    it(`is collected when it ${when} (row 10)`, async () => {
      const data = { server: await refusedAddress(), live };
      const [left] = await printedBy(dropRovers, data, { nodeArgs: ['--expose-gc'] });
      // The last one may still be held by a register or a stack slot of the engine.
      assert.ok(left <= 1, `${left} of 20 are left`);
    });
  }
});
