'use strict';

const assert = require('node:assert/strict');

const { ClientRover, attempt, makeRover } = require('../helpers/rover.js');
const { refusedAddress, slotServer } = require('../helpers/slot-server.js');

describe('addServer', () => {
  it('adds a server, shown at once as the very object that was passed in (row 4)', () => {
    const rover = new ClientRover();
    const server = { host: '127.0.0.1', port: 4040 };
    rover.addServer('a', server);
    assert.deepEqual(Object.keys(rover.servers), ['a']);
    assert.equal(rover.servers.a, server);
  });

  it('replaces a server, shown at once (row 4)', async () => {
    const server = await slotServer();
    const rover = makeRover({ servers: { a: await refusedAddress() } });
    const { address } = server;
    rover.addServer('a', address);
    assert.deepEqual(Object.keys(rover.servers), ['a']);
    assert.equal(rover.servers.a, address);
    assert.equal((await attempt(rover)).event, 'connection');
  });

  it('is honoured from the next pick on (row 4)', async () => {
    const server = await slotServer();
    const rover = makeRover();
    rover.addServer('a', server.address);
    const { event, slot } = await attempt(rover);
    assert.deepEqual({ event, slot }, { event: 'connection', slot: 13 });
  });

  it('takes a frozen object (row 4)', async () => {
    const server = Object.freeze(await refusedAddress());
    const rover = makeRover();
    rover.addServer('a', server);
    assert.equal((await attempt(rover)).server, server);
  });

  for (const id of ['__proto__', 'constructor', 'hasOwnProperty', 'toString', '', ' ', '0', 'é\u{1f600}']) {
    it(`takes ${JSON.stringify(id)} as an id like any other (row 4)`, async () => {
      const server = await refusedAddress();
      const rover = makeRover();
      assert.ok(!Object.keys(rover.servers).includes(id));
      rover.dropServer(id);
      rover.addServer(id, server);
      assert.deepEqual(Object.keys(rover.servers), [id]);
      assert.equal(rover.servers[id], server);
      const outcome = await attempt(rover);
      assert.equal(outcome.id, id);
      assert.equal(outcome.server, server);
      rover.dropServer(id);
      assert.deepEqual(Object.keys(rover.servers), []);
      const { error } = await attempt(rover);
      assert.equal(error.message, 'No servers to contact');
    });
  }

  it('takes a number as an id as a property name would (row 4)', async () => {
    const rover = makeRover();
    rover.addServer(7, await refusedAddress());
    assert.deepEqual(Object.keys(rover.servers), ['7']);
    assert.equal((await attempt(rover)).id, '7');
  });

  it('takes a symbol for a property of the table, as do dropServer and rest: it is never picked (row 4)', async () => {
    const servers = {};
    const rover = makeRover({ servers });
    const id = Symbol('server');
    const server = await refusedAddress();
    rover.addServer(id, server);
    assert.equal(rover.servers[id], server);
    assert.equal(servers[id], server);
    rover.rest(id, 1000);
    assert.equal((await attempt(rover)).error.message, 'No servers to contact');
    rover.dropServer(id);
    rover.dropServer(Symbol('unknown'));
    assert.deepEqual(Reflect.ownKeys(rover.servers), []);
    Object.freeze(servers);
    assert.throws(() => rover.addServer(id, server), { name: 'TypeError', message: 'Cannot add property Symbol(server)' });
  });

  it('changes no prototype by an id (row 4)', () => {
    const rover = new ClientRover();
    rover.addServer('__proto__', { host: '127.0.0.1', port: 4040, polluted: true });
    assert.equal({}.polluted, undefined);
    assert.equal(rover.servers.polluted, undefined);
  });
});
