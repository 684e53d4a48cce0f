'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const net = require('node:net');

const { cleanup } = require('../helpers/cleanup.js');
const { attempt, attemptAt, attempts, makeRover, record, track } = require('../helpers/rover.js');
const { listen, slotServer } = require('../helpers/slot-server.js');

/** A server that gives slots to so many connections at a time: Node closes the others as soon as it has accepted them. */
async function fullServer(maxConnections) {
  const open = new Set();
  const server = net.createServer((socket) => {
    open.add(socket);
    socket.on('error', () => {}).on('close', () => open.delete(socket));
    socket.resume().write(`${open.size - 1}\r\n`);
  });
  server.maxConnections = maxConnections;
  await listen(server);
  cleanup(async () => {
    server.close();
    for (const socket of open) socket.destroy();
    await once(server, 'close');
  });
  return { host: '127.0.0.1', port: server.address().port };
}

describe('closed', () => {
  it('tells of a server that is full: net.Server#maxConnections (row 22)', async () => {
    const server = await fullServer(2);
    const rover = makeRover({ servers: { a: server } });
    for (const expected of ['connection', 'connection', 'closed', 'closed']) {
      assert.equal((await attempt(rover)).event, expected);
    }
  });

  it('gives id, the very object and an error with a code, with the rover as `this` (rows 17, 22 and 23)', async () => {
    const { address } = await slotServer({ greeting: '', then: 'close' });
    const rover = makeRover({ servers: { a: address } });
    let call;
    rover.on('closed', function (...args) {
      call = { self: this, args };
    });
    await attempt(rover);
    const [id, server, error, ...more] = call.args;
    assert.equal(call.self, rover);
    assert.equal(id, 'a');
    assert.equal(server, address);
    assert.ok(error instanceof Error);
    assert.equal(error.code, 'ERR_CALLOSUM_CLOSED');
    assert.match(error.stack, /closed/);
    assert.deepEqual(more, []);
  });

  it('gives the very object to each of three attempts, the first of which drops the server (rows 17 and 22)', async () => {
    const { address } = await slotServer({ greeting: '', then: 'close' });
    const rover = makeRover({ servers: { a: address } });
    rover.on('closed', (id) => rover.dropServer(id));
    const outcomes = await attempts(rover, 3);
    assert.deepEqual(outcomes.map(({ id, server }) => id === 'a' && server === address), [true, true, true]);
  });

  it('leaves the table as it is where an app drops what is unreachable, and the server is picked again (row 22)', async () => {
    const server = await fullServer(1);
    const rover = makeRover({ ROVING_INTERVAL: 5, servers: { a: server } });
    rover.on('unreachable', (id) => rover.dropServer(id));
    const log = record(rover);
    rover.start();
    const [{ socket }] = await log.until(3);
    assert.deepEqual(log.events().slice(0, 3), ['connection', 'closed', 'closed']);
    track(socket).destroy();
    // The place that this frees is found.
    await once(rover, 'connection');
    rover.stop();
  });

  it('is silence where nobody listens: nothing is thrown, and the roving goes on (row 22)', async () => {
    const server = await slotServer({ greeting: '', then: 'close' });
    const rover = makeRover({ ROVING_INTERVAL: 5, servers: { a: server.address } });
    rover.start();
    for (let n = 0; n < 3; n++) await server.nextClosed();
    rover.stop();
  });

  it('is not said of a server that resets, which is unreachable (row 22)', async () => {
    const { address } = await slotServer({ greeting: ['', ''], gap: 50, then: 'reset' });
    const { event, error } = await attemptAt(address);
    assert.deepEqual([event, error.code], ['unreachable', 'ECONNRESET']);
  });

  it('is said of a server that is shutting down, for those that wait for a slot (row 22)', async () => {
    const server = await slotServer({ greeting: '' });
    const rover = makeRover({ servers: { a: server.address } });
    const log = record(rover);
    for (let n = 0; n < 3; n++) rover.connect();
    for (let n = 0; n < 3; n++) (await server.nextSocket()).end();
    await log.until(3);
    assert.deepEqual(log.events(), ['closed', 'closed', 'closed']);
    assert.equal(rover.stats().closed, 3);
  });
});
