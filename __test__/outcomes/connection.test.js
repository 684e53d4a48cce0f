'use strict';

const assert = require('node:assert/strict');
const net = require('node:net');
const { once } = require('node:events');

const { attempt, attemptAt, makeRover, record, settle, track } = require('../helpers/rover.js');
const { SERVER_FOR, closed, slotServer } = require('../helpers/slot-server.js');

describe('connection', () => {
  for (const [line, expected] of [
    ['0\r\n', 0],
    ['13\r\n', 13],
    ['173\r\n', 173],
    ['007\r\n', 7],
    ['9007199254740991\r\n', Number.MAX_SAFE_INTEGER],
  ]) {
    it(`gives the slot of ${JSON.stringify(line)} as the number ${expected} (rows 13 and 18)`, async () => {
      const { address } = await slotServer({ greeting: line });
      const { slot } = await attemptAt(address);
      assert.equal(slot, expected);
    });
  }

  it('gives slot, socket, id and server, with the rover as `this` (row 13)', async () => {
    const { address } = await slotServer();
    const rover = makeRover({ servers: { a: address } });
    let call;
    rover.on('connection', function (...args) {
      call = { self: this, args };
    });
    await attempt(rover);
    assert.equal(call.self, rover);
    const [slot, socket, ...whose] = call.args;
    assert.equal(slot, 13);
    assert.ok(socket instanceof net.Socket);
    assert.deepEqual(whose, ['a', address]);
    assert.equal(whose[1], address);
  });

  it('gives every listener the same socket (row 13)', async () => {
    const { address } = await slotServer();
    const rover = makeRover({ servers: { a: address } });
    const sockets = [];
    for (let i = 0; i < 3; i++) rover.on('connection', (_slot, socket) => sockets.push(socket));
    const { socket } = await attempt(rover);
    assert.deepEqual(
      sockets.map((one) => one === socket),
      [true, true, true],
    );
  });

  for (const [event, makeServer] of Object.entries(SERVER_FOR)) {
    for (const method of ['connect', 'start']) {
      it(`comes from the event loop, as ${event} does, never from inside ${method}() (row 13)`, async () => {
        const rover = makeRover({ servers: { a: await makeServer() } });
        let inside = false;
        let insideCalls = 0;
        rover.on(event, () => {
          if (inside) insideCalls++;
        });
        const log = record(rover);
        for (let i = 0; i < 20; i++) {
          inside = true;
          rover[method]();
          inside = false;
        }
        await log.until(20);
        assert.equal(insideCalls, 0);
        assert.ok(log.events().every((name) => name === event));
      });
    }

    it(`is emitted, as ${event} is, with the rover as \`this\` (row 13)`, async () => {
      const rover = makeRover({ servers: { a: await makeServer() } });
      let self;
      rover.on(event, function () {
        self = this;
      });
      await attempt(rover);
      assert.equal(self, rover);
    });
  }

  it('may come while a listener makes the next attempt (row 13)', async () => {
    const server = await slotServer({ greeting: (n) => `${n}\r\n` });
    const rover = makeRover({ servers: { a: server.address } });
    const slots = [];
    await new Promise((resolve) => {
      rover.on('connection', (slot, socket) => {
        track(socket);
        slots.push(slot);
        if (slots.length === 5) resolve();
        else rover.connect();
      });
      rover.connect();
    });
    assert.deepEqual(slots, [0, 1, 2, 3, 4]);
  });

  it('is closed when nobody listens, so that it frees its slot (row 32)', async () => {
    const server = await slotServer();
    const rover = makeRover({ servers: { a: server.address } });
    rover.connect();
    await server.nextClosed();
  });

  it('is closed when the only listener has been removed while it was in flight (row 32)', async () => {
    const server = await slotServer({ greeting: '' });
    const rover = makeRover({ servers: { a: server.address } });
    const listener = () => assert.fail('was removed');
    rover.on('connection', listener);
    rover.connect();
    const socket = await server.nextSocket();
    rover.removeListener('connection', listener);
    socket.write('13\r\n');
    await closed(socket);
  });

  it('is not closed when a once listener took it (row 32)', async () => {
    const server = await slotServer({ then: (socket) => socket.pipe(socket) });
    const rover = makeRover({ servers: { a: server.address } });
    rover.connect();
    const [, socket] = await once(rover, 'connection');
    track(socket);
    await settle();
    socket.write('hello');
    assert.equal((await once(socket, 'data')).toString(), 'hello');
  });
});
