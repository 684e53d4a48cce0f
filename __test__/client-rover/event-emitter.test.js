'use strict';

const assert = require('node:assert/strict');
const events = require('node:events');

const { printedBy } = require('../helpers/child.js');
const { attempt, makeRover, track } = require('../helpers/rover.js');
const { refusedAddress, slotServer } = require('../helpers/slot-server.js');

describe('a rover as an EventEmitter', () => {
  it('calls a once listener once (row 3)', async () => {
    const rover = makeRover({ servers: { a: await refusedAddress() } });
    let calls = 0;
    rover.once('unreachable', () => calls++);
    await attempt(rover);
    await attempt(rover);
    assert.equal(calls, 1);
  });

  it('calls a prepended listener first (row 3)', async () => {
    const rover = makeRover({ servers: { a: await refusedAddress() } });
    const calls = [];
    rover.on('unreachable', () => calls.push('on'));
    rover.prependListener('unreachable', () => calls.push('prepended'));
    await attempt(rover);
    assert.deepEqual(calls, ['prepended', 'on']);
  });

  it('works with events.once and with events.on (row 3)', async () => {
    const { address } = await slotServer({ greeting: (n) => `${n}\r\n` });
    const rover = makeRover({ ROVING_INTERVAL: 10, servers: { a: address } });
    const connections = events.on(rover, 'connection');
    rover.start();
    const [slot, socket] = await events.once(rover, 'connection');
    track(socket);
    assert.equal(typeof slot, 'number');
    const seen = new Set();
    for await (const [slotOfThis, socketOfThis] of connections) {
      track(socketOfThis);
      seen.add(slotOfThis);
      if (seen.size === 3) break;
    }
    clearInterval(rover.intervalId);
    assert.ok(seen.has(slot));
  });

  it('leaves nothing open at the `break` of a loop over events.on whose body does not wait (rows 3 and 32)', async () => {
    const { address } = await slotServer();
    // A socket that was left in the queue of the loop would keep the child from ending.
    const printed = await printedBy(async ({ ClientRover, block, print }, server) => {
      const { on } = require('node:events');
      const rover = new ClientRover({ servers: { a: server } });
      const connections = on(rover, 'connection');
      for (let n = 0; n < 5; n++) rover.connect();
      // All of them wait for JavaScript when it comes back.
      block(300);
      let looks = 0;
      for await (const [slot, socket] of connections) {
        print(slot);
        socket.destroy();
        if (++looks === 2) break;
      }
    }, address);
    assert.deepEqual(printed, [13, 13]);
  });

  it('turns a rejection of a listener into an error event with captureRejections (row 3)', async () => {
    const rover = makeRover({ captureRejections: true, servers: { a: await refusedAddress() } });
    rover.on('unreachable', async () => {
      throw new Error('listener rejects');
    });
    rover.connect();
    const [error] = await events.once(rover, 'error');
    assert.equal(error.message, 'listener rejects');
  });

  it('heeds events.captureRejections, set for the whole process (row 3)', async () => {
    const printed = await printedBy(
      ({ ClientRover, print }, servers) => {
        require('node:events').captureRejections = true;
        const rover = new ClientRover({ servers });
        rover.on('unreachable', async () => {
          throw new Error('listener rejects');
        });
        rover.on('error', (error) => print(error.message));
        rover.connect();
      },
      { a: await refusedAddress() },
    );
    assert.deepEqual(printed, ['listener rejects']);
  });
});
