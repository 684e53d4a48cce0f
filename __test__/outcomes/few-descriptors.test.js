'use strict';

const assert = require('node:assert/strict');

const { printedBy } = require('../helpers/child.js');
const { shell } = require('../helpers/namespace.js');
const { slotServer } = require('../helpers/slot-server.js');

const prefix = shell('ulimit -n 64');

/**
 * Keeps every connection until there are no descriptors left, then gives some back, and does that
 * again; with several attempts in flight at any time.
 */
const runOutAndRecover = async ({ ClientRover, print }, servers) => {
  const ROUNDS = 2;
  const rover = new ClientRover({ ROVING_INTERVAL: 2, servers });
  const kept = [];
  const codes = new Set();
  const unreachable = [];
  const strangers = [];
  let errors = 0;
  let recovered = 0;
  let isRecovering = false;
  rover.on('connection', (_slot, socket) => {
    // The server closes at the end of the test, whatever is open.
    socket.on('error', () => {});
    kept.push(socket);
    errors = 0;
    recovered += Number(isRecovering);
    isRecovering = false;
  });
  rover.on('unreachable', (id, _server, { message }) => unreachable.push([id, message]));
  rover.on('error', (error) => {
    codes.add(error.code);
    if (!(error.id in servers)) strangers.push(error.message);
    // Several, so that more than one attempt goes through this.
    if (isRecovering || ++errors < 10) return;
    if (recovered < ROUNDS) {
      isRecovering = true;
      for (const socket of kept.splice(0, 20)) socket.destroy();
      return;
    }
    clearInterval(rover.intervalId);
    for (const socket of kept) socket.destroy();
    rover.removeAllListeners();
    rover.on('error', () => {});
    // What is in flight may still succeed, and nobody else would close it.
    rover.on('connection', (_slot, socket) => socket.destroy());
    print({ codes: [...codes], unreachable, strangers, recovered });
  });
  rover.start();
};

/**
 * Has never more than a descriptor or two left, which come and go while names are looked up: a look-up
 * that found none when it needed one may well be told so when there is one again.
 */
const stayOnTheBrink = ({ ClientRover, print }, servers) => {
  const ERRORS = 3000;
  const rovers = Array.from({ length: 3 }, () => new ClientRover({ ROVING_INTERVAL: 1, servers }));
  const kept = [];
  const codes = new Set();
  const unreachable = [];
  let errors = 0;
  for (const rover of rovers) {
    rover.on('connection', (_slot, socket) => {
      socket.on('error', () => {});
      kept.push(socket);
    });
    rover.on('unreachable', (id, _server, { message }) => unreachable.push([id, message]));
    rover.on('error', ({ code }) => {
      codes.add(code);
      kept.shift()?.destroy();
      if (++errors < ERRORS) return;
      for (const rover of rovers) rover.stop();
      for (const socket of kept) socket.destroy();
      print({ codes: [...codes], unreachable });
    });
    rover.start();
  }
};

describe('a process with 64 descriptors', () => {
  for (const host of ['127.0.0.1', 'localhost']) {
    it(`runs out of them over ${host}: error with EMFILE, then recovery, and no server is blamed (row 28)`, async () => {
      const { port } = await slotServer();
      const other = await slotServer();
      const servers = { a: { host, port }, b: { host, port: other.port } };
      const [report] = await printedBy(runOutAndRecover, servers, { prefix, timeout: 15_000 });
      assert.deepEqual(report, { codes: ['EMFILE'], unreachable: [], strangers: [], recovered: 2 });
    });
  }

  it('on the brink of running out of them blames no server that it cannot look up (row 28)', async () => {
    const { port } = await slotServer();
    const servers = { a: { host: 'localhost', port }, b: { host: 'LOCALHOST', port } };
    const [report] = await printedBy(stayOnTheBrink, servers, { prefix, timeout: 15_000 });
    assert.deepEqual(report, { codes: ['EMFILE'], unreachable: [] });
  });

  it('none of which is left at the first attempt: error with EMFILE, then recovery (row 28)', async () => {
    const { address } = await slotServer();
    const printed = await printedBy(
      ({ ClientRover, print }, address) => {
        const fs = require('node:fs');
        const { takeAllDescriptors } = require('./__test__/helpers/footprint.js');
        const rover = new ClientRover({ ROVING_INTERVAL: 10, servers: { a: address } });
        const { taken, code } = takeAllDescriptors();
        print('full', code);
        rover.on('unreachable', (_id, _server, error) => print('unreachable', error.code));
        rover.on('error', (error) => {
          if (taken.length === 0) return;
          print('error', error.code);
          for (const fd of taken.splice(0)) fs.closeSync(fd);
        });
        rover.on('connection', (slot, socket) => {
          if (rover.intervalId === null) return;
          print('connection', slot);
          socket.destroy();
          clearInterval(rover.intervalId);
          rover.removeAllListeners('connection');
        });
        rover.start();
      },
      address,
      { prefix },
    );
    assert.deepEqual(printed, [
      ['full', 'EMFILE'],
      ['error', 'EMFILE'],
      ['connection', 13],
    ]);
  });

  for (const [what, isPipe] of [['a lookup of the server\'s own', false], ['a named pipe', true]]) {
    for (const isHeard of [true, false]) {
      const event = isHeard ? 'error' : 'unreachable';
      it(`none of which is left for ${what}: ${event} with EMFILE, counted as an error, and the server is not down (rows 5 and 28)`, async () => {
        const printed = await printedBy(
          async ({ ClientRover, print }, { event, isPipe }) => {
            const dns = require('node:dns');
            const { once } = require('node:events');
            const fs = require('node:fs');
            const { takeAllDescriptors } = require('./__test__/helpers/footprint.js');
            const { until } = require('./__test__/helpers/wait.js');
            if (isPipe) Object.defineProperty(process, 'platform', { value: 'win32' });
            // What each side starts once and for all needs descriptors.
            await dns.promises.lookup('localhost');
            const server = isPipe ? { path: '/nobody' } : { host: 'slots.invalid', port: 1, lookup: dns.lookup };
            const rover = new ClientRover({ servers: { warm: { host: '127.0.0.1', port: 1 } } });
            rover.connect();
            await once(rover, 'unreachable');
            rover.servers = { a: server };
            rover.on('down', () => print('down'));
            rover.on(event, (...args) => print(event, (args[2] ?? args[0]).code));
            const { taken } = takeAllDescriptors();
            rover.connect();
            await until(() => rover.stats().pending === 0);
            for (const fd of taken) fs.closeSync(fd);
            const { errors, lastError, unreachable } = rover.stats({ servers: true }).servers.get('a');
            print({ errors, lastError, unreachable });
          },
          { event, isPipe },
          { prefix },
        );
        assert.deepEqual(printed, [[event, 'EMFILE'], { errors: 1, lastError: null, unreachable: 0 }]);
      });
    }
  }
});
