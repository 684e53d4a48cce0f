'use strict';

const assert = require('node:assert/strict');

const { makeRover, record } = require('../helpers/rover.js');
const { refusedPort, slotServer } = require('../helpers/slot-server.js');
const { until } = require('../helpers/wait.js');

/** By whom the table is changed from within a getter: through the proxy, or behind its back. */
const HOW = {
  'through rover.servers': (rover) => rover.servers,
  'behind the back of rover.servers': (_rover, servers) => servers,
};

describe('a getter of a server that changes the table during start()', () => {
  for (const [how, tableOf] of Object.entries(HOW)) {
    it(`${how}: what it adds is picked, what it drops is not (row 4)`, async () => {
      const good = await slotServer();
      const port = await refusedPort();
      let isArmed = false;
      const servers = {
        before: { host: '127.0.0.1', port },
        changing: {
          host: '127.0.0.1',
          get port() {
            if (isArmed) {
              isArmed = false;
              const table = tableOf(rover, servers);
              delete table.before;
              delete table.behind;
              table.added = good.address;
            }
            return good.port;
          },
        },
        behind: { host: '127.0.0.1', port },
      };
      const rover = makeRover({ ROVING_INTERVAL: 60_000, servers });
      const log = record(rover);
      const ids = new Set();
      rover.on('connection', (_slot, _socket, id) => ids.add(id));
      isArmed = true;
      rover.start();
      clearInterval(rover.intervalId);
      for (let n = 0; n < 40; n++) rover.connect();
      await log.until(41);
      assert.deepEqual(new Set(log.events()), new Set(['connection']));
      assert.deepEqual([...ids].sort(), ['added', 'changing']);
      assert.deepEqual(Object.keys(rover.servers), ['changing', 'added']);
    });
  }

  it('may replace it by another (row 4)', async () => {
    const { address } = await slotServer();
    let isArmed = false;
    const rover = makeRover({
      ROVING_INTERVAL: 60_000,
      servers: {
        a: {
          get port() {
            if (isArmed) {
              isArmed = false;
              rover.servers = { other: address };
            }
            return 1;
          },
        },
      },
    });
    const log = record(rover);
    isArmed = true;
    rover.start();
    for (let n = 0; n < 20; n++) rover.connect();
    await log.until(21);
    assert.deepEqual(new Set(log.events()), new Set(['connection']));
  });
});

describe('a getter of the table that throws while there is nothing to pick', () => {
  it('ends each attempt of the roving in its error, and leaves none pending (rows 6 and 22)', async () => {
    const servers = {};
    const rover = makeRover({ ROVING_INTERVAL: 10, servers });
    const log = record(rover);
    rover.start();
    assert.deepEqual(log.events(), ['error'], 'No servers to contact');
    const thrown = new Error('thrown by a getter');
    Object.defineProperty(servers, 'a', {
      enumerable: true,
      get() {
        throw thrown;
      },
    });
    const [, ...outcomes] = await log.until(3);
    for (const { error } of outcomes) assert.equal(error, thrown);
    clearInterval(rover.intervalId);
    await until(() => rover.stats().pending === 0);
  });
});

describe('a server that is filled later', () => {
  it('may get a lookup function then (rows 5 and 6)', async () => {
    const { port } = await slotServer();
    const server = {};
    const rover = makeRover({ servers: { a: server } });
    Object.assign(server, {
      host: 'some.test',
      port,
      lookup: (_host, { all }, done) => {
        if (all) done(null, [{ address: '127.0.0.1', family: 4 }]);
        else done(null, '127.0.0.1', 4);
      },
    });
    const { socket } = await rover.rove();
    assert.equal(socket.remotePort, port);
    socket.destroy();
  });
});

describe('a lookup function that answers too late', () => {
  for (const [how, answer] of Object.entries({
    'with an error': (done) => done(new Error('too late')),
    'with an address': (done) => done(null, [{ address: '127.0.0.1', family: 4 }]),
  })) {
    it(`${how}, changes nothing (rows 5, 22 and 24)`, async () => {
      const answers = [];
      const lookup = (_host, _options, done) => answers.push(done);
      const rover = makeRover({ CONNECT_TIMEOUT: 20, servers: { a: { host: 'some.test', port: 1, lookup } } });
      const log = record(rover);
      rover.connect();
      const [{ event, error }] = await log.until(1);
      assert.deepEqual([event, error.code], ['unreachable', 'ETIMEDOUT']);
      answers.forEach(answer);
      rover.connect();
      await until(() => answers.length === 2);
      rover.stop();
      answers.forEach(answer);
      const { attempts, unreachable, abandoned, pending } = rover.stats();
      assert.deepEqual({ attempts, unreachable, abandoned, pending }, { attempts: 2, unreachable: 1, abandoned: 1, pending: 0 });
      assert.deepEqual(log.events(), ['unreachable']);
    });
  }
});
