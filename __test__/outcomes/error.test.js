'use strict';

const assert = require('node:assert/strict');

const { attempt, makeRover } = require('../helpers/rover.js');
const { slotServer } = require('../helpers/slot-server.js');

describe('error', () => {
  it('is emitted on `foo\\r\\n`', async () => {
    const { address } = await slotServer({ greeting: 'foo\r\n' });
    const { event, error } = await attempt(makeRover({ servers: { a: address } }));
    assert.equal(event, 'error');
    assert.ok(error instanceof Error);
    assert.equal(error.message, 'Invalid protocol');
  });

  it('says which server broke the protocol, and how (row 23)', async () => {
    const line = 'foo\r\n';
    const { address } = await slotServer({ greeting: line });
    const rover = makeRover({ servers: { 'first one': address } });
    const { error } = await attempt(rover);
    assert.equal(error.code, 'ERR_CALLOSUM_PROTOCOL');
    assert.equal(error.id, 'first one');
    assert.equal(error.server, address);
    assert.ok(Buffer.isBuffer(error.received));
    assert.ok(error.received.length > 0);
    assert.ok(line.startsWith(error.received.toString()), `received ${error.received}`);
  });

  it('gives all of a part of a line as received (row 23)', async () => {
    const { address } = await slotServer({ greeting: '13', then: 'close' });
    const { error } = await attempt(makeRover({ servers: { a: address } }));
    assert.equal(error.received.toString(), '13');
  });

  it('gives at most 32 bytes as received (row 23)', async () => {
    for (const greeting of ['x'.repeat(1000), '0'.repeat(1000), `${'1'.repeat(60)}\r\n`]) {
      const { address } = await slotServer({ greeting });
      const { error } = await attempt(makeRover({ servers: { a: address } }));
      assert.ok(error.received.length <= 32, `${error.received.length} bytes`);
      assert.ok(greeting.startsWith(error.received.toString()));
    }
  });

  it('gives the bytes as they are, not as text (row 23)', async () => {
    const line = Buffer.from([0xff, 0x00, 0x80, 0x0d, 0x0a]);
    const { address } = await slotServer({ greeting: line });
    const { error } = await attempt(makeRover({ servers: { a: address } }));
    assert.ok(error.received.length > 0);
    assert.ok(line.subarray(0, error.received.length).equals(error.received));
  });

  it('closes the connection (row 18)', async () => {
    const server = await slotServer({ greeting: 'foo\r\n' });
    const { event } = await attempt(makeRover({ servers: { a: server.address } }));
    assert.equal(event, 'error');
    await server.nextClosed();
  });

  it('does not end the roving (row 18)', async () => {
    let line = 'foo\r\n';
    const server = await slotServer({ greeting: () => line });
    const rover = makeRover({ ROVING_INTERVAL: 10, servers: { a: server.address } });
    assert.equal((await attempt(rover, () => rover.start())).event, 'error');
    line = '13\r\n';
    // An attempt from before the change may still bring its error.
    rover.on('error', () => {});
    await new Promise((resolve) => {
      rover.on('connection', (_slot, socket) => resolve(socket.destroy()));
    });
    clearInterval(rover.intervalId);
  });
});
