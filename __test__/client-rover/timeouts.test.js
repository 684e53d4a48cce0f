'use strict';

const assert = require('node:assert/strict');

const { printedBy } = require('../helpers/child.js');
const { attempt, attemptAt, makeRover, record } = require('../helpers/rover.js');
const { namespace } = require('../helpers/namespace.js');
const { silentListener } = require('../helpers/silent-listener.js');
const { NOT_LINUX, NO_NAMESPACE, skip } = require('../helpers/skip.js');
const { slotServer } = require('../helpers/slot-server.js');

/** Asserts that an attempt ends by a time limit, and not before. */
async function assertTimesOut(server, options) {
  const started = performance.now();
  const { event, error, server: reported } = await attemptAt(server, options);
  const elapsed = performance.now() - started;
  assert.equal(event, 'unreachable', `${error?.stack}`);
  assert.equal(error.code, 'ETIMEDOUT');
  assert.equal(reported, server);
  // A timer may be early by a fraction of its tick; it may be late by anything, on a busy machine.
  const limit = options.CONNECT_TIMEOUT || options.SLOT_TIMEOUT;
  assert.ok(elapsed > limit * 0.8, `${elapsed} ms of ${limit} ms`);
}

describe('SLOT_TIMEOUT', () => {
  it('ends an attempt at a server that says nothing: unreachable with ETIMEDOUT (row 24)', async () => {
    const server = await slotServer({ greeting: '' });
    await assertTimesOut(server.address, { SLOT_TIMEOUT: 60 });
    await server.nextClosed();
  });

  it('ends an attempt at a server that stops within the line (row 24)', async () => {
    const server = await slotServer({ greeting: '13\r' });
    await assertTimesOut(server.address, { SLOT_TIMEOUT: 60 });
    await server.nextClosed();
  });

  it('runs to the end of the line, whatever comes before that (row 24)', async () => {
    const server = await slotServer({ greeting: new Array(60).fill('0'), gap: 20 });
    await assertTimesOut(server.address, { SLOT_TIMEOUT: 100 });
    await server.nextClosed();
  });

  it('is over with the slot line: the socket has no limit from it (row 24)', async () => {
    const limit = { SLOT_TIMEOUT: 100 };
    const { address } = await slotServer();
    let outcome;
    // This process is the server as well, and may not be in time on a busy machine.
    do outcome = await attemptAt(address, limit);
    while (outcome.event !== 'connection');
    const silent = await slotServer({ greeting: '' });
    for (let i = 0; i < 3; i++) await attemptAt(silent.address, limit);
    assert.equal(outcome.socket.readyState, 'open');
  });

  it('of 0 is no limit (row 24)', async () => {
    const server = await slotServer({ greeting: '' });
    const unlimited = makeRover({ SLOT_TIMEOUT: 0, servers: { a: server.address } });
    const log = record(unlimited);
    unlimited.connect();
    const socket = await server.nextSocket();
    for (let i = 0; i < 3; i++) await attemptAt(server.address, { SLOT_TIMEOUT: 50 });
    assert.deepEqual(log.events(), []);
    socket.write('13\r\n');
    const [{ slot }] = await log.until(1);
    assert.equal(slot, 13);
  });
});

describe('CONNECT_TIMEOUT', () => {
  it('ends an attempt whose connection is never established (row 24)', async function () {
    const server = await silentListener();
    // No kernel but Linux can be made to leave a connection unanswered here.
    if (server === null) return skip(this, NOT_LINUX);
    await assertTimesOut(server, { CONNECT_TIMEOUT: 100 });
  });

  it('has no say in how long the slot line takes (row 24)', async () => {
    const server = await slotServer({ greeting: '' });
    const rover = makeRover({ CONNECT_TIMEOUT: 50, servers: { a: server.address } });
    const outcome = attempt(rover);
    const socket = await server.nextSocket();
    for (let i = 0; i < 3; i++) await attemptAt(server.address, { SLOT_TIMEOUT: 50 });
    socket.write('13\r\n');
    assert.equal((await outcome).event, 'connection');
  });

  it('ends an attempt whose name is never resolved (row 24)', async function () {
    const prefix = namespace({ resolv: 'nameserver 127.0.0.1\n' });
    // A name server that never answers is only to be had in a network namespace.
    if (prefix === null) return skip(this, NO_NAMESPACE);
    const printed = await printedBy(
      async ({ ClientRover, print }) => {
        const nameServer = require('node:dgram').createSocket('udp4').bind(53, '127.0.0.1');
        await require('node:events').once(nameServer, 'listening');
        const rover = new ClientRover({
          CONNECT_TIMEOUT: 100,
          servers: { a: { host: 'slots.test', port: 1 } },
        });
        rover.on('unreachable', (id, server, error) => {
          print(id, server.host, error.code);
          nameServer.close();
        });
        rover.connect();
      },
      null,
      { prefix },
    );
    assert.deepEqual(printed, [['a', 'slots.test', 'ETIMEDOUT']]);
  });
});
