'use strict';

const assert = require('node:assert/strict');

const { printedBy } = require('./helpers/child.js');
const { slotServer } = require('./helpers/slot-server.js');

/**
 * Roves where the constructor of `net.Socket` ignores the descriptor, as Bun's does, and where
 * `connect({fd})` does not get the socket open either.
 */
async function roveInVain({ ClientRover, print }, { address, behaviour }) {
  const { once } = require('node:events');
  const net = require('node:net');
  const { openDescriptors } = require('./__test__/helpers/footprint.js');
  const { until } = require('./__test__/helpers/wait.js');
  const { Socket } = net;
  const connects = {
    fails() {
      process.nextTick(() => this.emit('error', new Error('Failed to connect')));
    },
    throws() {
      super.connect({});
    },
    hangs({ fd }) {
      this.connecting = true;
      this._handle = new Socket({ fd })._handle;
    },
  };
  net.Socket = class extends Socket {
    constructor({ fd: _, ...options }) {
      super(options);
      Object.setPrototypeOf(connects, Socket.prototype);
      this.connect = connects[behaviour];
    }
  };
  const rover = new ClientRover({ servers: { a: address } });
  rover.on('connection', () => print('connection'));
  rover.on('unreachable', () => print('unreachable'));
  const sockets = () => openDescriptors().filter((target) => target.startsWith('socket:')).length;
  const before = sockets();
  rover.connect();
  const [{ code, message, cause }] = await once(rover, 'error');
  print(code, message, cause?.code ?? null);
  await until(() => sockets() === before);
}

describe('a runtime whose net.Socket does not adopt descriptors', () => {
  for (const [behaviour, cause, what] of [
    ['fails', null, 'fails later, as with Bun for a descriptor that it cannot use'],
    ['throws', 'ERR_MISSING_ARGS', 'throws, as with Node.js'],
    ['hangs', null, 'takes the descriptor and never opens, as with Bun 1.3'],
  ]) {
    it(`is told in one error, and the connection closed, where connect() ${what}`, async function () {
      if (process.platform !== 'linux') return this.skip();
      const server = await slotServer();
      const printed = await printedBy(roveInVain, { address: server.address, behaviour });
      const message = 'This runtime makes no open net.Socket of a descriptor, as Node.js, Deno 2 and Bun 1.4 do';
      assert.deepEqual(printed, [['ERR_CALLOSUM_UNSUPPORTED', message, cause]]);
    });
  }
});

/** Roves where the constructor of `net.Socket` throws, after so many connections that it has made. */
async function roveUntilThrown({ ClientRover, print }, { address, made }) {
  const { once } = require('node:events');
  const net = require('node:net');
  const { openDescriptors } = require('./__test__/helpers/footprint.js');
  const { until } = require('./__test__/helpers/wait.js');
  const { Socket } = net;
  let doesThrow = false;
  net.Socket = class extends Socket {
    constructor(options) {
      if (doesThrow) throw new Error('Out of sockets');
      super(options);
    }
  };
  const rover = new ClientRover({ servers: { a: address } });
  const sockets = () => openDescriptors().filter((target) => target.startsWith('socket:')).length;
  const before = sockets();
  for (let n = 0; n < made; n++) {
    rover.connect();
    const [, socket] = await once(rover, 'connection');
    socket.destroy();
  }
  doesThrow = true;
  rover.connect();
  const [{ message }] = await once(rover, 'error');
  print(message);
  await until(() => sockets() === before);
}

describe('a net.Socket whose constructor throws', () => {
  for (const [made, when] of [
    [0, 'at the first connection'],
    [2, 'when it is given a handle'],
  ]) {
    it(`is told of in one error, and the connection closed, ${when}`, async function () {
      if (process.platform !== 'linux') return this.skip();
      const server = await slotServer();
      const printed = await printedBy(roveUntilThrown, { address: server.address, made });
      assert.deepEqual(printed, ['Out of sockets']);
    });
  }
});
