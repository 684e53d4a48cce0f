'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const net = require('node:net');

const { printedBy } = require('../helpers/child.js');
const { attempt, attemptAt, makeRover, settle, track } = require('../helpers/rover.js');
const { closed, slotServer } = require('../helpers/slot-server.js');
const { portrait } = require('../helpers/socket-portrait.js');

/** The server's follow-up that sends back all that it gets. */
const echo = (socket) => socket.pipe(socket);

/** A socket that a rover hands over, and the server's side of it. */
async function handedOver(options) {
  const server = await slotServer(options);
  const { socket } = await attemptAt(server.address);
  return { server, socket, peer: await server.nextSocket() };
}

describe('the socket of a connection', () => {
  it('looks like one from net.connect, field by field (row 14)', async () => {
    const server = await slotServer();
    const own = track(net.connect(server.address));
    own.resume();
    const [, { socket }] = await Promise.all([once(own, 'connect'), attemptAt(server.address)]);
    assert.deepEqual(portrait(socket), portrait(own));
  });

  it('is open, and not half-open by default (row 14)', async () => {
    const { socket, server, peer } = await handedOver();
    assert.ok(socket instanceof net.Socket);
    assert.equal(socket.readyState, 'open');
    assert.equal(socket.connecting, false);
    assert.equal(socket.pending, false);
    assert.equal(socket.destroyed, false);
    assert.equal(socket.allowHalfOpen, false);
    assert.equal(socket.remoteAddress, '127.0.0.1');
    assert.equal(socket.remotePort, server.port);
    assert.equal(socket.localAddress, peer.remoteAddress);
    assert.equal(socket.localPort, peer.remotePort);
  });

  it('has the listeners of a new socket and none of the rover (row 16)', async () => {
    const server = await slotServer();
    const rover = makeRover({ servers: { a: server.address } });
    const own = net.connect(server.address);
    track(own);
    await once(own, 'connect');
    const listeners = (socket) =>
      Object.fromEntries(
        ['connect', 'data', 'drain', 'end', 'error', 'finish', 'lookup', 'ready', 'readable', 'timeout', 'close'].map(
          (name) => [name, socket.listenerCount(name)],
        ),
      );
    const seen = new Promise((resolve) => rover.once('connection', (_slot, socket) => resolve(listeners(socket))));
    await attempt(rover);
    assert.deepEqual(await seen, listeners(own));
  });

  it('is flowing when connection is emitted (row 15)', async () => {
    const { address } = await slotServer();
    const rover = makeRover({ servers: { a: address } });
    const flowing = new Promise((resolve) =>
      rover.once('connection', (_slot, socket) => resolve(socket.readableFlowing)),
    );
    await attempt(rover);
    assert.equal(await flowing, true);
  });

  it('discards what arrives and ends with the server, for a pool that listens to end and close (row 15)', async () => {
    const server = await slotServer({ greeting: ['13\r\n', 'unread'], gap: 1, then: 'close' });
    const rover = makeRover({ servers: { a: server.address } });
    const events = [];
    await new Promise((resolve, reject) => {
      rover.once('connection', (_slot, socket) => {
        track(socket);
        socket.on('end', () => events.push('end'));
        socket.on('error', reject);
        socket.on('close', (hadError) => {
          events.push(['close', hadError]);
          resolve();
        });
      });
      rover.connect();
    });
    await settle();
    assert.deepEqual(events, ['end', ['close', false]]);
  });

  it('discards any amount of what arrives, also in the segment of the slot line (row 15)', async () => {
    const server = await slotServer({
      greeting: Buffer.concat([Buffer.from('13\r\n'), Buffer.alloc(1 << 20)]),
      then: 'close',
    });
    const { socket } = await attemptAt(server.address);
    await Promise.all([once(socket, 'end'), once(socket, 'close')]);
  });

  it('holds what arrives when the handler pauses it, until it is resumed (row 15)', async () => {
    const server = await slotServer({ greeting: '13\r\nhello', then: 'close' });
    const rover = makeRover({ servers: { a: server.address } });
    const received = [];
    const socket = await new Promise((resolve) => {
      rover.once('connection', (_slot, socket) => {
        socket.pause();
        socket.on('data', (chunk) => received.push(chunk));
        resolve(track(socket));
      });
      rover.connect();
    });
    await settle();
    assert.deepEqual(received, []);
    assert.equal(socket.isPaused(), true);
    socket.resume();
    await once(socket, 'end');
    assert.equal(Buffer.concat(received).toString(), 'hello');
  });

  it('can be paused and resumed later (row 14)', async () => {
    const { socket, peer } = await handedOver();
    const received = [];
    socket.on('data', (chunk) => received.push(chunk.toString()));
    peer.write('one');
    await once(socket, 'data');
    socket.pause();
    peer.write('two');
    await settle();
    assert.deepEqual(received, ['one']);
    socket.resume();
    await once(socket, 'data');
    assert.deepEqual(received, ['one', 'two']);
  });

  it('carries bytes in both directions (row 14)', async () => {
    const { socket } = await handedOver({ then: echo });
    socket.setEncoding('utf8');
    socket.write('hello');
    assert.deepEqual(await once(socket, 'data'), ['hello']);
    assert.equal(socket.bytesWritten, 5);
  });

  it('can be piped (row 14)', async () => {
    const { socket } = await handedOver({ then: echo });
    const { PassThrough } = require('node:stream');
    const source = new PassThrough();
    const sink = new PassThrough();
    source.pipe(socket).pipe(sink);
    const payload = Buffer.alloc(300_000, 'callosum');
    source.end(payload);
    const chunks = [];
    for await (const chunk of sink) chunks.push(chunk);
    assert.ok(Buffer.concat(chunks).equals(payload));
  });

  it('signals back pressure and drains (row 14)', async () => {
    const { socket, peer } = await handedOver({ then() {} });
    const chunk = Buffer.alloc(1 << 20);
    while (socket.write(chunk));
    assert.equal(socket.writableNeedDrain, true);
    peer.resume();
    await once(socket, 'drain');
  });

  it('has setTimeout (row 14)', async () => {
    const { socket } = await handedOver();
    assert.equal(socket.setTimeout(20), socket);
    await once(socket, 'timeout');
    assert.equal(socket.timeout, 20);
    assert.equal(socket.destroyed, false);
  });

  it('has no timeout of its own (row 14)', async () => {
    const { socket } = await handedOver();
    assert.ok(!socket.timeout, `${socket.timeout}`);
  });

  it('has setNoDelay, setKeepAlive, ref and unref, each returning the socket (row 14)', async () => {
    const { socket } = await handedOver();
    assert.equal(socket.setNoDelay(true), socket);
    assert.equal(socket.setNoDelay(false), socket);
    assert.equal(socket.setKeepAlive(true, 1000), socket);
    assert.equal(socket.setKeepAlive(false), socket);
    assert.equal(socket.unref(), socket);
    assert.equal(socket.ref(), socket);
  });

  it('ends: the server sees the end, the socket closes (row 14)', async () => {
    const { socket, peer } = await handedOver({ then: (socket) => socket.resume() });
    const ended = once(peer, 'end');
    const closing = once(socket, 'close');
    socket.end('bye');
    await ended;
    assert.deepEqual(await closing, [false]);
    assert.equal(socket.readyState, 'closed');
  });

  it('is destroyed, with one close (row 14)', async () => {
    const { socket, peer } = await handedOver();
    let closes = 0;
    socket.on('close', () => closes++);
    const seen = closed(peer);
    socket.destroy();
    await once(socket, 'close');
    await seen;
    await settle();
    assert.equal(closes, 1);
    assert.equal(socket.destroyed, true);
    assert.equal(socket.remoteAddress, undefined);
  });

  it('is destroyed with an error, as any other (row 14)', async () => {
    const { socket } = await handedOver();
    const failed = once(socket, 'error');
    const hadError = new Promise((resolve) => socket.on('close', resolve));
    const cause = new Error('by the app');
    socket.destroy(cause);
    assert.deepEqual(await failed, [cause]);
    assert.equal(await hadError, true);
  });

  it('has resetAndDestroy: the server sees a reset (row 14)', async () => {
    const { socket, peer } = await handedOver();
    const failed = once(peer, 'error');
    socket.resetAndDestroy();
    const [error] = await failed;
    assert.equal(error.code, 'ECONNRESET');
  });

  it('gets the error of a reset by the server (row 16)', async () => {
    const { socket, peer } = await handedOver();
    const failed = once(socket, 'error');
    peer.resetAndDestroy();
    const [error] = await failed;
    assert.equal(error.code, 'ECONNRESET');
    assert.equal(error.syscall, 'read');
  });

  it('makes the rover emit nothing more, whatever becomes of it (row 16)', async () => {
    const { address } = await slotServer({ then: 'chat' });
    const rover = makeRover({ servers: { a: address } });
    const { socket } = await attempt(rover);
    const events = [];
    for (const event of ['connection', 'unreachable', 'closed', 'error']) rover.on(event, () => events.push(event));
    socket.on('error', () => {});
    await once(socket, 'data');
    socket.destroy(new Error('by the app'));
    await closed(socket);
    await settle();
    assert.deepEqual(events, []);
  });

  it('raises an uncaughtException for an error that nobody handles (row 16)', async () => {
    const server = await slotServer({ then: (socket) => socket.once('data', () => socket.resetAndDestroy()) });
    const printed = await printedBy(({ ClientRover, print }, address) => {
      process.on('uncaughtException', (error) => print(error.code));
      const rover = new ClientRover({ servers: { a: address } });
      for (const event of ['unreachable', 'closed', 'error']) rover.on(event, () => print(event));
      rover.on('connection', (_slot, socket) => socket.write('reset me'));
      rover.connect();
    }, server.address);
    assert.deepEqual(printed, ['ECONNRESET']);
  });

  it('is forgotten by the rover: it is collected while the rover roves on (row 16)', async () => {
    const server = await slotServer();
    const printed = await printedBy(
      async ({ ClientRover, collect, print }, address) => {
        const { once } = require('node:events');
        const rover = new ClientRover({ ROVING_INTERVAL: 60_000, servers: { a: address } });
        rover.start();
        const [, first] = await once(rover, 'connection');
        first.destroy();
        const sockets = [];
        const connect = async () => {
          rover.connect();
          const [, socket] = await once(rover, 'connection');
          sockets.push(new WeakRef(socket));
          socket.destroy();
          await once(socket, 'close');
        };
        for (let i = 0; i < 20; i++) await connect();
        print(await collect(sockets));
        clearInterval(rover.intervalId);
      },
      server.address,
      { nodeArgs: ['--expose-gc'] },
    );
    // The last one may still be held by a register or a stack slot of the engine.
    assert.ok(printed[0] <= 1, `${printed[0]} of 20 are left`);
  });
});
