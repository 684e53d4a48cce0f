'use strict';

const assert = require('node:assert/strict');

const { cleanup } = require('../helpers/cleanup.js');
const { ClientRover, attempt, attempts, makeRover, record } = require('../helpers/rover.js');
const { refusedAddress, slotServer } = require('../helpers/slot-server.js');
const { until } = require('../helpers/wait.js');

describe('rover.servers', () => {
  it('holds the very objects that were passed in (row 4)', () => {
    const a = { port: 4040 };
    const b = { port: 4041 };
    const rover = makeRover({ servers: { a } });
    rover.addServer('b', b);
    assert.equal(rover.servers.a, a);
    assert.equal(rover.servers.b, b);
  });

  it('reads as an ordinary object (row 4)', () => {
    const servers = { a: { port: 4040 }, b: { port: 4041 } };
    const rover = makeRover({ servers });
    assert.deepEqual(Object.entries(rover.servers), Object.entries(servers));
    assert.equal(JSON.stringify(rover.servers), JSON.stringify(servers));
    assert.ok('a' in rover.servers);
    assert.ok(Object.hasOwn(rover.servers, 'a'));
    assert.ok(!Object.hasOwn(rover.servers, 'c'));
    const ids = [];
    for (const id in rover.servers) ids.push(id);
    assert.deepEqual(ids, ['a', 'b']);
  });

  it('honours `rover.servers.x = {…}` from the next pick on (row 4)', async () => {
    const server = await refusedAddress();
    const rover = makeRover();
    rover.servers.x = server;
    assert.equal(rover.servers.x, server);
    const outcome = await attempt(rover);
    assert.equal(outcome.id, 'x');
    assert.equal(outcome.server, server);
  });

  it('honours a server written over another (row 4)', async () => {
    const server = await slotServer();
    const rover = makeRover({ servers: { x: await refusedAddress() } });
    rover.servers.x = server.address;
    assert.equal((await attempt(rover)).event, 'connection');
  });

  it('honours `delete rover.servers.x` from the next pick on (row 4)', async () => {
    const address = await refusedAddress();
    const rover = makeRover({ servers: { x: address, y: { ...address } } });
    assert.ok(delete rover.servers.x);
    assert.deepEqual(Object.keys(rover.servers), ['y']);
    const outcomes = await attempts(rover, 40);
    assert.deepEqual([...new Set(outcomes.map(({ id }) => id))], ['y']);
  });

  it('honours `rover.servers = {…}` from the next pick on (row 4)', async () => {
    const address = await refusedAddress();
    const next = { b: { ...address }, c: { ...address } };
    const rover = makeRover({ servers: { a: address } });
    rover.servers = next;
    assert.deepEqual(Object.keys(rover.servers), ['b', 'c']);
    assert.equal(rover.servers.b, next.b);
    const outcomes = await attempts(rover, 60);
    assert.deepEqual([...new Set(outcomes.map(({ id }) => id))].sort(), ['b', 'c']);
  });

  it('honours writes to what it was assigned, and addServer after that (row 4)', async () => {
    const address = await refusedAddress();
    const rover = makeRover({ servers: { a: address } });
    rover.servers = {};
    rover.servers.b = { ...address };
    rover.addServer('c', { ...address });
    rover.dropServer('a');
    assert.deepEqual(Object.keys(rover.servers), ['b', 'c']);
    const outcomes = await attempts(rover, 60);
    assert.deepEqual([...new Set(outcomes.map(({ id }) => id))].sort(), ['b', 'c']);
  });

  it('honours `Object.assign` and `Object.defineProperty` (row 4)', async () => {
    const address = await refusedAddress();
    const rover = makeRover();
    Object.assign(rover.servers, { a: address });
    Object.defineProperty(rover.servers, 'b', {
      value: { ...address },
      configurable: true,
      enumerable: true,
      writable: true,
    });
    const outcomes = await attempts(rover, 60);
    assert.deepEqual([...new Set(outcomes.map(({ id }) => id))].sort(), ['a', 'b']);
  });

  it('takes any string as an id when written to directly (row 4)', async () => {
    const address = await refusedAddress();
    const ids = ['constructor', '', 'toString'];
    const rover = makeRover();
    for (const id of ids) rover.servers[id] = { ...address };
    const outcomes = await attempts(rover, 100);
    assert.deepEqual([...new Set(outcomes.map(({ id }) => id))].sort(), [...ids].sort());
  });

  it('takes `__proto__` as an id from options.servers (row 4)', async () => {
    const { port } = await refusedAddress();
    const servers = JSON.parse(`{"__proto__": {"host": "127.0.0.1", "port": ${port}}}`);
    const rover = makeRover({ servers });
    assert.deepEqual(Object.keys(rover.servers), ['__proto__']);
    assert.equal((await attempt(rover)).id, '__proto__');
  });

  it('is honoured while the rover roves (row 4)', async () => {
    const server = await slotServer();
    const rover = makeRover({ ROVING_INTERVAL: 10, servers: { x: await refusedAddress() } });
    await attempt(rover, () => rover.start());
    delete rover.servers.x;
    rover.servers.y = server.address;
    await server.nextSocket();
    clearInterval(rover.intervalId);
  });

  for (const [how, act] of Object.entries({
    start: (rover) => rover.start(),
    addServer: (rover) => {
      rover.addServer('x', rover.servers.x);
      rover.connect();
    },
  })) {
    it(`sees a field changed in place at the next ${how}() (row 4)`, async () => {
      const server = await slotServer();
      const entry = await refusedAddress();
      const rover = makeRover({ servers: { x: entry } });
      assert.equal((await attempt(rover)).event, 'unreachable');
      entry.port = server.port;
      assert.equal((await attempt(rover, () => act(rover))).event, 'connection');
    });
  }

  for (const nothing of [null, undefined, 'servers', 42]) {
    it(`is an empty table when it is set to ${nothing} (row 4)`, async () => {
      const rover = makeRover({ servers: { a: await refusedAddress() } });
      rover.servers = nothing;
      assert.deepEqual({ ...rover.servers }, {});
      rover.dropServer('a');
      assert.equal((await attempt(rover)).error.code, 'ERR_CALLOSUM_NO_SERVERS');
      rover.addServer('b', await refusedAddress());
      assert.equal((await attempt(rover)).id, 'b');
    });
  }

  it('may be set to null while the rover roves (row 4)', async () => {
    const rover = makeRover({ ROVING_INTERVAL: 10, servers: { a: await refusedAddress() } });
    await attempt(rover, () => rover.start());
    rover.servers = null;
    const codes = [];
    rover.on('error', ({ code }) => codes.push(code));
    await until(() => codes.length >= 3);
    clearInterval(rover.intervalId);
    assert.deepEqual([...new Set(codes)], ['ERR_CALLOSUM_NO_SERVERS']);
  });
});

class OverriddenConnect extends ClientRover {
  connect() {
    super.connect();
  }
}

/** The ways to make one attempt after the other: the class of the rover, and how it begins. */
const ROVINGS = {
  'start()': [ClientRover, (rover) => rover.start()],
  'start() of an overridden connect': [OverriddenConnect, (rover) => rover.start()],
  'connect() again and again': [
    ClientRover,
    (rover) => {
      const timer = setInterval(() => rover.connect(), rover.ROVING_INTERVAL);
      cleanup(() => clearInterval(timer));
      rover.connect();
    },
  ],
};

for (const [way, [Class, begin]] of Object.entries(ROVINGS)) {
  describe(`options.servers, with ${way}`, () => {
    /** A rover over this object, which has had an outcome already; its log begins behind that. */
    async function rovingOver(servers) {
      const rover = makeRover({ ROVING_INTERVAL: 20, servers }, Class);
      const log = record(rover);
      begin(rover);
      await log.until(1);
      return { rover, log };
    }

    it('may be filled later: seen by the next pick where the table is empty (row 4)', async () => {
      const { address } = await slotServer();
      const servers = {};
      const { rover, log } = await rovingOver(servers);
      servers.a = address;
      const before = log.outcomes.length;
      const outcomes = await log.until(before + 1);
      clearInterval(rover.intervalId);
      // No error behind it: before it is said, the object is looked at.
      assert.equal(outcomes[before].event, 'connection');
      assert.equal(outcomes[before].server, address);
    });

    const CHANGES = {
      'a server added': (servers, address) => {
        servers.b = address;
      },
      'a port changed in place': ({ a }, { port }) => {
        a.port = port;
      },
      'an entry exchanged': (servers, address) => {
        servers.a = address;
      },
      'an entry deleted, and another one added': (servers, address) => {
        delete servers.a;
        servers.b = address;
      },
    };
    for (const [what, change] of Object.entries(CHANGES)) {
      it(`may be changed behind its back, which is seen within about a second: ${what} (row 4)`, async () => {
        const { address } = await slotServer();
        const servers = { a: await refusedAddress() };
        const { rover, log } = await rovingOver(servers);
        change(servers, address);
        const changed = performance.now();
        await until(() => log.events().includes('connection'));
        const time = performance.now() - changed;
        clearInterval(rover.intervalId);
        assert.ok(time < 2500, `seen after ${time} ms`);
        const { server } = log.outcomes.find(({ event }) => event === 'connection');
        assert.ok(Object.values(servers).includes(server));
      });
    }

    it('may lose a server behind its back (row 4)', async () => {
      const servers = { a: await refusedAddress(), b: await refusedAddress() };
      const { rover, log } = await rovingOver(servers);
      delete servers.a;
      await until(() => {
        const latest = log.outcomes.slice(-30);
        return latest.length === 30 && latest.every(({ id }) => id === 'b');
      });
      clearInterval(rover.intervalId);
    });
  });
}

describe('two rovers that share one object', () => {
  it('both see what either of them, or the app, changes (row 4)', async () => {
    const first = await slotServer({ greeting: '1\r\n' });
    const second = await slotServer({ greeting: '2\r\n' });
    const servers = {};
    const options = { ROVING_INTERVAL: 10, servers };
    const [one, other] = [makeRover(options), makeRover(options)];
    one.addServer('a', first.address);
    assert.equal(other.servers.a, one.servers.a);
    assert.equal(servers.a, one.servers.a);
    assert.equal((await attempt(other, () => other.start())).slot, 1);

    other.servers.a = second.address;
    const log = record(one);
    one.start();
    await log.until(1);
    assert.equal(log.outcomes[0].slot, 2);

    servers.a = first.address;
    for (const rover of [one, other]) {
      const { outcomes } = record(rover);
      await until(() => outcomes.some(({ slot }) => slot === 1));
      rover.stop();
    }
  });
});

describe('a table that changes one server at a time', () => {
  /** An object that counts how often it is asked for anything, above all for the list of its keys. */
  function countedObject() {
    const counts = { listings: 0, all: 0 };
    const handler = {};
    for (const trap of ['defineProperty', 'deleteProperty', 'get', 'getOwnPropertyDescriptor', 'has', 'ownKeys', 'set']) {
      handler[trap] = (...args) => {
        counts.all++;
        if (trap === 'ownKeys') counts.listings++;
        return Reflect[trap](...args);
      };
    }
    return { servers: new Proxy({}, handler), counts };
  }

  for (const [way, add] of Object.entries({
    addServer: (rover, id, server) => rover.addServer(id, server),
    'rover.servers[id] = …': (rover, id, server) => {
      rover.servers[id] = server;
    },
    'addServer and dropServer': (rover, id, server) => {
      rover.addServer(id, server);
      rover.dropServer(`${id - 1}`);
    },
    'addServer and connect': (rover, id, server) => {
      rover.addServer(id, server);
      rover.connect();
    },
  })) {
    it(`costs the same for each, and is never read as a whole for one: 2,000 by ${way} (row 4)`, async () => {
      const { servers, counts } = countedObject();
      const address = await refusedAddress();
      const rover = makeRover({ ROVING_INTERVAL: 1, servers });
      rover.on('unreachable', () => {});
      rover.on('error', () => {});
      rover.start();
      const began = performance.now();
      counts.all = 0;
      counts.listings = 0;
      for (let n = 0; n < 2000; n++) {
        add(rover, `${n}`, address);
        // As they are announced: each in a turn of its own.
        if (n % 4 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      const seconds = Math.ceil((performance.now() - began) / 1000);
      rover.stop();
      // A look a second, and those that are taken before the first server is there.
      assert.ok(counts.listings <= 5 + seconds, `${counts.listings} listings in ${seconds} s`);
      assert.ok(counts.all - 2 * 2000 * seconds < 15 * 2000, `${counts.all} reads and writes in ${seconds} s`);
    });
  }
});
