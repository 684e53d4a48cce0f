'use strict';

const assert = require('node:assert/strict');
const net = require('node:net');
const util = require('node:util');

const { ClientRover, attempt, attempts, makeRover, record } = require('../helpers/rover.js');
const { refusedAddress, slotServer } = require('../helpers/slot-server.js');

const host = '127.0.0.1';
const port = 4040;

/** Code, class, and the servers whose pick ends in them. */
const BAD = [
  ['ERR_MISSING_ARGS', TypeError, [{}, [], { host }, { host, port: undefined }, undefined]],
  [
    'ERR_SOCKET_BAD_PORT',
    RangeError,
    [65536, -1, 1.5, NaN, Infinity, '65536', '-1', 'http', '', ' ', '80x'].map((bad) => ({ host, port: bad })),
  ],
  [
    'ERR_INVALID_ARG_TYPE',
    TypeError,
    [
      ...[true, null, {}, []].map((bad) => ({ host, port: bad })),
      ...[42, true, {}].map((bad) => ({ host: bad, port })),
      ...[42, true, {}].map((bad) => ({ path: bad })),
      ...[null, true, Symbol('server')],
    ],
  ],
  ['ERR_INVALID_IP_ADDRESS', TypeError, [{ host, port, localAddress: 'eth0' }]],
  [
    'ERR_INVALID_ARG_VALUE',
    TypeError,
    [
      { host, port, onread: { buffer: Buffer.alloc(1), callback() {} } },
      { host, port, signal: new AbortController().signal },
      { host, port, blockList: new net.BlockList() },
    ],
  ],
];

const ALL_BAD = BAD.flatMap(([, , servers]) => servers);

/** Every way to hand a server in: each returns the rover that has it as `bad`, beside others. */
const WAYS = {
  'new ClientRover({ servers })': (_rover, bad) => new ClientRover({ servers: { fine: { host, port }, bad } }),
  addServer: (rover, bad) => rover.addServer('bad', bad),
  'addServer in the place of another': (rover, bad) => {
    rover.addServer('bad', { host, port });
    rover.addServer('bad', bad);
  },
  'rover.servers.x = …': (rover, bad) => {
    rover.servers.bad = bad;
  },
  'rover.servers = {…}': (rover, bad) => {
    rover.servers = { fine: { host, port }, bad };
  },
  'the object that was given as options.servers': (_rover, bad) => {
    const servers = { fine: { host, port } };
    const rover = new ClientRover({ servers });
    servers.bad = bad;
    return rover;
  },
};

function show(value) {
  return util.inspect(value, { breakLength: Infinity });
}

describe('handing a bad server in', () => {
  for (const [way, handIn] of Object.entries(WAYS)) {
    it(`never throws, and shows the very object: by ${way} (rows 4 and 6)`, () => {
      for (const bad of ALL_BAD) {
        const given = new ClientRover({ servers: { fine: { host, port } } });
        const rover = handIn(given, bad) ?? given;
        assert.deepEqual(Object.keys(rover.servers), ['fine', 'bad']);
        assert.equal(rover.servers.bad, bad);
      }
    });
  }
});

describe('a pick of a bad server', () => {
  for (const [code, Class, servers] of BAD) {
    for (const bad of servers) {
      it(`ends in error, a ${Class.name} with ${code}: ${show(bad)} (row 6)`, async () => {
        const rover = makeRover({ servers: { bad } });
        const { event, error } = await attempt(rover);
        assert.equal(event, 'error');
        assert.ok(error instanceof Class, `${error.name}: ${error.message}`);
        assert.equal(error.code, code);
        assert.equal(error.id, 'bad');
        assert.equal(error.server, bad);
        const { attempts, errors, pending } = rover.stats();
        assert.deepEqual({ attempts, errors, pending }, { attempts: 1, errors: 1, pending: 0 });
      });
    }
  }

  for (const method of ['connect', 'start']) {
    it(`is told as any outcome, not from inside ${method}() (row 6)`, async () => {
      const rover = makeRover({ servers: { bad: {} } });
      let isInside = false;
      let wasInside = false;
      rover.on('error', () => (wasInside ||= isInside));
      await attempt(rover, () => {
        isInside = true;
        rover[method]();
        isInside = false;
      });
      assert.equal(wasInside, false);
    });
  }

  for (const option of ['onread', 'signal', 'blockList']) {
    it(`ends in an error that names the option of net.connect that cannot be honoured: ${option} (row 5)`, async () => {
      const value = {
        onread: { buffer: Buffer.alloc(1), callback() {} },
        signal: new AbortController().signal,
        blockList: new net.BlockList(),
      }[option];
      const { error } = await attempt(makeRover({ servers: { a: { host, port, [option]: value } } }));
      assert.match(error.message, new RegExp(`\\b${option}\\b`));
    });
  }

  it('ends in the error of a getter that throws (row 6)', async () => {
    const failure = new Error('not yet known');
    const server = {
      get port() {
        throw failure;
      },
    };
    const { event, error } = await attempt(makeRover({ servers: { a: server } }));
    assert.equal(event, 'error');
    assert.equal(error, failure);
    assert.equal(error.id, 'a');
    assert.equal(error.server, server);
  });

  it('ends in the error of its own object, though it was dropped meanwhile (rows 6 and 17)', async () => {
    const bad = { host };
    const rover = makeRover({ servers: { bad } });
    const outcome = attempt(rover);
    rover.dropServer('bad');
    const { error } = await outcome;
    assert.deepEqual([error.code, error.id, error.server === bad], ['ERR_MISSING_ARGS', 'bad', true]);
  });

  it('leaves the others to be picked as ever, and the roving goes on (rows 6 and 8)', async () => {
    const rover = makeRover({ ROVING_INTERVAL: 1, servers: { good: await refusedAddress(), bad: { host } } });
    const log = record(rover);
    rover.start();
    await log.until(100);
    rover.stop();
    const count = (name) => log.events().filter((event) => event === name).length;
    // 100 picks of two: less than 20 of one of them come once in 10^9.
    assert.ok(count('unreachable') >= 20 && count('error') >= 20, `${log.events()}`);
  });

  it('does not keep nine of ten servers from being picked: none is left out (rows 6 and 8)', async () => {
    const address = await refusedAddress();
    const servers = { bad: { host, port: 'http' } };
    for (let n = 0; n < 9; n++) servers[n] = { ...address };
    const outcomes = await attempts(makeRover({ servers }), 300);
    const ids = new Set(outcomes.map(({ id, error }) => id ?? error.id));
    assert.deepEqual([...ids].sort(), Object.keys(servers).sort());
  });
});

describe('a server that is filled later', () => {
  for (const [way, handIn] of Object.entries({
    addServer: (rover, server) => rover.addServer('db', server),
    'rover.servers.db = …': (rover, server) => {
      rover.servers.db = server;
    },
    'rover.servers = {…}': (rover, server) => {
      rover.servers = { db: server };
    },
  })) {
    it(`is good from the next pick on: handed in by ${way} (rows 4 and 6)`, async () => {
      const { address, port } = await slotServer();
      const rover = makeRover();
      const server = { host: address.host };
      handIn(rover, server);
      assert.equal((await attempt(rover)).error.code, 'ERR_MISSING_ARGS');
      rover.servers.db.port = port;
      const outcome = await attempt(rover);
      assert.equal(outcome.event, 'connection');
      assert.equal(outcome.server, server);
    });
  }

  it('is good from the next tick of a roving on (rows 4 and 6)', async () => {
    const { address, port } = await slotServer();
    const server = { host: address.host };
    const rover = makeRover({ ROVING_INTERVAL: 10, servers: { db: server } });
    assert.equal((await attempt(rover, () => rover.start())).event, 'error');
    server.port = port;
    const log = record(rover);
    const [outcome] = await log.until(1);
    rover.stop();
    assert.equal(outcome.event, 'connection');
  });

  it('may be filled after connect(), in the same turn (rows 4 and 6)', async () => {
    const { address, port } = await slotServer();
    const rover = makeRover({ servers: { db: {} } });
    const outcome = attempt(rover);
    Object.assign(rover.servers.db, { host: address.host, port });
    assert.equal((await outcome).event, 'connection');
  });
});
