'use strict';

const assert = require('node:assert/strict');

const { formatAddress, parseAddress } = require('../../lib/cli/address.js');

describe('an address on the command line', () => {
  for (const [text, address] of Object.entries({
    '127.0.0.1:4040': { host: '127.0.0.1', port: 4040 },
    'slots.test:80': { host: 'slots.test', port: 80 },
    '[::1]:4040': { host: '::1', port: 4040 },
    '[fe80::1%lo]:4040': { host: 'fe80::1%lo', port: 4040 },
    ':4040': { port: 4040 },
    4040: { port: 4040 },
    '/run/slots.sock': { path: '/run/slots.sock' },
    './slots.sock': { path: './slots.sock' },
  })) {
    it(`may be ${text} (row 64)`, () => {
      assert.deepEqual(parseAddress(text, '--to'), address);
    });
  }

  for (const text of ['', 'slots.test', '::1:4040', '[::1]', '127.0.0.1:', '127.0.0.1:-1', '127.0.0.1:70000', '1:2:3']) {
    it(`must not be '${text}' (row 64)`, () => {
      assert.throws(() => parseAddress(text, '--to'), { message: new RegExp(`^--to must be .*: ${text.replace(/[[\]]/g, '\\$&')}$`) });
    });
  }

  it('is printed as it can be given again (row 64)', () => {
    assert.equal(formatAddress({ address: '::', port: 1 }), '[::]:1');
    assert.equal(formatAddress({ host: 'slots.test', port: 1 }), 'slots.test:1');
    assert.equal(formatAddress({ port: 1 }), 'localhost:1');
    assert.equal(formatAddress('/run/slots.sock'), '/run/slots.sock');
  });
});
