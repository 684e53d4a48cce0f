'use strict';

const assert = require('node:assert/strict');
const net = require('node:net');

const { captureTcpClass, tcpHandle } = require('../../lib/node-internals/tcp-handle.js');

const { printedBy } = require('../helpers/child.js');
const { cleanup } = require('../helpers/cleanup.js');
const { slotServer } = require('../helpers/slot-server.js');
const { skip } = require('../helpers/skip.js');

const isNode = !process.versions.bun && !process.versions.deno;

/** Replaces a method until the end of the test. */
function replace(object, name, value) {
  const original = object[name];
  cleanup(() => {
    object[name] = original;
  });
  object[name] = value;
}

/** Two turns of the event loop: what would come of a call has come by then. */
async function turns() {
  for (let n = 0; n < 2; n++) await new Promise((resolve) => setImmediate(resolve));
}

describe('captureTcpClass', () => {
  it('returns the class of the handles of TCP sockets', async function () {
    if (!isNode) return skip(this, 'it is about Node.js');
    const { address } = await slotServer();
    const socket = net.connect(address);
    cleanup(() => socket.destroy());
    assert.equal(captureTcpClass(), socket._handle.constructor);
  });

  it('connects to nothing, and leaves nothing open', async function () {
    if (!isNode) return skip(this, 'it is about Node.js');
    await turns();
    const countOpen = () => process.getActiveResourcesInfo().filter((name) => name.startsWith('TCP')).length;
    const before = countOpen();
    let connects = 0;
    replace(captureTcpClass().prototype, 'connect', () => connects++);
    captureTcpClass();
    await turns();
    assert.equal(connects, 0);
    assert.equal(countOpen(), before);
  });

  const denied = () => Object.assign(new Error('Access to this API has been restricted'), { code: 'ERR_ACCESS_DENIED' });
  for (const [what, connect] of [
    [
      'sockets are not permitted, which is said at once',
      () => {
        throw denied();
      },
    ],
    [
      'sockets are not permitted, which is said later',
      function () {
        this.destroy(denied());
      },
    ],
    ['a socket makes no handle', () => {}],
    [
      'the handle is of another class',
      function () {
        this._handle = new (class Other {
          fd = -1;
          close() {}
          open() {}
        })();
      },
    ],
    [
      'the handle cannot open a descriptor',
      function () {
        this._handle = new (class TCP {
          fd = -1;
          close() {}
        })();
      },
    ],
  ]) {
    it(`returns undefined where ${what}`, async () => {
      replace(net.Socket.prototype, 'connect', connect);
      assert.equal(captureTcpClass(), undefined);
      await turns();
    });
  }
});

describe('tcpHandle', () => {
  it('returns undefined for what is no descriptor', () => {
    assert.equal(tcpHandle(-1), undefined);
  });

  it('has a way back: where there is no class, sockets take the descriptor themselves (row 14)', async function () {
    if (process.platform === 'win32') return skip(this, 'Windows has no other way in');
    if (!isNode) return skip(this, 'it is about Node.js');
    const server = await slotServer({ then: (socket) => socket.pipe(socket) });
    const printed = await printedBy(async ({ ClientRover, print }, address) => {
      const { once } = require('node:events');
      const net = require('node:net');
      net.Socket.prototype.connect = () => {
        throw new Error('not permitted');
      };
      const rover = new ClientRover({ servers: { a: address } });
      for (let n = 0; n < 2; n++) {
        rover.connect();
        const [, socket] = await once(rover, 'connection');
        socket.write('hello');
        const [chunk] = await once(socket, 'data');
        print(`${chunk}`);
        socket.destroy();
      }
    }, server.address);
    assert.deepEqual(printed, ['hello', 'hello']);
  });
});
