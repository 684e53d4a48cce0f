'use strict';

const assert = require('node:assert/strict');
const net = require('node:net');
const os = require('node:os');

const { cleanup } = require('../helpers/cleanup.js');
const { attemptAt, makeRover, record } = require('../helpers/rover.js');
const { refusedPort, slotServer } = require('../helpers/slot-server.js');
const { skip } = require('../helpers/skip.js');

const LOOPBACK = Object.entries(os.networkInterfaces()).find(([, of]) => of.some(({ internal }) => internal))?.[0];

/** What `net.connect` comes to at a server, in the words of `attemptAt`. */
async function netConnectAt(server) {
  const socket = net.connect(server);
  cleanup(() => socket.destroy());
  const error = await new Promise((resolve) => {
    socket.on('connect', () => resolve(null)).on('error', resolve);
  });
  return error === null ? { event: 'connection', socket } : { event: 'unreachable', error };
}

/** A server at all addresses of both families; skips the test where there is no IPv6. */
async function serverOfBoth(test) {
  const server = await slotServer({ host: '::' }).catch(() => null);
  return server ?? skip(test, 'no IPv6 on this machine');
}

function factsOf({ event, socket, error }) {
  if (event === 'connection') return { event, address: socket.remoteAddress };
  const { message, code, errno, syscall, address, port } = error;
  return { event, message, code, errno, syscall, address, port };
}

/** Asserts that an attempt at `host` comes to the same as `net.connect`. */
async function assertSame(host, port) {
  const [ours, nodes] = await Promise.all([attemptAt({ host, port }), netConnectAt({ host, port })]);
  assert.deepEqual(factsOf(ours), factsOf(nodes), host);
  return ours.event;
}

describe('a literal address', () => {
  const V4 = ['127.0.0.1', '0.0.0.0', '127.1', '2130706433'];
  const V6 = ['::1', '0:0:0:0:0:0:0:1', '::', '::ffff:127.0.0.1', '::ffff:7f00:1', '::ffff:0.0.0.0'];
  const ZONED = [`::1%${LOOPBACK}`, '::1%1', '::1%no-such-zone', `::ffff:127.0.0.1%${LOOPBACK}`];

  it('of IPv4 is connected to in every spelling as by net.connect (row 26)', async () => {
    const { port } = await slotServer({ host: '0.0.0.0' });
    for (const host of V4) assert.equal(await assertSame(host, port), 'connection');
  });

  it('of IPv6 is connected to in every spelling and zone as by net.connect (row 26)', async function () {
    const { port } = await serverOfBoth(this);
    for (const host of [...V6, ...ZONED]) assert.equal(await assertSame(host, port), 'connection');
  });

  it('is named in errors as by net.connect, its zone included (row 23)', async function () {
    await serverOfBoth(this);
    const port = await refusedPort();
    for (const host of [...V4, ...V6, ...ZONED]) assert.equal(await assertSame(host, port), 'unreachable');
  });

  it('is not taken for one where net.connect does not either (row 26)', async () => {
    const port = await refusedPort();
    // Windows looks an address in brackets up.
    const bracketed = process.platform === 'win32' ? [] : ['[::1]'];
    for (const host of ['127.0.0.1%lo', '::1%', ...bracketed]) {
      const { event, error } = await attemptAt({ host, port });
      assert.deepEqual([event, error.syscall, error.hostname], ['unreachable', 'getaddrinfo', host]);
    }
  });

  it('that is healthy is reached whatever was refused before it (row 26)', async function () {
    const { port } = await serverOfBoth(this);
    const closed = await refusedPort();
    for (const dead of [...V6, ...ZONED]) {
      for (const good of ['::1', '::ffff:127.0.0.1', '127.0.0.1']) {
        const rover = makeRover({ CONNECT_TIMEOUT: 2000, servers: { dead: { host: dead, port: closed } } });
        const log = record(rover);
        // Both in one go of the rover's thread, where sockets are used again.
        rover.connect();
        rover.dropServer('dead');
        rover.addServer('good', { host: good, port });
        rover.connect();
        await log.until(2);
        assert.deepEqual(log.events(), ['unreachable', 'connection'], `${dead}, then ${good}`);
      }
    }
  });
});

describe('a Unix socket', () => {
  it('with an abstract name is connected to by all of its bytes (row 5)', async function () {
    // Only Linux has them; the names that older releases of Node listen at have another length.
    if (process.platform !== 'linux' || Number(process.versions.node.split('.')[0]) < 24) return skip(this, 'paths are those of Node.js 24 on Linux');
    const path = `\0callosum-${process.pid}\0x`;
    await slotServer({ path });
    assert.equal((await attemptAt({ path })).event, 'connection');
    const { event, error } = await attemptAt({ path: path.slice(0, -1) });
    assert.deepEqual([event, error.code], ['unreachable', 'ECONNREFUSED']);
  });

  it('with a NUL in its path is EINVAL, as in Node 24 (row 5)', async () => {
    const { event, error } = await attemptAt({ path: '/run/a\0evil' });
    const { code, syscall, address } = error;
    assert.deepEqual([event, code, syscall, address], ['unreachable', 'EINVAL', 'connect', '/run/a\0evil']);
  });
});
