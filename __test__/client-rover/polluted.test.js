'use strict';

const assert = require('node:assert/strict');

const { printedBy } = require('../helpers/child.js');
const { slotServer } = require('../helpers/slot-server.js');

/** What others in the process may have put there: names that descriptors and options have. */
const POLLUTIONS = {
  'descriptors': ['get', 'set', 'value', 'writable', 'enumerable', 'configurable'],
  'new options': ['MAX_SLOT', 'MAX_PENDING', 'CONNECT_TIMEOUT', 'SLOT_TIMEOUT', 'MAX_INTERVAL', 'JITTER'],
  'its own records': ['settle', 'roving', 'context', 'state', 'cause', 'then', 'server', 'id', 'entry', 'maxSlot'],
  'helpers of 2013': ['extend', 'each', 'clone', 'size', 'keys'],
};

describe('a polluted Object.prototype', () => {
  for (const [kind, names] of Object.entries(POLLUTIONS)) {
    for (const enumerable of [true, false]) {
      const how = enumerable ? 'enumerable' : 'not enumerable';
      it(`with names of ${kind}, ${how}, changes nothing (rows 2 and 4)`, async () => {
        const { address } = await slotServer();
        const printed = await printedBy(
          async ({ ClientRover, print }, { server, names, enumerable }) => {
            const { once } = require('node:events');
            const { inspect } = require('node:util');
            for (const name of names) {
              const value = name === 'get' || name === 'set' ? () => 'polluted' : 'polluted';
              Object.defineProperty(Object.prototype, name, { __proto__: null, configurable: true, enumerable, value, writable: true });
              const problems = [];
              let rover;
              try {
                rover = new ClientRover({ ROVING_INTERVAL: 5, servers: { a: server } });
                rover.addServer('b', server);
                rover.servers.c = server;
                const other = { ...server };
                rover.servers.a = other;
                if (rover.servers.a !== other) problems.push('not replaced');
                rover.addServer('bad', {});
                rover.dropServer('bad');
                if (Object.keys(rover.servers).join() !== 'a,b,c') problems.push(Object.keys(rover.servers));
                Object.defineProperty(rover.servers, 'd', {
                  __proto__: null,
                  configurable: true,
                  enumerable: true,
                  value: server,
                });
                delete rover.servers.d;
                if (!inspect(rover).includes('servers')) problems.push('inspect');
                rover.start();
                for (let n = 0; n < 2; n++) {
                  const [slot, socket] = await once(rover, 'connection');
                  socket.destroy();
                  if (slot !== 13) problems.push(slot);
                }
                const { socket } = await rover.rove();
                socket.destroy();
                rover.rest('b', 10);
                rover.stats({ servers: true });
              } catch (error) {
                problems.push(error.stack);
              }
              rover?.stop();
              delete Object.prototype[name];
              if (problems.length > 0) print(name, problems);
            }
          },
          { server: address, names, enumerable },
        );
        assert.deepEqual(printed, []);
      });
    }
  }

  it('with ROVING_INTERVAL and servers gives them to options that have none, as in 0.1.0 (row 2)', async () => {
    const printed = await printedBy(({ ClientRover, print }) => {
      Object.assign(Object.prototype, { ROVING_INTERVAL: 77, servers: { a: { port: 1 } } });
      for (const options of [{}, undefined]) {
        const rover = new ClientRover(options);
        print(rover.ROVING_INTERVAL, Object.keys(rover.servers));
      }
    });
    assert.deepEqual(printed, [
      [77, ['a']],
      [77, ['a']],
    ]);
  });
});

describe('rover.servers', () => {
  it('is not written to through what inherits from it (row 4)', async () => {
    const [keys, own] = await printedBy(({ ClientRover, print }) => {
      const rover = new ClientRover({ servers: { a: { port: 1 } } });
      const child = Object.create(rover.servers);
      child.x = { port: 2 };
      child.a = { port: 3 };
      print(Object.keys(rover.servers), rover.servers.a.port);
      print(Object.keys(child));
    });
    assert.deepEqual(keys, [['a'], 1]);
    assert.deepEqual(own, ['x', 'a']);
  });

  it('that was replaced is another table: what is kept of it changes nothing (row 4)', async () => {
    const [kept] = await printedBy(({ ClientRover, print }) => {
      const rover = new ClientRover({ servers: { a: { port: 1 } } });
      const { servers } = rover;
      rover.servers = { b: { port: 2 } };
      servers.c = { port: 3 };
      delete servers.a;
      delete servers.b;
      Object.defineProperty(servers, 'd', { enumerable: true, value: { port: 4 } });
      print(Object.keys(rover.servers), Object.keys(servers));
    });
    assert.deepEqual(kept, [['b'], ['c', 'd']]);
  });
});
