'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');

const { printedBy } = require('../helpers/child.js');
const { ClientRover, makeRover, track } = require('../helpers/rover.js');
const { refusedAddress, slotServer } = require('../helpers/slot-server.js');

describe('captureRejections', () => {
  it('an async connection listener that rejects keeps its socket, as one that throws does (rows 3 and 16)', async () => {
    const { address } = await slotServer();
    const rover = makeRover({ captureRejections: true, servers: { a: address } });
    const pool = [];
    rover.on('connection', async (_slot, socket) => {
      pool.push(track(socket));
      throw new Error('rejects');
    });
    rover.connect();
    const [error] = await once(rover, 'error');
    assert.equal(error.message, 'rejects');
    assert.equal(pool[0].readyState, 'open');
  });

  for (const how of ['the option of the rover', 'the default of node:events']) {
    it(`by ${how}: an error listener that rejects is an unhandledRejection, as of any emitter (row 3)`, async () => {
      const printed = await printedBy(({ ClientRover, print }, how) => {
        const isOption = how.startsWith('the option');
        require('node:events').captureRejections = !isOption;
        const rover = new ClientRover({ captureRejections: isOption ? true : undefined });
        process.on('unhandledRejection', ({ message }) => print(message));
        let calls = 0;
        rover.on('error', async () => {
          // A loop of rejections would never let the process end.
          if (++calls === 10) process.exit(1);
          throw new Error('rejects');
        });
        rover.connect();
        process.on('exit', () => print(calls));
      }, how);
      assert.deepEqual(printed, ['rejects', 2]);
    });
  }

  it('a subclass may handle a rejection itself (row 3)', async () => {
    const { address } = await slotServer();
    const handled = new Promise((resolve) => {
      class Handling extends ClientRover {
        [Symbol.for('nodejs.rejection')](error, event, slot, socket) {
          resolve([error.message, event, slot, socket.destroyed]);
          socket.destroy();
        }
      }
      const rover = makeRover({ captureRejections: true, servers: { a: address } }, Handling);
      rover.on('connection', async () => {
        throw new Error('rejects');
      });
      rover.connect();
    });
    assert.deepEqual(await handled, ['rejects', 'connection', 13, false]);
  });
});

describe('a signal that several rovers share', () => {
  it('stops the others where the stop() of one throws, which is an uncaughtException (row 30)', async () => {
    const printed = await printedBy(
      async ({ ClientRover, print }, server) => {
        const { once } = require('node:events');
        const controller = new AbortController();
        const { signal } = controller;
        const rovers = [1, 2, 3].map(() => {
          const rover = new ClientRover({ ROVING_INTERVAL: 5, servers: { a: server }, signal });
          rover.on('unreachable', () => {});
          rover.start();
          return rover;
        });
        rovers[0].stop = function () {
          clearInterval(this.intervalId);
          throw new Error('thrown by stop');
        };
        process.on('uncaughtException', ({ message }) => print(message));
        await Promise.all(rovers.map((rover) => once(rover, 'unreachable')));
        controller.abort();
        print(rovers.slice(1).map(({ intervalId }) => intervalId));
      },
      await refusedAddress(),
    );
    assert.deepEqual(printed, [[null, null], 'thrown by stop']);
  });
});

describe('a listener of up or down that throws', () => {
  it('is an uncaughtException, and the outcome is emitted all the same (rows 19 and 42)', async () => {
    const { address } = await slotServer({ greeting: (n) => (n === 0 ? 'foo\r\n' : '13\r\n') });
    const printed = await printedBy(async ({ ClientRover, print }, server) => {
      process.on('uncaughtException', ({ message }) => print(message));
      const rover = new ClientRover({ servers: { a: server } });
      for (const event of ['up', 'down']) {
        rover.on(event, () => {
          throw new Error(event);
        });
      }
      rover.on('error', ({ message }) => {
        print(message);
        rover.connect();
      });
      rover.on('connection', (slot, socket) => {
        print(slot);
        socket.destroy();
      });
      rover.connect();
    }, address);
    assert.deepEqual(printed, ['Invalid protocol', 'down', 13, 'up']);
  });

  it('does not keep rove() from settling (rows 19, 41 and 42)', async () => {
    const printed = await printedBy(
      async ({ ClientRover, print }, refused) => {
        process.on('uncaughtException', ({ message }) => print(message));
        const rover = new ClientRover({ servers: { a: refused } });
        rover.on('down', () => {
          throw new Error('thrown');
        });
        const { code } = await rover.rove().catch((error) => error);
        print(code);
      },
      await refusedAddress(),
    );
    assert.deepEqual(printed.sort(), ['ECONNREFUSED', 'thrown']);
  });
});

describe('a rover that is stopped from within', () => {
  it('rejects rove() with an AbortError where a listener of up stops it (rows 30 and 41)', async () => {
    const good = await slotServer();
    const server = await refusedAddress();
    const rover = makeRover({ servers: { a: server } });
    await assert.rejects(rover.rove(), { code: 'ECONNREFUSED' });
    rover.on('down', () => rover.stop());
    rover.on('up', () => rover.stop());
    server.port = good.port;
    rover.start();
    clearInterval(rover.intervalId);
    rover.stop();
    rover.servers.b = await refusedAddress();
    rover.dropServer('a');
    await assert.rejects(rover.rove(), { name: 'AbortError', code: 'ABORT_ERR' });
  });

  it('publishes nothing of an attempt that was abandoned for another rover (rows 30 and 47)', async () => {
    const printed = await printedBy(
      async ({ ClientRover, print }, server) => {
        const diagnostics = require('node:diagnostics_channel');
        const first = new ClientRover({ servers: { first: server } });
        const second = new ClientRover({ servers: { second: server } });
        const told = [];
        diagnostics.subscribe('callosum-client-tcp-rover:attempt', ({ rover, id }) => {
          told.push([rover === second ? 'second' : 'first', id]);
        });
        first.connect();
        first.stop();
        const { socket } = await second.rove();
        socket.destroy();
        print(told);
      },
      (await slotServer()).address,
    );
    assert.deepEqual(printed, [[['second', 'second']]]);
  });
});
