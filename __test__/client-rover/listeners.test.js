'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');

const { printedBy, runInChild } = require('../helpers/child.js');
const { makeRover } = require('../helpers/rover.js');
const { SERVER_FOR, refusedAddress, slotServer } = require('../helpers/slot-server.js');
const { block } = require('../helpers/wait.js');

describe('outcomes that arrive together', () => {
  it('are one callback each: microtasks and ticks run between two of them (row 13)', async () => {
    const rover = makeRover({ servers: { a: await refusedAddress() } });
    const steps = [];
    const done = new Promise((resolve) => {
      let outcomes = 0;
      rover.on('unreachable', () => {
        steps.push('outcome');
        process.nextTick(() => steps.push('tick'));
        Promise.resolve().then(() => steps.push('microtask'));
        if (++outcomes === 3) setImmediate(resolve);
      });
    });
    for (let i = 0; i < 3; i++) rover.connect();
    block(100);
    await done;
    const turns = [0, 3, 6].map((start) => steps.slice(start, start + 3).sort());
    const turn = ['microtask', 'outcome', 'tick'];
    assert.deepEqual(turns, [turn, turn, turn]);
  });

  it('are all seen by one `await once(rover, …)` after the other (row 13)', async () => {
    const rover = makeRover({ servers: { a: await refusedAddress() } });
    for (let i = 0; i < 5; i++) rover.connect();
    block(100);
    for (let i = 0; i < 5; i++) await once(rover, 'unreachable');
  });

  it('are all seen by one `await once(rover, "connection")` after the other (row 13)', async () => {
    // In a child, since a server in this thread could not greet while the thread is blocked.
    const server = await slotServer({ greeting: (n) => `${n}\r\n` });
    const printed = await printedBy(async ({ ClientRover, block, print }, address) => {
      const { once } = require('node:events');
      const rover = new ClientRover({ servers: { a: address } });
      for (let i = 0; i < 4; i++) rover.connect();
      block(300);
      for (let i = 0; i < 4; i++) {
        const [slot, socket] = await once(rover, 'connection');
        print(slot);
        socket.destroy();
      }
    }, server.address);
    assert.deepEqual(printed.sort(), [0, 1, 2, 3]);
  });
});

describe('a listener that throws', () => {
  for (const [event, makeServer] of Object.entries(SERVER_FOR)) {
    it(`for ${event} is an uncaughtException, and every other outcome is still delivered (row 19)`, async () => {
      const printed = await printedBy(
        ({ ClientRover, block, print }, { event, server }) => {
          process.on('uncaughtException', (error) => print('exception', error.message));
          const rover = new ClientRover({ servers: { a: server } });
          let calls = 0;
          rover.on(event, (_slot, socket) => {
            if (event === 'connection') socket.destroy();
            calls++;
            print('outcome', calls);
            if (calls === 1 || calls === 3) throw new Error(`thrown for ${calls}`);
          });
          for (let i = 0; i < 6; i++) rover.connect();
          // All of them wait for JavaScript when it comes back.
          block(200);
        },
        { event, server: await makeServer() },
      );
      assert.deepEqual(printed, [
        ['outcome', 1],
        ['exception', 'thrown for 1'],
        ['outcome', 2],
        ['outcome', 3],
        ['exception', 'thrown for 3'],
        ['outcome', 4],
        ['outcome', 5],
        ['outcome', 6],
      ]);
    });

    it(`for ${event} ends the process when that is not caught (row 19)`, async () => {
      const { code, stderr } = await runInChild(
        ({ ClientRover }, { event, server }) => {
          const rover = new ClientRover({ servers: { a: server } });
          rover.on(event, () => {
            throw new Error('thrown by a listener');
          });
          rover.start();
        },
        { event, server: await makeServer() },
      );
      assert.equal(code, 1);
      assert.match(stderr, /thrown by a listener/);
    });

    it(`for ${event} does not end the roving (row 19)`, async () => {
      const printed = await printedBy(
        ({ ClientRover, print }, { event, server }) => {
          process.on('uncaughtException', (error) => print(error.message));
          const rover = new ClientRover({ ROVING_INTERVAL: 10, servers: { a: server } });
          let calls = 0;
          rover.on(event, (_slot, socket) => {
            if (event === 'connection') socket.destroy();
            if (++calls === 3) clearInterval(rover.intervalId);
            if (calls <= 3) throw new Error(`thrown for ${calls}`);
          });
          rover.start();
        },
        { event, server: await makeServer() },
      );
      assert.deepEqual(printed, ['thrown for 1', 'thrown for 2', 'thrown for 3']);
    });
  }

  it('keeps none of the sockets of the others from working (row 19)', async () => {
    const server = await slotServer({ greeting: '13\r\nhello', then: 'close' });
    const printed = await printedBy(({ ClientRover, block, print }, address) => {
      process.on('uncaughtException', () => {});
      const rover = new ClientRover({ servers: { a: address } });
      let calls = 0;
      rover.on('connection', (_slot, socket) => {
        if (++calls % 2 === 1) {
          socket.destroy();
          throw new Error('thrown');
        }
        socket.on('data', (chunk) => print(chunk.toString()));
      });
      for (let i = 0; i < 6; i++) rover.connect();
      block(200);
    }, server.address);
    assert.deepEqual(printed, ['hello', 'hello', 'hello']);
  });

  it('for an error without a listener is that error as an uncaughtException (row 19)', async () => {
    const server = await slotServer({ greeting: 'foo\r\n' });
    const printed = await printedBy(({ ClientRover, print }, address) => {
      process.on('uncaughtException', (error) => print(error.message, error.code));
      const rover = new ClientRover({ servers: { a: address } });
      for (let i = 0; i < 2; i++) rover.connect();
    }, server.address);
    const exception = ['Invalid protocol', 'ERR_CALLOSUM_PROTOCOL'];
    assert.deepEqual(printed, [exception, exception]);
  });
});
