'use strict';

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const { once } = require('node:events');
const http = require('node:http');
const http2 = require('node:http2');
const https = require('node:https');
const net = require('node:net');
const { Duplex } = require('node:stream');
const tls = require('node:tls');

const { giveSlots } = require('callosum-client-tcp-rover/server');

const { makeCertificate } = require('../helpers/certificate.js');
const { cleanup } = require('../helpers/cleanup.js');
const { program } = require('../helpers/program.js');
const { askHttp, askHttp2, askPlainly, secure, takeSlot, takeSlots, textOf } = require('../helpers/slot-client.js');
const { NOT_LINUX, skip } = require('../helpers/skip.js');
const { closed, listen, listening } = require('../helpers/slot-server.js');
const { until } = require('../helpers/wait.js');

/** A listening net server that gives slots, and what it does with its connections. */
async function slotted(listener, options) {
  const server = await listening(net.createServer(listener));
  return { server, slots: giveSlots(server, options) };
}

const echo = (request, response) => request.pipe(response);

/** By kind: makes a server that sends back what it gets, and does so over the socket of a client. */
const KINDS = {
  http: { make: () => http.createServer(echo), ask: askHttp },
  https: { make: (credentials) => https.createServer(credentials, echo), ask: askHttp, isSecure: true },
  'http2 in the clear': { make: () => http2.createServer(echo), ask: askHttp2 },
  http2: { make: (credentials) => http2.createSecureServer(credentials, echo), ask: askHttp2, isSecure: true },
  'http2 with allowHTTP1': {
    make: (credentials) => http2.createSecureServer({ ...credentials, allowHTTP1: true }, echo),
    ask: askHttp,
    isSecure: true,
  },
  tls: { make: (credentials) => tls.createServer(credentials, (socket) => socket.pipe(socket)), ask: askPlainly, isSecure: true },
};

const [major, minor] = process.versions.node.split('.').map(Number);

/** Seen on 20.0.0, and not on 20.20: when the TLS of a session is destroyed. */
const CRASHES_IN_HTTP2 = major === 20 && minor < 19;

describe('giveSlots', () => {
  it('gives the lowest free slot first, and takes it back when the connection is gone (row 61)', async () => {
    const { server, slots } = await slotted();
    const taken = await takeSlots(server, 4);
    assert.deepEqual(taken.map(({ slot }) => slot), [0, 1, 2, 3]);
    assert.equal(slots.used, 4);
    taken[2].socket.destroy();
    taken[1].socket.resetAndDestroy();
    await until(() => slots.used === 2);
    const again = await takeSlots(server, 3);
    assert.deepEqual(again.map(({ slot }) => slot), [1, 2, 4]);
  });

  for (const [how, go] of Object.entries({
    'its client ends': (client) => client.end(),
    'its client resets': (client) => client.resetAndDestroy(),
    'its server ends': (client, server) => server.end(),
    'its server destroys it': (client, server) => server.destroy(),
    'its server destroys it with an error': (client, server) => server.destroy(new Error('of the app')),
    'its server resets it': (client, server) => server.resetAndDestroy(),
  })) {
    it(`takes a slot back where ${how} (row 61)`, async () => {
      const accepted = [];
      const { server, slots } = await slotted((socket) => accepted.push(socket.resume()));
      const { socket } = await takeSlot(server);
      socket.on('error', () => {}).resume();
      go(socket, accepted[0]);
      await until(() => slots.used === 0);
      assert.equal((await takeSlot(server)).slot, 0);
    });
  }

  it('writes the slot line before anything that the server writes (row 61)', async () => {
    const { server } = await slotted((socket) => socket.end('220 ready\r\n'));
    const { slot, socket } = await takeSlot(server);
    assert.deepEqual([slot, await textOf(socket)], [0, '220 ready\r\n']);
  });

  it('writes it before what a listener writes that the app prepends later (row 61)', async () => {
    const { server } = await slotted((socket) => socket.end());
    server.prependListener('connection', (socket) => socket.write('220 ready\r\n'));
    const { slot, socket } = await takeSlot(server);
    assert.deepEqual([slot, await textOf(socket)], [0, '220 ready\r\n']);
  });

  it('gives slots where the app has removed all listeners (row 61)', async () => {
    const { server, slots } = await slotted(() => {});
    server.removeAllListeners('connection');
    const { slot, socket } = await takeSlot(server);
    assert.deepEqual([slot, slots.used], [0, 1]);
    socket.destroy();
    await until(() => slots.used === 0);
  });

  it('takes the slot of a connection back that nobody reads (row 61)', async () => {
    const server = net.createServer();
    const slots = giveSlots(server);
    await listen(server);
    cleanup(() => server.close());
    const { socket } = await takeSlot(server);
    assert.equal(slots.used, 1);
    socket.end('nobody reads this');
    await until(() => slots.used === 0);
  });

  it('ends no process for a reset, and tells the app of it (row 61)', async () => {
    const errors = [];
    const { server, slots } = await slotted((socket) => socket.on('error', ({ code }) => errors.push(code)).resume());
    const { socket } = await takeSlot(server);
    socket.resetAndDestroy();
    await until(() => slots.used === 0);
    assert.deepEqual(errors, ['ECONNRESET']);
  });

  it('gives slots to what is handed over by emit (row 61)', async () => {
    const inner = net.createServer((socket) => socket.pipe(socket));
    const slots = giveSlots(inner);
    const outer = await listening(net.createServer((socket) => inner.emit('connection', socket)));
    const { slot, socket } = await takeSlot(outer);
    socket.end('hello');
    assert.deepEqual([slot, await textOf(socket)], [0, 'hello']);
    await until(() => slots.used === 0);
  });

  it('gives slots to a stream that is no socket (row 61)', async () => {
    const inner = net.createServer((stream) => stream.resume());
    const slots = giveSlots(inner);
    const written = [];
    const stream = new Duplex({
      read() {},
      write(chunk, _encoding, done) {
        written.push(`${chunk}`);
        done();
      },
    });
    inner.emit('connection', stream);
    assert.deepEqual([written, slots.used], [['0\r\n'], 1]);
    stream.destroy();
    await once(stream, 'close');
    assert.equal(slots.used, 0);
  });

  it('gives no slot to a connection that died before its slot line (row 61)', async () => {
    const inner = net.createServer(() => {});
    const slots = giveSlots(inner);
    const outer = await listening(net.createServer((socket) => {
      socket.destroy();
      socket.on('close', () => inner.emit('connection', socket));
    }));
    const { slot } = await takeSlot(outer);
    assert.deepEqual([slot, slots.used], [NaN, 0]);
    const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done(new Error('dead')) });
    inner.emit('connection', stream);
    await closed(stream);
    assert.equal(slots.used, 0);
  });

  it('keeps to maxConnections: one too many is closed without a slot (row 61)', async () => {
    const { server, slots } = await slotted();
    server.maxConnections = 2;
    const taken = await takeSlots(server, 3);
    assert.deepEqual(taken.map(({ slot }) => slot), [0, 1, NaN]);
    taken[0].socket.destroy();
    await until(() => slots.used === 1);
    assert.equal((await takeSlot(server)).slot, 0);
  });

  it('lets server.close() wait for connections, as ever (row 61)', async () => {
    const { server, slots } = await slotted();
    const { socket } = await takeSlot(server);
    const end = once(server, 'close');
    server.close();
    assert.equal(slots.used, 1);
    socket.destroy();
    await end;
    await until(() => slots.used === 0);
  });

  it('turns TCP keep-alive on, so that a client without power gives its slot back (row 61)', async function () {
    if (process.platform !== 'linux') return skip(this, NOT_LINUX);
    const { server } = await slotted();
    const { socket } = await takeSlot(server);
    const filter = [`sport = :${server.address().port}`, `dport = :${socket.localPort}`].join(' and ');
    const shown = execFileSync(program(this, 'ss'), ['-Htno', filter], { encoding: 'utf8' });
    assert.match(shown, /timer:\(keepalive,/);
  });

  it('gives 10,000 connections their slots, and takes them all back (row 61)', async function () {
    this.timeout(60_000);
    const server = net.createServer(() => {});
    const slots = giveSlots(server);
    const streams = [];
    const lines = [];
    const open = () => {
      const stream = new Duplex({
        read() {},
        write(chunk, _encoding, done) {
          lines.push(Number(chunk));
          done();
        },
      });
      server.emit('connection', stream);
      streams.push(stream);
    };
    for (let n = 0; n < 10_000; n++) open();
    assert.deepEqual(lines.splice(0), Array.from({ length: 10_000 }, (_, n) => n));
    const odd = streams.filter((_, n) => n % 2 === 1);
    for (const stream of odd.reverse()) stream.destroy();
    await Promise.all(odd.map(closed));
    assert.equal(slots.used, 5000);
    for (let n = 0; n < 5000; n++) open();
    assert.deepEqual(lines, Array.from({ length: 5000 }, (_, n) => 2 * n + 1));
    for (const stream of streams) stream.destroy();
    await until(() => slots.used === 0);
  });

  it('announces floor(n / weight) (row 62)', async () => {
    const two = await slotted(() => {}, { weight: 2 });
    assert.deepEqual((await takeSlots(two.server, 5)).map(({ slot }) => slot), [0, 0, 1, 1, 2]);
    const half = await slotted(() => {}, { weight: 0.5 });
    assert.deepEqual((await takeSlots(half.server, 3)).map(({ slot }) => slot), [0, 2, 4]);
  });

  it('announces no slot that says that it drains, whatever the weight (rows 62 and 63)', async () => {
    const { server } = await slotted(() => {}, { weight: 1e-12 });
    assert.deepEqual((await takeSlots(server, 2)).map(({ slot }) => slot), [0, 999_999_999]);
  });

  it('says what is wrong with its arguments (rows 61 and 62)', () => {
    for (const bad of [undefined, null, {}]) assert.throws(() => giveSlots(bad), { name: 'TypeError', message: 'server must be a net.Server' });
    assert.throws(() => giveSlots(net.createServer(), { weight: '2' }), TypeError);
    for (const weight of [0, -1, NaN, Infinity]) assert.throws(() => giveSlots(net.createServer(), { weight }), RangeError);
    const server = net.createServer();
    giveSlots(server);
    assert.throws(() => giveSlots(server), { message: 'This server gives slots already' });
  });

  it('throws for a server of which it cannot have the raw sockets, as in Bun (row 61)', () => {
    const server = http.createServer();
    server.removeAllListeners('connection');
    assert.throws(() => giveSlots(server), { code: 'ERR_CALLOSUM_UNSUPPORTED' });
    Object.setPrototypeOf(server, { prependListener() {} });
    assert.throws(() => giveSlots(server), { code: 'ERR_CALLOSUM_UNSUPPORTED' });
  });

  for (const [kind, { make, ask, isSecure }] of Object.entries(KINDS)) {
    describe(`at a server of ${kind}`, () => {
      before(function () {
        if (isSecure && ask === askHttp2 && CRASHES_IN_HTTP2) skip(this, 'the http2 of the first Node.js 20 ends the process by SIGSEGV');
      });

      /** The server, its slots, and what makes the protocol's socket of a connection. */
      async function served(test, options) {
        const credentials = isSecure ? { ...makeCertificate(test), ...options } : options;
        const server = await listening(make(credentials ?? {}));
        const slots = giveSlots(server);
        const alpn = ask === askHttp2 ? ['h2'] : ['http/1.1'];
        return { server, slots, open: (socket) => (isSecure ? secure(socket, credentials, alpn) : socket) };
      }

      it('gives the slot in the clear and serves the socket behind it (row 61)', async function () {
        const { server, slots, open } = await served(this);
        const taken = await takeSlots(server, 2);
        assert.deepEqual(taken.map(({ slot }) => slot), [0, 1]);
        const body = 'callosum '.repeat(100_000);
        assert.equal(await ask(await open(taken[1].socket), body), body);
        taken[0].socket.destroy();
        taken[1].socket.destroy();
        await until(() => slots.used === 0);
        assert.equal((await takeSlot(server)).slot, 0);
      });

      it('gives the slot before what a listener writes that the app prepends later (row 61)', async function () {
        const { server } = await served(this);
        server.prependListener('connection', (socket) => socket.write('early'));
        const { slot, socket } = await takeSlot(server);
        assert.equal(slot, 0);
        assert.equal(`${socket.read() ?? (await once(socket, 'data'))[0]}`, 'early');
      });

      it('begins neither handshake nor session for one that only looks at its slot (row 61)', async function () {
        const { server, slots } = await served(this);
        const begun = [];
        for (const event of ['secureConnection', 'tlsClientError', 'clientError', 'session', 'request']) {
          server.on(event, () => begun.push(event));
        }
        for (const { socket } of await takeSlots(server, 3)) socket.end();
        await until(() => slots.used === 0);
        assert.deepEqual(begun, []);
      });

      it('closes one that has sent nothing at server.close() (row 61)', async function () {
        const { server, slots } = await served(this);
        const { socket } = await takeSlot(server);
        const end = once(server, 'close');
        server.close();
        await closed(socket.resume());
        await end;
        await until(() => slots.used === 0);
      });
    });
  }

  describe('where Node.js has time limits for requests', () => {
    // What Node.js looks for every `connectionsCheckingInterval`, it finds within a few of them.
    const limits = { headersTimeout: 50, requestTimeout: 50, connectionsCheckingInterval: 10, keepAliveTimeout: 5000 };

    /** Lets a bare server of the same limits close such a connection: by then they have passed for others, too. */
    async function letLimitsPass() {
      const bare = await listening(http.createServer(limits, echo));
      const socket = net.connect(bare.address().port, '127.0.0.1');
      assert.match(await textOf(socket), /^HTTP\/1\.1 408 /);
    }

    it('does not close a connection that has sent nothing (row 61)', async () => {
      const server = await listening(http.createServer(limits, echo));
      giveSlots(server);
      const { socket } = await takeSlot(server);
      await letLimitsPass();
      assert.equal(await askHttp(socket, 'still there'), 'still there');
    });

    it('does not close a TLS connection before or behind its handshake (row 61)', async function () {
      const certificate = makeCertificate(this);
      const server = await listening(https.createServer({ ...certificate, ...limits, handshakeTimeout: 50 }, echo));
      giveSlots(server);
      const [early, late] = await takeSlots(server, 2);
      const secured = await secure(early.socket, certificate);
      await letLimitsPass();
      assert.equal(await askHttp(secured, 'behind'), 'behind');
      assert.equal(await askHttp(await secure(late.socket, certificate), 'before'), 'before');
    });

    it('still times a request that has begun (row 61)', async () => {
      const server = await listening(http.createServer(limits, echo));
      giveSlots(server);
      const { socket } = await takeSlot(server);
      socket.write('GET / HTTP/1.1\r\n');
      assert.match(await textOf(socket), /^HTTP\/1\.1 408 /);
    });

    it('still times a handshake that has begun (row 61)', async function () {
      const server = await listening(tls.createServer({ ...makeCertificate(this), handshakeTimeout: 50 }));
      giveSlots(server);
      const failed = once(server, 'tlsClientError');
      const { socket } = await takeSlot(server);
      socket.on('error', () => {}).write('\x16');
      assert.equal((await failed)[0].code, 'ERR_TLS_HANDSHAKE_TIMEOUT');
    });

    it('keeps a connection that had its response, unless the app has a keepAliveTimeout of its own (row 61)', () => {
      const usual = http.createServer();
      giveSlots(usual);
      assert.equal(usual.keepAliveTimeout, 0);
      const own = http.createServer({ keepAliveTimeout: 60_000 });
      giveSlots(own);
      assert.equal(own.keepAliveTimeout, 60_000);
    });

    for (const name of ['closeIdleConnections', 'closeAllConnections']) {
      it(`closes one that has sent nothing at ${name}() (row 61)`, async () => {
        const server = await listening(http.createServer(limits, echo));
        const slots = giveSlots(server);
        const { socket } = await takeSlot(server);
        server[name]();
        await closed(socket.resume());
        await until(() => slots.used === 0);
      });
    }

    it('closes one in the middle of a request at closeAllConnections() (row 61)', async () => {
      const server = await listening(http.createServer(() => {}));
      const slots = giveSlots(server);
      const { socket } = await takeSlot(server);
      socket.on('error', () => {}).write('GET / HTTP/1.1\r\nHost: slot.test\r\n\r\n');
      await once(server, 'request');
      server.closeAllConnections();
      await closed(socket.resume());
      await until(() => slots.used === 0);
    });
  });

  it('leaves a WebSocket or another upgrade alone, and takes its slot back (row 61)', async () => {
    const server = await listening(http.createServer());
    const slots = giveSlots(server);
    server.on('upgrade', (_request, socket, head) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
      socket.write(head);
      socket.pipe(socket);
    });
    const { socket } = await takeSlot(server);
    socket.write('GET / HTTP/1.1\r\nHost: slot.test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhello ');
    await once(socket, 'readable');
    socket.end('again');
    assert.match(await textOf(socket), /^HTTP\/1\.1 101 .*\r\n\r\nhello again$/s);
    await until(() => slots.used === 0);
  });
});
