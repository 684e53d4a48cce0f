'use strict';

const assert = require('node:assert/strict');

const { takeSocket } = require('../../lib/socket.js');

const { printedBy } = require('../helpers/child.js');
const { slotServer } = require('../helpers/slot-server.js');
const { temporaryPath } = require('../helpers/temporary.js');

/** Subscribes to Node's channel for sockets of clients, and compares what comes with what the rover emits. */
async function subscribe({ ClientRover, print }, server) {
  const diagnostics = require('node:diagnostics_channel');
  const { once } = require('node:events');
  const heard = [];
  diagnostics.subscribe('net.client.socket', ({ socket }) => heard.push([socket, socket.readyState]));
  const rover = new ClientRover({ servers: { a: server } });
  for (let n = 1; n <= 3; n++) {
    rover.connect();
    const [, socket] = await once(rover, 'connection');
    const [last, readyState] = heard.at(-1);
    print(heard.length === n, last === socket, readyState);
    socket.destroy();
  }
}

describe('takeSocket', () => {
  for (const [target, options] of [
    ['a TCP connection', () => ({})],
    ['a Unix socket', () => ({ path: temporaryPath('slots.sock') })],
  ]) {
    it(`tells net.client.socket of ${target}, once, and of nothing else (row 14)`, async () => {
      const { address } = await slotServer(options());
      const printed = await printedBy(subscribe, address);
      assert.deepEqual(printed, Array(3).fill([true, true, 'open']));
    });
  }

  it('settles no claim where there was none: it throws what claim() threw', () => {
    const calls = [];
    const failure = new Error('nothing is on offer');
    const environment = new Proxy(
      {},
      {
        get: (_, name) => () => {
          calls.push(name);
          if (name === 'claim') throw failure;
        },
      },
    );
    const server = { host: '127.0.0.1', path: undefined, socket: null };
    assert.throws(() => takeSocket(environment, server), (error) => error === failure);
    assert.deepEqual(calls, ['claim']);
  });
});
