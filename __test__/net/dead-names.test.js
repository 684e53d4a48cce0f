'use strict';

const assert = require('node:assert/strict');

const { printedBy } = require('../helpers/child.js');
const { namespace } = require('../helpers/namespace.js');
const { skip } = require('../helpers/skip.js');

const HOSTS = '127.0.0.1 localhost\n';
const RESOLV = 'nameserver 127.0.0.1\n';

/** Looks a name up of which the first questions are lost, and says how long that took. */
const loseQuestions = async ({ ClientRover, print }, lost) => {
  const net = require('node:net');
  const { once } = require('node:events');
  const { nameServer } = require('./__test__/helpers/name-server.js');

  const names = await nameServer((_name, n) => (n < lost ? undefined : '127.0.0.1'));
  const server = net.createServer((socket) => socket.end('13\r\n')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const rover = new ClientRover({ servers: { a: { host: 'good.test', port: server.address().port } } });
  const began = performance.now();
  rover.connect();
  const [slot, socket] = await once(rover, 'connection');
  print({ slot, ms: performance.now() - began });
  socket.destroy();
  server.close();
  names.close();
};

/**
 * Roves over names of which many are silent, and says meanwhile how long attempts at good ones take: at those that
 * are roved over, and at some that nobody has looked up before.
 */
const roveOverDeadNames = async ({ ClientRover, print }, { dead, good, interval, pending }) => {
  const net = require('node:net');
  const { once } = require('node:events');
  const { nameServer } = require('./__test__/helpers/name-server.js');
  const { isLookUp, threadNames } = require('./__test__/helpers/footprint.js');
  const { until } = require('./__test__/helpers/wait.js');

  const names = await nameServer((name) => (name.startsWith('dead') ? undefined : '127.0.0.1'));
  const server = net.createServer((socket) => socket.end('13\r\n')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  const servers = {};
  for (let n = 0; n < dead; n++) servers[`dead${n}`] = { host: `dead${n}.test`, port };
  for (let n = 0; n < good; n++) servers[`good${n}`] = { host: `good${n}.test`, port };
  const rover = new ClientRover({ ROVING_INTERVAL: interval, servers });
  const blamed = [];
  rover.on('connection', (_slot, socket) => socket.destroy());
  rover.on('unreachable', (id, _server, { code }) => {
    if (id.startsWith('good')) blamed.push(`${id} ${code}`);
  });
  rover.start();
  await until(() => rover.stats().pending >= pending, { timeout: 10_000 });

  const latencies = [];
  let threads = 0;
  const hosts = [...Object.keys(servers).filter((id) => id.startsWith('good')), 'new0', 'new1', 'new2', 'localhost'];
  for (const host of hosts) {
    const other = new ClientRover({ servers: { a: { host: host === 'localhost' ? host : `${host}.test`, port } } });
    const began = performance.now();
    other.connect();
    const [, socket] = await once(other, 'connection');
    latencies.push(Math.round(performance.now() - began));
    socket.destroy();
    threads = Math.max(threads, threadNames().filter(isLookUp).length);
  }
  rover.stop();
  server.close();
  names.close();
  print({ blamed, latencies, threads });
};

describe('a name server', () => {
  let prefix;

  beforeEach(function () {
    prefix = namespace({ hosts: HOSTS, resolv: RESOLV });
    // No private network: unshare is not permitted.
    if (prefix === null) return skip(this, 'no private network: unshare is not permitted');
  });

  it('is asked once more after a second where a packet is lost, and not after five (row 33)', async () => {
    // The system asks for both families at once.
    const [{ slot, ms }] = await printedBy(loseQuestions, 2, { prefix });
    assert.equal(slot, 13);
    assert.ok(ms >= 900 && ms < 2500, `${ms} ms`);
  });

  it('may be silent for 20 names of 30: the others answer within a second (row 33)', async () => {
    const options = { dead: 20, good: 10, interval: 20, pending: 20 };
    const [report] = await printedBy(roveOverDeadNames, options, { prefix, timeout: 18_000 });
    assert.deepEqual(report.blamed, []);
    for (const ms of report.latencies) assert.ok(ms < 1000, `${report.latencies} ms`);
    assert.ok(report.threads < 16, `${report.threads} threads`);
  });

  it('may be silent for 1,000 names: one that is new answers within a second (row 33)', async () => {
    const options = { dead: 1000, good: 2, interval: 2, pending: 900 };
    const [report] = await printedBy(roveOverDeadNames, options, { prefix, timeout: 18_000 });
    assert.deepEqual(report.blamed, []);
    for (const ms of report.latencies) assert.ok(ms < 1000, `${report.latencies} ms`);
    assert.ok(report.threads < 16, `${report.threads} threads`);
  });
});
