'use strict';

const assert = require('node:assert/strict');

const { printedBy } = require('../helpers/child.js');
const { namespace } = require('../helpers/namespace.js');
const { NO_NAMESPACE, skip } = require('../helpers/skip.js');
const { slotServer, slotServerOn6 } = require('../helpers/slot-server.js');

const HOSTS = `
127.0.0.1 localhost
127.0.0.1 both.test
::1 both.test
`;

/** The family that an attempt at the name is connected by, or its error, and those of `net.connect` beside it. */
const connected = async ({ ClientRover, print }, { set, port }) => {
  const host = 'both.test';
  const net = require('node:net');
  const dns = require('node:dns');
  const rover = new ClientRover({ servers: { a: { host, port } } });
  for (const [module, name, value] of set) {
    ({ dns, net })[module][name](value);
    const ours = await rover.rove().then(
      ({ socket }) => {
        const { remoteFamily } = socket;
        socket.destroy();
        return remoteFamily;
      },
      ({ code, address }) => `${code} ${address}`,
    );
    const theirs = await new Promise((resolve) => {
      const socket = net.connect({ host, port });
      socket.on('connect', () => {
        resolve(socket.remoteFamily);
        socket.destroy();
      });
      socket.on('error', ({ code, address }) => resolve(`${code} ${address}`));
    });
    print(ours, theirs);
  }
};

const ORDERS = {
  ipv4first: 'IPv4',
  ipv6first: 'IPv6',
  verbatim: 'IPv6',
};

const TELLS_ORDER = require('node:dns').getDefaultResultOrder !== undefined;
const NO_ORDER = 'node:dns does not tell its order before Node.js 20.1';

describe('what an app sets for all connections of its process', () => {
  let prefix;

  beforeEach(function () {
    prefix = namespace({ hosts: HOSTS });
    if (prefix === null) skip(this, NO_NAMESPACE);
  });

  for (const [order, family] of Object.entries(ORDERS)) {
    it(`dns.setDefaultResultOrder('${order}') decides which address comes first (row 26)`, async function () {
      if (!TELLS_ORDER && order !== 'verbatim') return skip(this, NO_ORDER);
      if (order === 'ipv6first' && parseInt(process.versions.node, 10) < 22) return skip(this, 'needs Node 22');
      const { port } = await slotServer();
      await slotServerOn6(this, { port });
      const set = [['dns', 'setDefaultResultOrder', order]];
      assert.deepEqual(await printedBy(connected, { set, port }, { prefix }), [[family, family]]);
    });
  }

  it('net.setDefaultAutoSelectFamily(false) has only the first address tried, and true all (row 26)', async () => {
    // Nothing listens on ::1 at that port.
    const { port } = await slotServer();
    const set = [
      ['net', 'setDefaultAutoSelectFamily', false],
      ['net', 'setDefaultAutoSelectFamily', true],
    ];
    assert.deepEqual(await printedBy(connected, { set, port }, { prefix }), [
      ['ECONNREFUSED ::1', 'ECONNREFUSED ::1'],
      ['IPv4', 'IPv4'],
    ]);
  });

  it('is heeded by a rover that roves already, within a second (row 26)', async function () {
    if (!TELLS_ORDER) return skip(this, NO_ORDER);
    const four = await slotServer();
    await slotServerOn6(this, { port: four.port });
    const printed = await printedBy(
      async ({ ClientRover, print }, port) => {
        const dns = require('node:dns');
        dns.setDefaultResultOrder('verbatim');
        const { once } = require('node:events');
        const rover = new ClientRover({ ROVING_INTERVAL: 20, servers: { a: { host: 'both.test', port } } });
        const families = [];
        rover.on('connection', (_slot, socket) => {
          families.push(socket.remoteFamily);
          socket.destroy();
        });
        rover.start();
        await once(rover, 'connection');
        dns.setDefaultResultOrder('ipv4first');
        while (!families.includes('IPv4')) await once(rover, 'connection');
        rover.stop();
        print(families[0], families.at(-1));
      },
      four.port,
      { prefix },
    );
    assert.deepEqual(printed, [['IPv6', 'IPv4']]);
  });
});
