'use strict';

const assert = require('node:assert/strict');
const { readdirSync } = require('node:fs');
const path = require('node:path');

const { runInChild } = require('../helpers/child.js');

const FOLDER = process.env.ROVER_FAILPOINTS ?? path.resolve(__dirname, '../../target/failpoints');

/** Runs a function in a child process on the build that panics on demand, and says what it printed. */
async function printedByFaultyBuild(body) {
  const binary = readdirSync(FOLDER).find((name) => name.endsWith('.node'));
  const env = { CALLOSUM_CLIENT_TCP_ROVER_BINARY: path.join(FOLDER, binary) };
  const { code, signal, stderr, printed } = await runInChild(body, null, { env });
  assert.deepEqual({ code, signal }, { code: 0, signal: null }, stderr);
  return printed;
}

describe('a bug in the core', () => {
  it('is an error event where an attempt panics, and roving goes on', async () => {
    const [error, stats] = await printedByFaultyBuild(({ ClientRover, print }) => {
      const rover = new ClientRover({ ROVING_INTERVAL: 5 });
      rover.addServer('bad', { host: 'panic in an attempt', port: 1 });
      rover.once('error', ({ code, message }) => {
        print({ code, message });
        rover.dropServer('bad');
        rover.addServer('a', { host: '127.0.0.1', port: 1 });
        rover.on('error', () => {});
        rover.once('unreachable', () => {
          clearInterval(rover.intervalId);
          process.on('exit', () => print(rover.stats()));
        });
      });
      rover.start();
    });
    assert.deepEqual(error, { code: 'ERR_CALLOSUM_INTERNAL', message: 'Internal error: panic in an attempt' });
    assert.ok(stats.errors >= 1 && stats.unreachable >= 1);
    assert.equal(stats.attempts, stats.errors + stats.unreachable);
  });

  it('is an error event where the roving loop panics, and roving goes on', async () => {
    const printed = await printedByFaultyBuild(({ ClientRover, print }) => {
      const rover = new ClientRover({ ROVING_INTERVAL: 5, servers: { a: { host: '127.0.0.1', port: 1 } } });
      rover.once('unreachable', () => {
        rover.addServer('bad', { host: 'panic in a tick', port: 1 });
        rover.dropServer('a');
      });
      rover.once('error', ({ code, message }) => {
        print({ code, message });
        rover.on('error', () => {});
        rover.servers = { b: { host: '127.0.0.1', port: 1 } };
        rover.once('unreachable', (id) => {
          print(id);
          rover.stop();
        });
      });
      rover.start();
    });
    const message = 'Internal error: panic in a tick';
    assert.deepEqual(printed, [{ code: 'ERR_CALLOSUM_INTERNAL', message }, 'b']);
  });

  it('is a rejected call where a method panics', async () => {
    const printed = await printedByFaultyBuild(({ ClientRover, print }) => {
      const rover = new ClientRover();
      try {
        rover.addServer('bad', { host: 'panic in a method', port: 1 });
      } catch (error) {
        print(error.message);
      }
      // It is in the table of the app, and would be met again.
      rover.dropServer('bad');
      rover.addServer('a', { host: '127.0.0.1', port: 1 });
      rover.once('unreachable', (id) => print(id));
      rover.connect();
    });
    assert.equal(printed.length, 2);
    assert.match(printed[0], /panic in a method/);
    assert.ok(['a'].includes(printed[1]), 'the rover is of use afterwards');
  });
});
