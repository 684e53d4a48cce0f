'use strict';

const assert = require('node:assert/strict');

const { printedBy, runInChild } = require('../helpers/child.js');
const { attempt, makeRover, record, track } = require('../helpers/rover.js');
const { refusedAddress, slotServer } = require('../helpers/slot-server.js');

for (const method of ['connect', 'start']) {
  describe(`${method} with no servers`, () => {
    it('emits `No servers to contact` before it returns (row 11)', () => {
      const rover = makeRover();
      const log = record(rover);
      rover[method]();
      assert.deepEqual(log.events(), ['error']);
      const [{ error }] = log.outcomes;
      assert.ok(error instanceof Error);
      assert.equal(error.message, 'No servers to contact');
    });

    it('emits it with the code ERR_CALLOSUM_NO_SERVERS (row 23)', async () => {
      const rover = makeRover();
      const { error } = await attempt(rover, () => rover[method]());
      assert.equal(error.code, 'ERR_CALLOSUM_NO_SERVERS');
    });

    it('throws it without an error listener (row 11)', () => {
      const rover = makeRover();
      assert.throws(() => rover[method](), {
        message: 'No servers to contact',
        code: 'ERR_CALLOSUM_NO_SERVERS',
      });
    });
  });
}

describe('roving with no servers', () => {
  it('emits the error again at each interval (row 11)', async () => {
    const rover = makeRover({ ROVING_INTERVAL: 10 });
    const log = record(rover);
    rover.start();
    const outcomes = await log.until(4);
    for (const { error } of outcomes) assert.equal(error.message, 'No servers to contact');
  });

  it('has begun all the same when start() throws (row 11)', async () => {
    const server = await slotServer();
    const rover = makeRover({ ROVING_INTERVAL: 10 });
    assert.throws(() => rover.start(), { message: 'No servers to contact' });
    assert.notEqual(rover.intervalId, null);
    rover.addServer('a', server.address);
    // On a busy machine an interval may have come before there was a server.
    rover.on('error', () => {});
    await new Promise((resolve) => rover.once('connection', (_slot, socket) => resolve(track(socket))));
  });

  it('emits it from when the last server was dropped until there is one again (row 11)', async () => {
    const server = await refusedAddress();
    const rover = makeRover({ ROVING_INTERVAL: 10, servers: { a: server } });
    await attempt(rover, () => rover.start());
    const errors = new Promise((resolve) => {
      const seen = [];
      rover.on('error', (error) => {
        seen.push(error.message);
        if (seen.length === 3) resolve(seen);
      });
    });
    rover.dropServer('a');
    assert.deepEqual(await errors, new Array(3).fill('No servers to contact'));
    const back = new Promise((resolve) => {
      rover.on('unreachable', (id) => {
        if (id === 'b') resolve();
      });
    });
    rover.servers.b = server;
    await back;
  });

  it('is an uncaughtException from the interval without an error listener (row 11)', async () => {
    const printed = await printedBy(
      ({ ClientRover, print }, server) => {
        const rover = new ClientRover({ ROVING_INTERVAL: 10, servers: { a: server } });
        rover.on('unreachable', () => {});
        let exceptions = 0;
        process.on('uncaughtException', (error) => {
          // The next interval brings the next one: the roving has not ended. A busy machine may have
          // had more intervals by then.
          if (++exceptions <= 2) print(error.message, error.code);
          if (exceptions === 2) clearInterval(rover.intervalId);
        });
        rover.start();
        rover.dropServer('a');
      },
      await refusedAddress(),
    );
    const exception = ['No servers to contact', 'ERR_CALLOSUM_NO_SERVERS'];
    assert.deepEqual(printed, [exception, exception]);
  });

  it('ends the process when that is not caught (row 11)', async () => {
    const { code, stderr } = await runInChild(
      ({ ClientRover }, server) => {
        const rover = new ClientRover({ ROVING_INTERVAL: 10, servers: { a: server } });
        rover.start();
        rover.dropServer('a');
      },
      await refusedAddress(),
    );
    assert.equal(code, 1);
    assert.match(stderr, /No servers to contact/);
  });
});
