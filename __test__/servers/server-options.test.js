'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const fs = require('node:fs');

const { attempt, attemptAt, makeRover } = require('../helpers/rover.js');
const { NOT_LINUX, skip } = require('../helpers/skip.js');
const { refusedAddress, slotServer, slotServerOn6 } = require('../helpers/slot-server.js');
const { temporaryPath } = require('../helpers/temporary.js');

/** The socket of a connection to this server. */
async function socketAt(server) {
  const outcome = await attemptAt(server);
  assert.equal(outcome.event, 'connection', `${outcome.error}`);
  return outcome.socket;
}

/** What the kernel's table of TCP sockets says of this one's timer: '00' none, '02' keep-alive. */
function kernelTimer({ localPort, remotePort }) {
  const hex = (port) => `:${port.toString(16).toUpperCase().padStart(4, '0')} `;
  const row = fs
    .readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .find((line) => line.includes(`${hex(localPort)}0100007F${hex(remotePort)}`));
  const [timer, expires] = row.trim().split(/\s+/)[5].split(':');
  return { timer, seconds: parseInt(expires, 16) / 100 };
}

describe('a server object', () => {
  it('has localhost for its host when it names none (row 5)', async () => {
    const { port } = await slotServer();
    const socket = await socketAt({ port });
    assert.equal(socket.remotePort, port);
  });

  it('may have a numeric string for its port (row 5)', async () => {
    const { port } = await slotServer();
    const socket = await socketAt({ host: '127.0.0.1', port: String(port) });
    assert.equal(socket.remotePort, port);
  });

  it('may have a path, of a Unix socket (row 5)', async () => {
    const server = await slotServer({ path: temporaryPath('slots.sock'), greeting: '5\r\nhello' });
    const { slot, socket } = await attemptAt(server.address);
    assert.equal(slot, 5);
    const [chunk] = await once(socket, 'data');
    assert.equal(chunk.toString(), 'hello');
    assert.equal(socket.remoteAddress, undefined);
  });

  it('may have a path and no socket there, which is unreachable (row 5)', async () => {
    const server = { path: temporaryPath('no-such.sock') };
    const outcome = await attemptAt(server);
    assert.equal(outcome.event, 'unreachable');
    assert.equal(outcome.server, server);
  });

  for (const family of [0, 4]) {
    it(`may have the family ${family} (row 5)`, async () => {
      const { port } = await slotServer();
      const socket = await socketAt({ host: 'localhost', port, family });
      assert.equal(socket.remoteFamily, 'IPv4');
    });
  }

  it('may have the family 6 (row 5)', async function () {
    const server = await slotServerOn6(this);
    const socket = await socketAt({ ...server.address, family: 6 });
    assert.equal(socket.remoteFamily, 'IPv6');
    assert.equal(socket.remoteAddress, '::1');
  });

  it('may have a localAddress (row 5)', async () => {
    // Linux answers for all of 127.0.0.0/8, and would take 127.0.0.1 unless told otherwise.
    const localAddress = process.platform === 'linux' ? '127.0.0.2' : '127.0.0.1';
    const server = await slotServer();
    const socket = await socketAt({ ...server.address, localAddress });
    assert.equal(socket.localAddress, localAddress);
    assert.equal((await server.nextSocket()).remoteAddress, localAddress);
  });

  for (const noDelay of [true, false]) {
    it(`may have noDelay: ${noDelay} (row 5)`, async () => {
      const { address } = await slotServer({ then: (socket) => socket.pipe(socket) });
      const socket = await socketAt({ ...address, noDelay });
      socket.write('a');
      await once(socket, 'data');
      socket.setNoDelay(!noDelay);
      socket.write('b');
      await once(socket, 'data');
    });
  }

  it('may have keepAlive and keepAliveInitialDelay (row 5)', async function () {
    if (process.platform !== 'linux') return skip(this, NOT_LINUX);
    const { address } = await slotServer();
    const plain = await socketAt(address);
    const kept = await socketAt({ ...address, keepAlive: true, keepAliveInitialDelay: 100_000 });
    assert.equal(kernelTimer(plain).timer, '00');
    const { timer, seconds } = kernelTimer(kept);
    assert.equal(timer, '02');
    assert.ok(seconds > 60 && seconds <= 101, `first probe in ${seconds} s`);
  });

  it('has allowHalfOpen false when it names none (row 5)', async () => {
    const server = await slotServer({ then: 'close' });
    const socket = await socketAt(server.address);
    assert.equal(socket.allowHalfOpen, false);
    await once(socket, 'close');
    assert.equal(socket.writable, false);
  });

  it('may have allowHalfOpen: the socket outlives the end of the other side (row 5)', async () => {
    const received = [];
    let ended;
    const end = new Promise((resolve) => (ended = resolve));
    const server = await slotServer({
      then(socket) {
        socket.end();
        socket.on('data', (chunk) => received.push(chunk)).on('end', ended);
      },
    });
    const socket = await socketAt({ ...server.address, allowHalfOpen: true });
    assert.equal(socket.allowHalfOpen, true);
    await once(socket, 'end');
    assert.equal(socket.writable, true);
    socket.end('after the end');
    await end;
    assert.equal(Buffer.concat(received).toString(), 'after the end');
  });

  it('may have a timeout, which is then that of the socket (row 5)', async () => {
    const { address } = await slotServer();
    const socket = await socketAt({ ...address, timeout: 30 });
    assert.equal(socket.timeout, 30);
    await once(socket, 'timeout');
    assert.equal(socket.destroyed, false);
  });

  it('may have keys that are the business of the app (row 5)', async () => {
    const server = {
      ...(await refusedAddress()),
      weight: 3,
      name: 'a',
      tags: ['x'],
      meta: { zone: 1 },
      on() {},
      [Symbol('own')]: true,
    };
    const before = { ...server };
    const rover = makeRover({ servers: { a: server } });
    const outcome = await attempt(rover);
    assert.equal(outcome.server, server);
    assert.deepEqual({ ...server }, before);
  });

  it('may be an instance of a class (row 5)', async () => {
    class Server {
      #port;
      constructor(port) {
        this.#port = port;
      }
      host = '127.0.0.1';
      get port() {
        return this.#port;
      }
    }
    const server = await slotServer();
    await socketAt(new Server(server.port));
  });
});
