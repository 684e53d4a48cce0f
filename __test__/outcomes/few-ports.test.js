'use strict';

const assert = require('node:assert/strict');

const { printedBy } = require('../helpers/child.js');
const { namespace } = require('../helpers/namespace.js');
const { NO_NAMESPACE, skip } = require('../helpers/skip.js');

/** Rejections until the ports of the namespace have run out, and what comes then: to servers described in these ways. */
const runOutOfPorts = async ({ ClientRover, print }, { ports, servers }) => {
  const fs = require('node:fs');
  const net = require('node:net');
  const { once } = require('node:events');
  const { until } = require('./__test__/helpers/wait.js');

  // Or a port that only waits for late segments could be had again after a second.
  fs.writeFileSync('/proc/sys/net/ipv4/tcp_tw_reuse', '0');
  const server = net.createServer((socket) => socket.on('error', () => {}).write('13\r\n')).listen(30_000, '::');
  await once(server, 'listening');
  fs.writeFileSync('/proc/sys/net/ipv4/ip_local_port_range', `40000 ${40_000 + ports - 1}`);

  for (const options of servers) {
    const rover = new ClientRover({ MAX_SLOT: 0, servers: { a: { port: 30_000, ...options } } });
    const outcomes = new Set();
    rover.on('unreachable', (_id, _server, { code }) => outcomes.add(`unreachable ${code}`));
    rover.on('error', ({ code, syscall, id }) => outcomes.add(`error ${syscall} ${code} ${id}`));
    for (let n = 0; n < ports + 5; n++) {
      rover.connect();
      await until(() => rover.stats().pending === 0);
    }
    print(rover.stats().rejected, ...outcomes);
  }
  server.close();
};

describe('running out of ports', () => {
  it('is error with EADDRNOTAVAIL or EADDRINUSE, and no server is blamed (row 28)', async function () {
    const prefix = namespace({ resolv: '' });
    if (prefix === null) return skip(this, NO_NAMESPACE);
    const servers = [
      { host: '127.0.0.1' },
      // Another address has ports of its own, which an IPv4-mapped one shares.
      { host: '::ffff:127.0.0.2' },
      { host: '127.0.0.2' },
      { host: '127.0.0.1', localAddress: '127.0.0.1' },
    ];
    const ports = 10;
    const [first, mapped, shared, bound] = await printedBy(runOutOfPorts, { ports, servers }, { prefix });
    assert.deepEqual(first, [ports, 'error connect EADDRNOTAVAIL a']);
    assert.deepEqual(mapped, [ports, 'error connect EADDRNOTAVAIL a']);
    assert.deepEqual(shared, [0, 'error connect EADDRNOTAVAIL a']);
    assert.equal(bound[0], 0);
    for (const outcome of bound.slice(1)) assert.match(outcome, /^error (bind EADDRINUSE|connect EADDRNOTAVAIL) a$/);
  });
});
