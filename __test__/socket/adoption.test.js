'use strict';

const assert = require('node:assert/strict');

const { printedBy } = require('../helpers/child.js');
const { NOT_LINUX, skip } = require('../helpers/skip.js');
const { slotServer } = require('../helpers/slot-server.js');

/**
 * Roves where the constructor of `net.Socket` ignores the descriptor, as Bun's does, and where
 * `connect({fd})` does not get the socket open either.
 */
async function roveInVain({ ClientRover, print }, { address, behaviour }) {
  const { once } = require('node:events');
  const net = require('node:net');
  const { countSockets } = require('./__test__/helpers/footprint.js');
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
  const before = countSockets();
  rover.connect();
  const [{ code, message, cause }] = await once(rover, 'error');
  print(code, message, cause?.code ?? null);
  await until(() => countSockets() === before);
}

describe('a runtime whose net.Socket does not adopt descriptors', () => {
  for (const [behaviour, cause, what] of [
    ['fails', null, 'fails later, as with Bun for a descriptor that it cannot use'],
    ['throws', 'ERR_MISSING_ARGS', 'throws, as with Node.js'],
    ['hangs', null, 'takes the descriptor and never opens, as with Bun 1.3'],
  ]) {
    it(`is told in one error, and the connection closed, where connect() ${what}`, async function () {
      if (process.platform !== 'linux') return skip(this, NOT_LINUX);
      const server = await slotServer();
      const printed = await printedBy(roveInVain, { address: server.address, behaviour });
      const message = 'This runtime makes no open net.Socket of a descriptor, as Node.js, Deno 2 and Bun 1.4 do';
      assert.deepEqual(printed, [['ERR_CALLOSUM_UNSUPPORTED', message, cause]]);
    });
  }
});

/** Roves where the constructor of `net.Socket` throws or ignores what it is given, after so many connections. */
async function roveUntilBroken({ ClientRover, print }, { address, made, behaviour }) {
  const { once } = require('node:events');
  const net = require('node:net');
  const { countSockets } = require('./__test__/helpers/footprint.js');
  const { until } = require('./__test__/helpers/wait.js');
  const { Socket } = net;
  let isBroken = false;
  net.Socket = class extends Socket {
    constructor({ handle, ...options } = {}) {
      if (isBroken && behaviour === 'throws') throw new Error('Out of sockets');
      super(isBroken ? options : { handle, ...options });
    }
  };
  const rover = new ClientRover({ servers: { a: address } });
  const before = countSockets();
  for (let n = 0; n < made; n++) {
    rover.connect();
    const [, socket] = await once(rover, 'connection');
    socket.destroy();
  }
  isBroken = true;
  rover.connect();
  const [{ code, message }] = await once(rover, 'error');
  print(code ?? message);
  await until(() => countSockets() === before);
}

describe('a net.Socket that does not take what it is given', () => {
  for (const [what, made, behaviour, expected] of [
    ['throws at the first connection', 0, 'throws', 'Out of sockets'],
    ['throws when it is given a handle', 2, 'throws', 'Out of sockets'],
    ['ignores its handle', 2, 'ignores', 'ERR_CALLOSUM_UNSUPPORTED'],
  ]) {
    it(`is told of in one error, and the connection closed, where it ${what}`, async function () {
      if (process.platform !== 'linux') return skip(this, NOT_LINUX);
      const server = await slotServer();
      const printed = await printedBy(roveUntilBroken, { address: server.address, made, behaviour });
      assert.deepEqual(printed, [expected]);
    });
  }
});
