'use strict';

const assert = require('node:assert/strict');

const { attempt, attempts, makeRover } = require('../helpers/rover.js');
const { refusedAddress, slotServer } = require('../helpers/slot-server.js');

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

  it('sees what was added to options.servers at the next start() (row 4)', async () => {
    const server = await slotServer();
    const servers = {};
    const rover = makeRover({ servers });
    servers.x = server.address;
    assert.equal((await attempt(rover, () => rover.start())).event, 'connection');
  });
});
