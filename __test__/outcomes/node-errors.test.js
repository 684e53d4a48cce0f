'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const net = require('node:net');

const { attemptAt } = require('../helpers/rover.js');
const { LEAVES_SOCKETS_OPEN, skip } = require('../helpers/skip.js');
const { refusedPort } = require('../helpers/slot-server.js');

// Errors beside those that net.connect() has for the same server, word for word.

/** All that an error tells. Of Node's AggregateErrors the message is empty. */
function facts({ message, name, errors, ...own }) {
  return { name, ...own, ...(errors === undefined ? { message } : { errors: errors.map(facts) }) };
}

async function errorOfNode(server) {
  const [error] = await once(net.connect(server), 'error');
  return error;
}

/** Nobody has it at the moment. */
async function freePort() {
  const server = net.createServer().listen(0);
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

const lookup = (host, { all }, callback) => {
  if (!all) return callback(null, '127.0.0.1', 4);
  callback(null, [{ address: '127.0.0.1', family: 4 }, { address: '127.0.0.2', family: 4 }]);
};

describe('the error of a server that is not reached', () => {
  for (const [what, options, tells] of [
    ['a port to connect from', (localPort) => ({ host: '127.0.0.1', localPort }), true],
    ['an address to connect from', () => ({ host: '127.0.0.1', localAddress: '127.0.0.2' }), false],
    ['both', (localPort) => ({ host: '127.0.0.1', localAddress: '127.0.0.2', localPort }), true],
    ['a port to connect from, by IPv6', (localPort) => ({ host: '::1', localPort }), true],
    ['an address by IPv6, spelled out', (localPort) => ({ host: '::1', localAddress: '0:0::1', localPort }), true],
    ['a port to connect from, and a name', (localPort) => ({ host: 'slots.test', lookup, localPort }), true],
    ['both, and a name', (localPort) => ({ host: 'slots.test', lookup, localAddress: '127.0.0.1', localPort }), true],
  ]) {
    it(`tells of the near end as net.connect does, with ${what} (rows 5 and 23)`, async function () {
      const server = { port: await refusedPort(), ...options(await freePort()) };
      if (LEAVES_SOCKETS_OPEN !== null && server.lookup !== undefined) return skip(this, LEAVES_SOCKETS_OPEN);
      const expected = await errorOfNode(server);
      if (server.host === '::1' && expected.code !== 'ECONNREFUSED') return skip(this, 'this machine has no IPv6');
      const { event, error } = await attemptAt(server);
      assert.equal(event, 'unreachable');
      assert.deepEqual(facts(error), facts(expected));
      assert.deepEqual(Object.keys(error), Object.keys(expected));
      const [first] = error.errors ?? [error];
      assert.equal(/ - Local \(.+:\d+\)$/.test(first.message), tells, first.message);
      assert.equal(first.localPort, server.localPort);
    });
  }

  for (const [what, options, tells] of [
    ['nothing asked for', () => ({}), / - Local \(0\.0\.0\.0:0\)$/],
    ['a port to connect from', (localPort) => ({ localPort }), / - Local \(0\.0\.0\.0:\d+\)$/],
    ['an address to connect from', () => ({ localAddress: '127.0.0.1' }), / - Local \(127\.0\.0\.1:\d+\)$/],
  ]) {
    it(`tells of the near end as net.connect does, where the system refuses at once, with ${what} (rows 5 and 23)`, async function () {
      if (process.platform === 'win32') return skip(this, 'Windows does not refuse at once');
      const server = { host: '255.255.255.255', port: 9, ...options(await freePort()) };
      const expected = await errorOfNode(server);
      if (!tells.test(expected.message)) return skip(this, `net.connect fails otherwise: ${expected.message}`);
      const { event, error } = await attemptAt(server);
      assert.equal(event, 'unreachable');
      assert.match(error.message, tells);
      // Of any port it is another one each time.
      const known = (failure) => ({ ...facts(failure), message: failure.message.replace(/1:\d+\)$/, '1:any)') });
      assert.deepEqual(known(error), known(expected));
      assert.deepEqual(Object.keys(error), Object.keys(expected));
    });
  }
});
