'use strict';

const assert = require('node:assert/strict');

const { printedBy } = require('../helpers/child.js');
const { shell } = require('../helpers/namespace.js');
const { attempt, makeRover } = require('../helpers/rover.js');
const { refusedPort, slotServer } = require('../helpers/slot-server.js');

describe('running out of descriptors', () => {
  it('is error with EMFILE, not unreachable, and the roving goes on (row 28)', async () => {
    const server = await slotServer();
    const printed = await printedBy(
      async ({ ClientRover, print }, address) => {
        const { once } = require('node:events');
        const fs = require('node:fs');
        const { takeAllDescriptors } = require('./__test__/helpers/footprint.js');
        const { until } = require('./__test__/helpers/wait.js');
        const rover = new ClientRover({ ROVING_INTERVAL: 10, servers: { a: address } });
        rover.on('unreachable', (_id, _server, error) => print('unreachable', error.code));
        rover.start();
        const [, first] = await once(rover, 'connection');
        first.destroy();
        // Roves already under way end before the table of descriptors is full, or would leave one free.
        clearInterval(rover.intervalId);
        rover.removeAllListeners('connection');
        await until(() => rover.stats().pending === 0);

        const { taken, code } = takeAllDescriptors();
        print('full', code);
        let errors = 0;
        rover.on('error', (error) => {
          errors++;
          if (errors > 2) return;
          print('error', error.code, error instanceof Error);
          if (errors === 2) for (const fd of taken) fs.closeSync(fd);
        });
        rover.on('connection', (slot, socket) => {
          socket.destroy();
          if (errors < 2) return;
          print('connection', slot);
          clearInterval(rover.intervalId);
          rover.removeAllListeners('connection');
        });
        rover.start();
      },
      server.address,
      { prefix: shell('ulimit -n 100') },
    );
    assert.deepEqual(printed, [
      ['full', 'EMFILE'],
      ['error', 'EMFILE', true],
      ['error', 'EMFILE', true],
      ['connection', 13],
    ]);
  });

  for (const isHeard of [true, false]) {
    const title = isHeard
      ? 'is error where somebody listens for it: id and server are said, and the server is not down (row 28)'
      : 'is unreachable where nobody listens for error: the process goes on, the server is not down (row 28)';
    it(title, async () => {
      const server = await slotServer();
      const printed = await printedBy(
        async ({ ClientRover, print }, { address, isHeard }) => {
          const { once } = require('node:events');
          const fs = require('node:fs');
          const { takeAllDescriptors } = require('./__test__/helpers/footprint.js');
          const { until } = require('./__test__/helpers/wait.js');
          const rover = new ClientRover({ servers: { a: address } });
          const isVery = (one) => one === rover.servers.a;
          rover.on('down', () => print('down'));
          rover.on('up', () => print('up'));
          rover.on('unreachable', (id, server, { code }) => print('unreachable', id, isVery(server), code));
          if (isHeard) rover.on('error', ({ id, server, code }) => print('error', id, isVery(server), code));
          rover.connect();
          const [, socket] = await once(rover, 'connection');
          socket.destroy();
          await once(socket, 'close');
          const { taken } = takeAllDescriptors();
          rover.connect();
          await until(() => rover.stats().pending === 0);
          for (const fd of taken) fs.closeSync(fd);
          const { attempts, connections, errors, unreachable } = rover.stats();
          print({ attempts, connections, errors, unreachable });
        },
        { address: server.address, isHeard },
        { prefix: shell('ulimit -n 100') },
      );
      assert.deepEqual(printed, [
        [isHeard ? 'error' : 'unreachable', 'a', true, 'EMFILE'],
        { attempts: 2, connections: 1, errors: 1, unreachable: 0 },
      ]);
    });
  }

  it('spares attempts of both families while one descriptor is free, for they need no more at a time (row 28)', async () => {
    const printed = await printedBy(
      async ({ ClientRover, print }, port) => {
        const { once } = require('node:events');
        const fs = require('node:fs');
        const { takeAllDescriptors } = require('./__test__/helpers/footprint.js');
        const { until } = require('./__test__/helpers/wait.js');
        const servers = { four: { host: '127.0.0.1', port }, six: { host: '::1', port } };
        const rover = new ClientRover({ servers });
        rover.connect();
        await once(rover, 'unreachable');
        const { taken } = takeAllDescriptors();
        fs.closeSync(taken.pop());
        rover.on('error', (error) => print(error.code));
        for (let i = 0; i < 100; i++) rover.connect();
        await until(() => rover.stats().pending === 0);
        for (const fd of taken) fs.closeSync(fd);
        print(rover.stats().unreachable);
      },
      await refusedPort(),
      { prefix: shell('ulimit -n 100') },
    );
    assert.deepEqual(printed, [101]);
  });

  it('in mid-attempt loses no attempt of many: each has one event (rows 22 and 28)', async () => {
    const server = await slotServer();
    const printed = await printedBy(
      ({ ClientRover, print }, address) => {
        const rover = new ClientRover({ servers: { a: address } });
        const counts = { connection: 0, error: 0, unreachable: 0 };
        const codes = new Set();
        const sockets = [];
        const count = (event) => {
          counts[event]++;
          if (counts.connection + counts.error + counts.unreachable < 200) return;
          print({ ...counts, codes: [...codes] });
          for (const socket of sockets) socket.destroy();
        };
        rover.on('connection', (_slot, socket) => {
          sockets.push(socket);
          count('connection');
        });
        rover.on('unreachable', () => count('unreachable'));
        rover.on('error', (error) => {
          codes.add(error.code);
          count('error');
        });
        for (let i = 0; i < 200; i++) rover.connect();
      },
      server.address,
      { prefix: shell('ulimit -n 100') },
    );
    assert.equal(printed.length, 1);
    const [{ connection, error, unreachable, codes }] = printed;
    assert.equal(connection + error, 200);
    assert.equal(unreachable, 0);
    assert.deepEqual(codes, ['EMFILE']);
  });
});

describe('a lookup of the server\'s own that fails', () => {
  for (const [event, failures] of Object.entries({
    error: [
      ...['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EAI_MEMORY'].map((code) => ({ code })),
      { code: 'EAGAIN', syscall: 'getaddrinfo' },
    ],
    unreachable: [{ code: 'EAI_AGAIN', syscall: 'getaddrinfo' }, { code: 'EAGAIN', syscall: 'connect' }, { code: 'ENOTFOUND' }, {}],
  })) {
    for (const failure of failures) {
      it(`is ${event}: ${JSON.stringify(failure)} (rows 5 and 28)`, async () => {
        const expected = Object.assign(new Error('for want of it'), failure);
        const lookup = (host, options, callback) => callback(expected);
        const rover = makeRover({ servers: { a: { host: 'slots.test', port: 1, lookup } } });
        let downs = 0;
        rover.on('down', () => downs++);
        const outcome = await attempt(rover);
        assert.deepEqual([outcome.event, outcome.error === expected, downs], [event, true, event === 'error' ? 0 : 1]);
      });
    }
  }
});
