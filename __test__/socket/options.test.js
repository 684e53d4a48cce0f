'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const net = require('node:net');

const { attemptAt, track } = require('../helpers/rover.js');
const { slotServer } = require('../helpers/slot-server.js');
const { portrait } = require('../helpers/socket-portrait.js');
const { temporaryPath } = require('../helpers/temporary.js');

/** Where a slot server listens, and how it is connected to. */
const TARGETS = {
  'an IP address': async () => (await slotServer()).address,
  'a name': async () => ({ ...(await slotServer()).address, host: 'localhost' }),
  'a path': async () => (await slotServer({ path: temporaryPath('slots.sock') })).address,
};

const OPTIONS = [
  {},
  { allowHalfOpen: true },
  { encoding: 'utf8' },
  { encoding: 'UTF-16LE' },
  { highWaterMark: 0 },
  { highWaterMark: 1 },
  { highWaterMark: 1 << 20 },
  { timeout: 20_000 },
  { timeout: 0.5 + 20_000 },
  { noDelay: true, keepAlive: true, keepAliveInitialDelay: 1000 },
  { allowHalfOpen: true, encoding: 'hex', highWaterMark: 10, timeout: 9000, keepAlive: true, noDelay: true },
];

describe('the socket of a connection', () => {
  for (const [target, listen] of Object.entries(TARGETS)) {
    for (const options of OPTIONS) {
      it(`is that of net.connect with ${JSON.stringify(options)} at ${target}, field by field (rows 5 and 14)`, async () => {
        const server = { ...(await listen()), ...options };
        const own = track(net.connect(server));
        own.resume();
        const [, { socket }] = await Promise.all([once(own, 'connect'), attemptAt(server)]);
        assert.deepEqual(portrait(socket), portrait(own));
        // Bun keeps the addresses as well.
        if (!process.versions.bun) assert.equal(socket._host, own._host);
      });
    }
  }

  it('decodes what comes, also right behind the slot line (row 5)', async () => {
    const { address } = await slotServer({ greeting: ['13\r\n\u00fc', 'ber'] });
    const { socket } = await attemptAt({ ...address, encoding: 'utf8' });
    let text = '';
    while (text !== '\u00fcber') {
      const [chunk] = await once(socket, 'data');
      assert.equal(typeof chunk, 'string');
      text += chunk;
    }
  });
});
