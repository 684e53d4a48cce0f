'use strict';

const assert = require('node:assert/strict');
const dns = require('node:dns');
const { once } = require('node:events');
const net = require('node:net');

const { attempt, attemptAt, attempts, makeRover } = require('../helpers/rover.js');
const { refusedAddress, refusedPort, slotServer } = require('../helpers/slot-server.js');

/** What Node's own errors tell of a failed system call. */
function facts({ name, message, code, errno, syscall, address, port, hostname }) {
  return { name, message, code, errno, syscall, address, port, hostname };
}

/** The error that net.connect has for this server. */
async function errorOfNode(server) {
  const [error] = await once(net.connect(server), 'error');
  return error;
}

describe('unreachable', () => {
  it('gives the id and the very object that was passed in (row 17)', async () => {
    const server = await refusedAddress();
    const rover = makeRover({ servers: { first: server } });
    const outcome = await attempt(rover);
    assert.equal(outcome.event, 'unreachable');
    assert.equal(outcome.id, 'first');
    assert.equal(outcome.server, server);
  });

  for (const [how, add] of Object.entries({
    addServer: (rover, server) => rover.addServer('a', server),
    'rover.servers.x = …': (rover, server) => {
      rover.servers.a = server;
    },
    'rover.servers = {…}': (rover, server) => {
      rover.servers = { a: server };
    },
  })) {
    it(`gives the very object that came by ${how} (row 17)`, async () => {
      const server = await refusedAddress();
      const rover = makeRover();
      add(rover, server);
      assert.equal((await attempt(rover)).server, server);
    });
  }

  for (const [how, change] of Object.entries({
    'was dropped': (rover) => rover.dropServer('a'),
    'was deleted': (rover) => delete rover.servers.a,
    'was replaced': (rover) => rover.addServer('a', { host: 'elsewhere.invalid', port: 1, tag: 'other' }),
    'lost its whole table': (rover) => {
      rover.servers = { b: { host: 'elsewhere.invalid', port: 1 } };
    },
  })) {
    it(`gives the very object when the server ${how} meanwhile (row 17)`, async () => {
      const server = await slotServer({ greeting: '' });
      const entry = { ...server.address, meta: { name: 'first' } };
      const rover = makeRover({ servers: { a: entry } });
      const outcome = attempt(rover);
      const socket = await server.nextSocket();
      change(rover);
      socket.resetAndDestroy();
      const { event, id, server: reported } = await outcome;
      assert.deepEqual({ event, id }, { event: 'unreachable', id: 'a' });
      assert.equal(reported, entry);
    });
  }

  it('gives the very object to each of three attempts, the first of which drops the server (row 17)', async () => {
    const entry = { ...(await refusedAddress()), meta: { name: 'first' } };
    const rover = makeRover({ servers: { a: entry } });
    const names = [];
    rover.on('unreachable', (id, server) => {
      rover.dropServer(id);
      names.push(server.meta.name);
    });
    assert.deepEqual((await attempts(rover, 3)).map(({ server }) => server === entry), [true, true, true]);
    assert.deepEqual(names, ['first', 'first', 'first']);
  });

  for (const [how, change] of Object.entries({
    'another server is dropped': (rover) => {
      rover.addServer('b', { port: 1 });
      rover.dropServer('b');
    },
    'it is added again': (rover, entry) => rover.addServer('a', entry),
    'it is written again': (rover, entry) => {
      rover.servers.a = entry;
    },
    'it is dropped and added again': (rover, entry) => {
      rover.dropServer('a');
      rover.addServer('a', entry);
    },
    'it is in the table that replaces the old one': (rover, entry) => {
      rover.servers = { a: entry, b: { port: 1 } };
    },
  })) {
    it(`gives the very object when ${how} meanwhile (row 17)`, async () => {
      const server = await slotServer({ greeting: '' });
      const entry = server.address;
      const rover = makeRover({ servers: { a: entry } });
      const outcome = attempt(rover);
      const socket = await server.nextSocket();
      change(rover, entry);
      socket.resetAndDestroy();
      assert.equal((await outcome).server, entry);
    });
  }

  for (const host of ['127.0.0.1', 'localhost']) {
    it(`gives the error of net.connect for a port of ${host} that refuses (row 23)`, async () => {
      const server = { host, port: await refusedPort(), family: 4 };
      const { event, error } = await attemptAt(server);
      assert.equal(event, 'unreachable');
      assert.ok(error instanceof Error);
      assert.deepEqual(facts(error), facts(await errorOfNode(server)));
      assert.equal(error.code, 'ECONNREFUSED');
    });
  }

  it('gives the error of net.connect for port 0 (row 23)', async () => {
    const server = { host: '127.0.0.1', port: 0 };
    const { error } = await attemptAt(server);
    assert.deepEqual(facts(error), facts(await errorOfNode(server)));
  });

  it('gives the error of net.connect for a path with no socket (row 23)', async () => {
    const server = { path: '/nonexistent/slots.sock' };
    const { event, error } = await attemptAt(server);
    assert.equal(event, 'unreachable');
    assert.deepEqual(facts(error), facts(await errorOfNode(server)));
    assert.equal(error.code, 'ENOENT');
  });

  it('gives the error of dns.lookup for a name that does not resolve (row 23)', async () => {
    const server = { host: 'nowhere.invalid', port: 4040 };
    // A machine with a slow resolver is given its time, as dns.lookup has it.
    const { event, error } = await attemptAt(server, { CONNECT_TIMEOUT: 0 });
    assert.equal(event, 'unreachable');
    const expected = await dns.promises.lookup(server.host).catch((failure) => failure);
    assert.deepEqual(facts(error), facts(expected));
    assert.equal(error.hostname, server.host);
  });

  it('gives ECONNRESET when the server resets before the slot (rows 22 and 23)', async () => {
    const { address } = await slotServer({ greeting: '', then: 'reset' });
    const { event, error } = await attemptAt(address);
    assert.equal(event, 'unreachable');
    assert.ok(error instanceof Error);
    assert.equal(error.code, 'ECONNRESET');
    // A reset that is there before the connection was looked at is an error of connecting, in Node as well.
    assert.match(error.syscall, /^(read|connect)$/);
    assert.equal(typeof error.errno, 'number');
  });

  it('gives an error with a stack that names the error (row 23)', async () => {
    const { error } = await attemptAt(await refusedAddress());
    assert.match(error.stack, /ECONNREFUSED/);
  });

  it('does not end the roving (row 17)', async () => {
    const server = await slotServer();
    const rover = makeRover({ ROVING_INTERVAL: 10, servers: { a: await refusedAddress() } });
    assert.equal((await attempt(rover, () => rover.start())).event, 'unreachable');
    rover.addServer('a', server.address);
    await server.nextSocket();
    clearInterval(rover.intervalId);
  });
});
