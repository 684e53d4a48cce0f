'use strict';

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const dns = require('node:dns').promises;

const { printedBy } = require('../helpers/child.js');
const { namespace } = require('../helpers/namespace.js');
const { attemptAt } = require('../helpers/rover.js');
const { silentListener } = require('../helpers/silent-listener.js');
const { NO_NAMESPACE, skip } = require('../helpers/skip.js');
const { refusedPort, slotServer, slotServerOn6 } = require('../helpers/slot-server.js');
const { temporaryDirectory } = require('../helpers/temporary.js');

const HOSTS = `
127.0.0.1 localhost
::1 both.test
127.0.0.1 both.test
127.0.0.2 four.test
127.0.0.1 four.test
127.0.0.1 xn--mnchen-3ya.test
`;

/** What one attempt at each of these servers, one after the other, comes to. */
const attemptEach = async ({ ClientRover, print }, servers) => {
  const net = require('node:net');
  const facts = ({ code, errno, syscall, address, port, hostname }) => {
    return { code, errno, syscall, address, port, hostname };
  };
  const report = (error) => {
    return { name: error.name, ...facts(error), errors: error.errors?.map(facts) };
  };
  for (const server of servers) {
    const rover = new ClientRover({ servers: { a: server } });
    await new Promise((resolve) => {
      rover.on('connection', (_slot, socket) => {
        print('connection', socket.remoteAddress);
        socket.destroy();
        resolve();
      });
      rover.on('unreachable', (_id, _server, error) => {
        net.connect(server).on('error', (expected) => {
          print('unreachable', report(error), report(expected));
          resolve();
        });
      });
      rover.connect();
    });
  }
};

describe('a name with several addresses', () => {
  let prefix;

  beforeEach(function () {
    prefix = namespace({ hosts: HOSTS });
    // What a name means can only be decided in a mount namespace, and this machine allows none.
    if (prefix === null) skip(this, NO_NAMESPACE);
  });

  /** Runs `attemptEach` where the names of HOSTS have their addresses. */
  const attemptAll = (servers) => printedBy(attemptEach, servers, { prefix });

  it('is reached where a server listens only on the IPv4 one (row 26)', async () => {
    const { port } = await slotServer();
    const printed = await attemptAll([{ host: 'both.test', port }]);
    assert.deepEqual(printed, [['connection', '127.0.0.1']]);
  });

  it('is reached where a server listens only on the IPv6 one (row 26)', async function () {
    const { port } = await slotServerOn6(this);
    const printed = await attemptAll([{ host: 'both.test', port }]);
    assert.deepEqual(printed, [['connection', '::1']]);
  });

  it('is reached on the second of two addresses of a family (row 26)', async () => {
    const { port } = await slotServer();
    const second = await slotServer({ host: '127.0.0.2' });
    const printed = await attemptAll([
      { host: 'four.test', port },
      { host: 'four.test', port: second.port },
    ]);
    assert.deepEqual(printed, [
      ['connection', '127.0.0.1'],
      ['connection', '127.0.0.2'],
    ]);
  });

  it('may have letters other than those of ASCII, as with net.connect (row 5)', async () => {
    const { port } = await slotServer();
    const printed = await attemptAll([{ host: 'münchen.test', port }]);
    assert.deepEqual(printed, [['connection', '127.0.0.1']]);
  });

  it('is reached behind an address that never answers (row 26)', async function () {
    const silent = await silentListener('::1').catch(() => null);
    // No other kernel can be made to leave a connection unanswered here.
    if (silent === null) return skip(this, 'needs Linux with IPv6');
    const { port } = await slotServer({ port: silent.port });
    const printed = await attemptAll([{ host: 'both.test', port }]);
    assert.deepEqual(printed, [['connection', '127.0.0.1']]);
  });

  it('is tried on the addresses of the family that the server asks for (rows 5 and 26)', async function () {
    const { port } = await slotServerOn6(this);
    const printed = await attemptAll([
      { host: 'both.test', port, family: 6 },
      { host: 'both.test', port, family: 4 },
    ]);
    assert.deepEqual(printed[0], ['connection', '::1']);
    const [event, error] = printed[1];
    assert.equal(event, 'unreachable');
    assert.equal(error.code, 'ECONNREFUSED');
    for (const { address } of error.errors ?? [error]) assert.equal(address, '127.0.0.1');
  });

  it('is unreachable with an AggregateError like that of net.connect (row 23)', async () => {
    const port = await refusedPort();
    const [[event, error, expected]] = await attemptAll([{ host: 'both.test', port }]);
    assert.equal(event, 'unreachable');
    assert.equal(error.name, 'AggregateError');
    assert.equal(error.code, 'ECONNREFUSED');
    assert.deepEqual(error, expected);
    assert.deepEqual(error.errors.map(({ address }) => address).sort(), ['127.0.0.1', '::1']);
  });

  it('is unreachable with a plain error where it has but one of that family (row 23)', async () => {
    // For AF_INET glibc counts ::1 in /etc/hosts as another 127.0.0.1: the same address comes twice.
    const port = await refusedPort();
    const [[event, error, expected]] = await attemptAll([{ host: 'both.test', port, family: 4 }]);
    assert.equal(event, 'unreachable');
    assert.equal(error.name, 'Error');
    assert.deepEqual(error, expected);
  });
});

describe('localhost', () => {
  for (const [family, makeServer] of Object.entries({ 4: () => slotServer(), 6: slotServerOn6 })) {
    it(`is reached where a server listens only on its IPv${family} address (row 26)`, async function () {
      const { address } = await makeServer(this);
      const known = await dns.lookup('localhost', { all: true });
      if (!known.some((entry) => entry.address === address.host)) {
        return skip(this, `localhost is not ${address.host} in /etc/hosts`);
      }
      const { event, socket } = await attemptAt({ host: 'localhost', port: address.port });
      assert.equal(event, 'connection');
      assert.equal(socket.remoteAddress, address.host);
    });
  }
});

describe('look-ups', () => {
  it('go on while the thread pool of libuv is taken up (row 33)', async function () {
    // A FIFO that nobody writes to is what takes a thread of the pool for as long as one likes.
    if (process.platform === 'win32') return skip(this, 'needs mkfifo');
    const fifo = temporaryDirectory()('fifo');
    execFileSync('mkfifo', [fifo]);
    const { port } = await slotServer();
    const printed = await printedBy(
      ({ ClientRover, print }, { fifo, port }) => {
        const fs = require('node:fs');
        fs.open(fifo, 'r', () => print('the pool is free again'));
        const rover = new ClientRover({ servers: { a: { host: 'localhost', port } } });
        rover.on('connection', (slot, socket) => {
          print('connection', slot);
          socket.destroy();
          fs.openSync(fifo, 'r+');
        });
        rover.connect();
      },
      { fifo, port },
      { env: { UV_THREADPOOL_SIZE: '1' } },
    );
    assert.deepEqual(printed, [['connection', 13], 'the pool is free again']);
  });

  it('that hang hold up no dns.lookup of the app and take at most 16 threads (row 33)', async function () {
    const prefix = namespace({ hosts: '127.0.0.1 localhost\n', resolv: 'nameserver 127.0.0.1\n' });
    // A name server that never answers is only to be had in a network namespace.
    if (prefix === null) return skip(this, NO_NAMESPACE);
    const printed = await printedBy(
      async ({ ClientRover, print }) => {
        const dgram = require('node:dgram');
        const dns = require('node:dns').promises;
        const { once } = require('node:events');
        const threads = () => require('node:fs').readdirSync('/proc/self/task').length;
        const nameServer = dgram.createSocket('udp4').bind(53, '127.0.0.1');
        await once(nameServer, 'listening');

        const servers = Object.fromEntries(Array.from({ length: 60 }, (_, n) => [n, { host: `n${n}.test`, port: 1 }]));
        const rover = new ClientRover({ CONNECT_TIMEOUT: 1000, servers });
        // What both sides start once and for all is not what look-ups take.
        await dns.lookup('localhost');
        const warm = new ClientRover({ servers: { a: { host: '127.0.0.1', port: 1 } } });
        warm.connect();
        await once(warm, 'unreachable');

        const before = threads();
        const codes = new Set();
        let most = before;
        let outcomes = 0;
        rover.on('unreachable', (_id, _server, error) => {
          outcomes++;
          codes.add(error.code);
          most = Math.max(most, threads());
          if (outcomes === 200) {
            print({ codes: [...codes], within: most - before <= 16 || most - before });
            nameServer.close();
          }
        });
        for (let i = 0; i < 200; i++) rover.connect();
        await once(nameServer, 'message');
        const outcomesBefore = outcomes;
        await dns.lookup('localhost');
        most = Math.max(most, threads());
        print({ heldUp: outcomes > outcomesBefore });
      },
      null,
      { prefix },
    );
    assert.deepEqual(printed, [{ heldUp: false }, { codes: ['ETIMEDOUT'], within: true }]);
  });
});
