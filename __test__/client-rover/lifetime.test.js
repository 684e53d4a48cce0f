'use strict';

const assert = require('node:assert/strict');

const { printedBy } = require('../helpers/child.js');
const { refusedAddress, slotServer } = require('../helpers/slot-server.js');

/** Gets its line in pieces: it takes a while, in which a process that nothing keeps would end. */
const slowGreeting = ['1', '3', '\r', '\n'];

/**
 * Asserts that a process lives until a rover has got what it was asked for, and then ends by itself.
 *
 * @param {(rover: import('../../index.js')) => void} ask Its source is what gets into the process.
 * @param {object} [options]
 * @param {ReturnType<typeof slotServer>} [options.server] By default one that takes a while.
 * @param {number[]} [options.slots=[13]] That it gets.
 * @param {(socket: import('node:net').Socket) => void} [options.take] Called with each socket, as source, too. By default
 *   it is closed.
 */
async function keepsAlive(ask, { server, slots = [13], take = (socket) => socket.destroy() } = {}) {
  const { address } = await (server ?? slotServer({ greeting: slowGreeting, gap: 60 }));
  const printed = await printedBy(
    ({ ClientRover, print }, { address, functions }) => {
      const [ask, take] = (0, eval)(functions);
      const rover = new ClientRover({ ROVING_INTERVAL: 60_000, servers: { a: address } });
      rover.on('connection', (slot, socket) => {
        print(slot);
        take(socket);
      });
      ask(rover);
    },
    { address, functions: `[${ask}, ${take}]` },
  );
  assert.deepEqual(printed, slots);
}

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

  for (const [what, afterwards] of Object.entries({
    'nothing else is called': () => {},
    'connect() is overridden': (rover) => {
      rover.connect = () => {};
    },
    'addServer() and dropServer() are called': (rover) => {
      rover.addServer('b', { port: 1 });
      rover.dropServer('b');
    },
    'stats() is called, and MAX_SLOT set': (rover) => {
      rover.stats();
      rover.MAX_SLOT = 5;
    },
  })) {
    it(`ends at once when intervalId is unref-ed, and then ${what}: no attempt is awaited (row 10)`, async () => {
      const { address } = await slotServer({ greeting: '' });
      const printed = await printedBy(
        ({ ClientRover, print }, { address, source }) => {
          const rover = new ClientRover({ ROVING_INTERVAL: 20, servers: { a: address } });
          rover.on('unreachable', () => print('unreachable'));
          process.on('beforeExit', () => print('beforeExit'));
          rover.start();
          rover.intervalId.unref();
          (0, eval)(source)(rover);
          // Several attempts are in flight by then, and the app has nothing left to do.
          setTimeout(() => print(rover.stats().pending > 1), 200);
        },
        { address, source: `(${afterwards})` },
      );
      assert.deepEqual(printed, [true, 'beforeExit']);
    });
  }

  it('ends at once when the roving of an overridden connect is unref-ed: no attempt of it is awaited (row 10)', async () => {
    const { address } = await slotServer({ greeting: '' });
    const printed = await printedBy(({ ClientRover, print }, server) => {
      class Rover extends ClientRover {
        connect() {
          super.connect();
        }
      }
      const rover = new Rover({ ROVING_INTERVAL: 60_000, servers: { a: server } });
      rover.start();
      rover.intervalId.unref();
      setTimeout(() => print(rover.stats().pending), 100);
    }, address);
    assert.deepEqual(printed, [1]);
  });

  for (const [how, later] of Object.entries({
    'awaits something': 'async () => {}',
    'sets a timer': '() => new Promise((resolve) => setTimeout(resolve, 20).unref())',
    'awaits a callback': '() => new Promise(setImmediate)',
  })) {
    it(`ends at once when the roving of an overridden connect that ${how} first is unref-ed (row 10)`, async () => {
      const { address } = await slotServer({ greeting: '' });
      const printed = await printedBy(
        ({ ClientRover, print }, { later, server }) => {
          const wait = (0, eval)(later);
          class Rover extends ClientRover {
            async connect() {
              await wait();
              super.connect();
            }
          }
          const rover = new Rover({ ROVING_INTERVAL: 20, servers: { a: server } });
          rover.on('unreachable', () => print('unreachable'));
          rover.start();
          rover.intervalId.unref();
          setTimeout(() => print(rover.stats().pending > 1), 150);
        },
        { later, server: address },
      );
      assert.deepEqual(printed, [true]);
    });
  }

  it('is kept alive by the connect() of a listener, though the roving of an overridden connect is unref-ed (row 10)', async () => {
    const { address } = await slotServer({ greeting: (n) => (n === 0 ? '1\r\n' : slowGreeting), gap: 60 });
    const printed = await printedBy(({ ClientRover, print }, server) => {
      class Rover extends ClientRover {
        async connect() {
          await null;
          super.connect();
        }
      }
      const rover = new Rover({ ROVING_INTERVAL: 60_000, servers: { a: server } });
      rover.on('connection', async (slot, socket) => {
        print(slot);
        socket.destroy();
        await null;
        // The app's own.
        if (slot === 1) ClientRover.prototype.connect.call(rover);
      });
      rover.start();
      rover.intervalId.unref();
      setTimeout(() => {}, 100);
    }, address);
    assert.deepEqual(printed, [1, 13]);
  });

  it('is kept alive by the connect() of an error listener, though the roving is unref-ed (rows 10 and 11)', async () => {
    const { address } = await slotServer({ greeting: slowGreeting, gap: 60 });
    const printed = await printedBy(({ ClientRover, print }, server) => {
      class Rover extends ClientRover {
        connect() {
          super.connect();
        }
      }
      const rover = new Rover({ ROVING_INTERVAL: 60_000 });
      rover.on('error', async () => {
        await null;
        rover.addServer('a', server);
        rover.connect();
      });
      rover.on('connection', (slot, socket) => {
        print(slot);
        socket.destroy();
      });
      rover.start();
      rover.intervalId.unref();
    }, address);
    assert.deepEqual(printed, [13]);
  });

  it('is kept alive by a bare connect() of a rover that is unref-ed, and by no other attempt (row 10)', async () => {
    const server = slotServer({ greeting: (n) => (n === 0 ? '' : slowGreeting), gap: 60 });
    await keepsAlive(
      (rover) => {
        rover.start();
        rover.intervalId.unref();
        setTimeout(() => rover.connect(), 100);
      },
      { server },
    );
  });

  it('is kept alive again by what is in flight at a clearInterval, as long as it was not unref-ed (row 10)', async () => {
    await keepsAlive((rover) => {
      rover.start();
      rover.intervalId.unref();
      rover.intervalId.ref();
      clearInterval(rover.intervalId);
    });
  });

  it('ends at once when an unref-ed roving is cleared with attempts in flight (row 10)', async () => {
    const { address } = await slotServer({ greeting: '' });
    const printed = await printedBy(({ ClientRover, print }, server) => {
      const rover = new ClientRover({ ROVING_INTERVAL: 20, servers: { a: server } });
      rover.start();
      rover.intervalId.unref();
      setTimeout(() => {
        clearInterval(rover.intervalId);
        print(rover.stats().pending > 1);
      }, 100);
    }, address);
    assert.deepEqual(printed, [true]);
  });

  it('emits what comes while the app keeps the process, though the rover is unref-ed (row 10)', async () => {
    const [{ unreachable, stats }] = await printedBy(
      ({ ClientRover, print }, server) => {
        const rover = new ClientRover({ ROVING_INTERVAL: 2, servers: { a: server } });
        const app = setInterval(() => {}, 1000);
        let unreachable = 0;
        rover.on('unreachable', () => {
          if (++unreachable === 20) clearInterval(app);
        });
        process.on('exit', () => print({ unreachable, stats: rover.stats() }));
        rover.start();
        rover.intervalId.unref();
      },
      await refusedAddress(),
    );
    assert.ok(unreachable < 40, `${unreachable} attempts ended when nothing but the rover was left`);
    assert.equal(stats.unreachable, unreachable);
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
    await keepsAlive((rover) => rover.connect());
  });

  it('is kept alive by several attempts until the last of them (row 10)', async () => {
    const server = slotServer({ greeting: (n) => new Array(n).fill('0').concat('13\r\n'), gap: 20 });
    await keepsAlive(
      (rover) => {
        for (let i = 0; i < 5; i++) rover.connect();
      },
      { server, slots: [13, 13, 13, 13, 13] },
    );
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
    await keepsAlive((rover) => {
      rover.start();
      clearInterval(rover.intervalId);
    });
  });

  for (const call of ['unref', 'ref']) {
    it(`is kept alive by what is in flight at a clearInterval as before it, though ${call}() is called afterwards (row 10)`, async () => {
      const server = await slotServer({ greeting: slowGreeting, gap: 60 });
      const printed = await printedBy(
        ({ ClientRover, print }, { address, call }) => {
          const rover = new ClientRover({ ROVING_INTERVAL: 60_000, servers: { a: address } });
          rover.on('connection', (slot, socket) => {
            print(slot);
            socket.destroy();
          });
          rover.start();
          if (call === 'ref') rover.intervalId.unref();
          clearInterval(rover.intervalId);
          rover.intervalId[call]();
        },
        { address: server.address, call },
      );
      assert.deepEqual(printed, call === 'unref' ? [13] : []);
    });
  }

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
    await keepsAlive((rover) => rover.connect(), { server: slotServer(), take: (socket) => socket.unref() });
  });

  for (const [what, act, expected] of [
    ['kept alive by a rover whose intervalId was set to null', () => {}, [3]],
    ['ended by clearInterval of the timer that was put aside', (aside) => clearInterval(aside), []],
    ['ended by unref() of the timer that was put aside', (aside) => aside.unref(), []],
  ]) {
    it(`is ${what} (rows 9 and 10)`, async () => {
      const { address } = await slotServer({ greeting: '13\r\n', then: 'close' });
      const printed = await printedBy(
        ({ ClientRover, print }, { act, server }) => {
          const rover = new ClientRover({ ROVING_INTERVAL: 50, servers: { a: server } });
          let connections = 0;
          rover.on('connection', () => {
            if (++connections < 3) return;
            print(connections);
            rover.stop();
          });
          rover.start();
          const aside = rover.intervalId;
          rover.intervalId = null;
          (0, eval)(act)(aside);
        },
        { act: `(${act})`, server: address },
      );
      assert.deepEqual(printed, expected);
    });
  }

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
