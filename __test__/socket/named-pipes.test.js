'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');

const { printedBy } = require('../helpers/child.js');
const { cleanup } = require('../helpers/cleanup.js');
const { attempt, attemptAt, makeRover, settle } = require('../helpers/rover.js');
const { closed, slotServer } = require('../helpers/slot-server.js');
const { temporaryPath } = require('../helpers/temporary.js');

// The named pipes of Windows; elsewhere a Unix socket, which is dialled in the same way where the system calls itself
// Windows.

function pretendToBeWindows() {
  if (process.platform === 'win32') return;
  const original = Object.getOwnPropertyDescriptor(process, 'platform');
  cleanup(() => Object.defineProperty(process, 'platform', original));
  Object.defineProperty(process, 'platform', { ...original, value: 'win32' });
}

/** A slot server at a pipe. */
async function pipeServer(options) {
  const path = temporaryPath('slots');
  pretendToBeWindows();
  return slotServer({ ...options, path });
}

const pending = (rover) => rover.stats().pending;

describe('a named pipe', () => {
  it('gives a connection with its slot, and every byte behind the line (rows 5, 13 and 21)', async () => {
    for (const greeting of ['13\r\nhello', ['1', '3\r', '\nhe', 'llo'], ['13\r\n', 'hello']]) {
      const { address } = await pipeServer({ greeting, then: 'close' });
      const { event, slot, socket } = await attemptAt(address);
      assert.deepEqual([event, slot, socket.readyState], ['connection', 13, 'open']);
      let text = '';
      for await (const chunk of socket) text += chunk;
      assert.equal(text, 'hello');
    }
  });

  it('gives a socket that ends by itself where nobody reads (row 15)', async () => {
    const { address } = await pipeServer({ greeting: '13\r\nhello', then: 'close' });
    const { socket } = await attemptAt(address);
    await once(socket, 'end');
    await once(socket, 'close');
  });

  it('gives a socket with the options of its server (row 5)', async () => {
    const { address } = await pipeServer({ greeting: '13\r\n\u00fc' });
    const { socket } = await attemptAt({ ...address, encoding: 'utf8', highWaterMark: 10, timeout: 9000 });
    assert.deepEqual([socket.readableHighWaterMark, socket.timeout], [10, 9000]);
    assert.deepEqual(await once(socket, 'data'), ['\u00fc']);
  });

  it('closes a slot that is too high, without an event (row 29)', async () => {
    const server = await pipeServer();
    const rover = makeRover({ MAX_SLOT: 12, ROVING_INTERVAL: 60_000, servers: { a: server.address } });
    rover.on('connection', () => assert.fail('it is too high'));
    rover.start();
    await server.nextClosed();
    await settle();
    const { attempts, rejected } = rover.stats();
    assert.deepEqual({ attempts, rejected, pending: pending(rover) }, { attempts: 1, rejected: 1, pending: 0 });
  });

  it('has the outcome of any server that gives no slot (rows 18, 22 and 23)', async () => {
    const silent = await pipeServer({ greeting: '' });
    for (const [options, expected] of [
      [{ greeting: 'foo\r\n' }, ['error', 'ERR_CALLOSUM_PROTOCOL']],
      [{ greeting: '13', then: 'close' }, ['error', 'ERR_CALLOSUM_PROTOCOL']],
      [{ greeting: '\u00ff' }, ['error', 'ERR_CALLOSUM_PROTOCOL']],
      [{ greeting: '', then: 'close' }, ['closed', 'ERR_CALLOSUM_CLOSED']],
    ]) {
      const { address } = await pipeServer(options);
      const { event, error } = await attemptAt(address);
      assert.deepEqual([event, error.code], expected, JSON.stringify(options));
    }
    const { event, error } = await attemptAt(silent.address, { SLOT_TIMEOUT: 50 });
    assert.deepEqual([event, error.code, error.syscall], ['unreachable', 'ETIMEDOUT', 'read']);
    assert.equal(error.address, silent.address.path);
    await silent.nextClosed();
  });

  it('is unreachable with the error of net.connect where nobody listens, and is down then (rows 17, 23 and 42)', async () => {
    const path = temporaryPath('nobody');
    pretendToBeWindows();
    const rover = makeRover({ servers: { a: { path } } });
    const down = once(rover, 'down');
    const { error } = await attempt(rover);
    assert.deepEqual([error.code, error.syscall, error.address], ['ENOENT', 'connect', path]);
    assert.equal((await down)[2], error);
    assert.equal(rover.stats({ servers: true }).servers.get('a').lastError, 'ENOENT');
  });

  it('is refused with a NUL in it (row 5)', async () => {
    const { address } = await pipeServer();
    const { event, error } = await attemptAt({ path: `${address.path}\0x` });
    assert.deepEqual([event, error.code, error.syscall], ['unreachable', 'EINVAL', 'connect']);
  });

  it('is hung up on by stop() and by the signal of a rove(), and no event follows (rows 30 and 41)', async () => {
    const server = await pipeServer({ greeting: '1' });
    const rover = makeRover({ servers: { a: server.address } });
    rover.connect();
    const controller = new AbortController();
    const roved = rover.rove({ signal: controller.signal });
    const sockets = [await server.nextSocket(), await server.nextSocket()];
    controller.abort();
    await assert.rejects(roved, { name: 'AbortError' });
    await Promise.any(sockets.map(closed));
    assert.equal(pending(rover), 1);
    rover.stop();
    await Promise.all(sockets.map(closed));
    assert.equal(rover.stats().abandoned, 2);
  });

  it('waits for the process no longer than its attempt does (row 10)', async () => {
    const { address } = await pipeServer({ greeting: '1' });
    const printed = await printedBy(({ ClientRover, print }, server) => {
      Object.defineProperty(process, 'platform', { value: 'win32' });
      const rover = new ClientRover({ ROVING_INTERVAL: 60_000, servers: { a: server } });
      rover.start();
      setTimeout(() => {
        print(rover.stats().pending);
        rover.intervalId.unref();
      }, 100);
    }, address);
    assert.deepEqual(printed, [1]);
  });
});
