'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const http = require('node:http');
const http2 = require('node:http2');
const https = require('node:https');
const net = require('node:net');
const { Duplex } = require('node:stream');

const { giveSlots } = require('callosum-client-tcp-rover/server');

const { makeCertificate } = require('../helpers/certificate.js');
const { printedBy } = require('../helpers/child.js');
const { cleanup } = require('../helpers/cleanup.js');
const { askHttp, secure, takeSlot, takeSlots, textOf } = require('../helpers/slot-client.js');
const { closed, listening } = require('../helpers/slot-server.js');
const { until } = require('../helpers/wait.js');

/** A listening server and its slots. */
async function slotted(server) {
  await listening(server);
  return { server, slots: giveSlots(server) };
}

const netServer = () => slotted(net.createServer((socket) => socket.resume()));

/** Clients that end when they are told to, as sockets do by default. */
async function clients(server, count) {
  const taken = await takeSlots(server, count);
  return taken.map(({ socket }) => socket.resume());
}

/** Sends the head of a request, and gives the response that the app is to make. */
async function request(server, socket) {
  const requested = once(server, 'request');
  socket.write('GET / HTTP/1.1\r\nHost: slot.test\r\n\r\n');
  const [, response] = await requested;
  return response;
}

describe('slots.drain', () => {
  it('ends 60 connections one after the other over the time given (row 63)', async () => {
    const { server, slots } = await netServer();
    const sockets = await clients(server, 60);
    const began = performance.now();
    const ends = [];
    for (const socket of sockets) socket.on('close', () => ends.push(performance.now() - began));
    await slots.drain({ over: 600 });
    await Promise.all(sockets.map(closed));
    assert.equal(slots.used, 0);
    const open = (time) => 60 - ends.filter((end) => end < time).length;
    assert.ok(Math.abs(open(150) - 45) <= 10, `${open(150)} open after a quarter`);
    assert.ok(Math.abs(open(300) - 30) <= 10, `${open(300)} open at half time`);
    assert.ok(ends.at(-1) > 500 && ends.at(-1) < 1500, `the last one ended at ${ends.at(-1)} ms`);
  });

  it('ends them in no order that a client could have come in (row 63)', async () => {
    const { server, slots } = await netServer();
    const sockets = await clients(server, 30);
    const order = [];
    for (const [n, socket] of sockets.entries()) socket.on('close', () => order.push(n));
    await slots.drain({ over: 90 });
    await Promise.all(sockets.map(closed));
    assert.notDeepEqual(order, [...order].sort((a, b) => a - b));
  });

  it('announces slots that no pool wants, and ends those connections, too (row 63)', async () => {
    const { server, slots } = await netServer();
    const [first] = await clients(server, 1);
    const drained = slots.drain({ over: 300 });
    const { slot, socket } = await takeSlot(server);
    assert.ok(slot >= 1e9 && slot < 2 ** 31, `${slot}`);
    await Promise.all([drained, closed(first), closed(socket.resume())]);
    assert.equal(slots.used, 0);
  });

  it('closes a new connection without a slot once it is done, and leaves the server listening (row 63)', async () => {
    const { server, slots } = await netServer();
    await slots.drain();
    assert.ok(server.listening);
    const { slot } = await takeSlot(server);
    assert.deepEqual([slot, slots.used], [NaN, 0]);
  });

  it('is done as soon as the last connection has left by itself (row 63)', async () => {
    const { server, slots } = await netServer();
    const sockets = await clients(server, 2);
    const drained = slots.drain({ over: 60_000 });
    for (const socket of sockets) socket.destroy();
    await drained;
    assert.equal(slots.used, 0);
  });

  it('destroys what has not closed within the grace (row 63)', async () => {
    const { server, slots } = await slotted(net.createServer({ allowHalfOpen: true }, (socket) => socket.resume()));
    const { socket } = await takeSlot({ host: '127.0.0.1', port: server.address().port, allowHalfOpen: true });
    const ended = once(socket.resume(), 'end');
    await slots.drain({ over: 0, grace: 20 });
    await ended;
    assert.equal(slots.used, 0);
  });

  it('ends connections as the app says (row 63)', async () => {
    const { server, slots } = await netServer();
    const { socket } = await takeSlot(server);
    const text = textOf(socket);
    await slots.drain({ over: 10, end: (one) => one.end('221 bye\r\n') });
    assert.equal(await text, '221 bye\r\n');
  });

  it('goes on where the app throws as it ends one, destroys that one, and reports the error (row 63)', async () => {
    const body = async ({ print }) => {
      const { once } = require('node:events');
      const net = require('node:net');
      const { giveSlots } = require('callosum-client-tcp-rover/server');
      const server = net.createServer({ allowHalfOpen: true }, (socket) => socket.resume());
      const slots = giveSlots(server);
      await once(server.listen(0, '127.0.0.1'), 'listening');
      const clients = [1, 2, 3].map(() => net.connect(server.address().port, '127.0.0.1').resume());
      await Promise.all(clients.map((client) => once(client, 'data')));
      process.on('uncaughtException', (error) => print(error.message));
      let ended = 0;
      const end = (socket) => {
        if (++ended === 1) throw new Error('of the app');
        socket.end();
      };
      // Within the time of mocha only if it does not wait for the grace.
      await slots.drain({ over: 30, grace: 60_000, end });
      print(ended, slots.used);
      server.close();
    };
    assert.deepEqual(await printedBy(body), ['of the app', [3, 0]]);
  });

  it('ends 5,000 connections in time, though no timer is that fast (row 63)', async function () {
    this.timeout(60_000);
    const server = net.createServer(() => {});
    const slots = giveSlots(server);
    for (let n = 0; n < 5000; n++) {
      const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
      server.emit('connection', stream);
    }
    const began = performance.now();
    const ends = [];
    const end = (stream) => {
      ends.push(performance.now() - began);
      stream.destroy();
    };
    await slots.drain({ over: 500, end });
    assert.equal(slots.used, 0);
    assert.ok(ends.at(-1) > 400 && ends.at(-1) < 1500, `the last one at ${ends.at(-1)} ms`);
    assert.ok(Math.abs(ends[2500] - 250) < 100, `half of them at ${ends[2500]} ms`);
  });

  it('gives the same promise again, and checks its options (row 63)', async () => {
    const { slots } = await netServer();
    assert.throws(() => slots.drain({ over: -1 }), RangeError);
    assert.throws(() => slots.drain({ over: '1s' }), TypeError);
    assert.throws(() => slots.drain({ grace: NaN }), RangeError);
    assert.throws(() => slots.drain({ end: 'now' }), TypeError);
    assert.equal(slots.used, 0);
    assert.equal(slots.drain(), slots.drain({ over: 1 }));
  });

  describe('of an HTTP server', () => {
    const httpServer = () => slotted(http.createServer());

    it('ends a connection that waits, and one that had its response (row 63)', async () => {
      const { server, slots } = await httpServer();
      const [waiting, used] = await takeSlots(server, 2);
      server.once('request', (_request, response) => response.end('hello'));
      assert.equal(await askHttp(used.socket), 'hello');
      await slots.drain({ over: 20 });
      await Promise.all([waiting, used].map(({ socket }) => closed(socket.resume())));
    });

    it('answers a request that comes on one in use while it drains, and says that it is the last (row 63)', async () => {
      const { server, slots } = await httpServer();
      const { socket } = await takeSlot(server);
      server.on('request', (_request, response) => response.end('hello'));
      // By hand: a client of Node's own has the connection to itself, also when it is idle.
      const ask = () => socket.write('GET / HTTP/1.1\r\nHost: slot.test\r\n\r\n');
      let text = '';
      socket.setEncoding('latin1').on('data', (part) => (text += part));
      ask();
      await until(() => text.endsWith('hello'));
      text = '';
      const drained = slots.drain({ over: 10 });
      // The time is over, and the connection would be ended by now.
      await drainedBeside();
      const end = once(socket, 'end');
      ask();
      await end;
      assert.match(text, /\r\nConnection: close\r\n.*hello$/is);
      await drained;
    });

    it('finishes the response that it is in, and closes behind it (row 63)', async () => {
      const { server, slots } = await httpServer();
      const { socket } = await takeSlot(server);
      const response = await request(server, socket);
      response.write('first, ');
      const drained = slots.drain({ over: 10 });
      // A connection that ends is what shows that the time is over for the other one as well.
      await drainedBeside();
      assert.equal(slots.used, 1);
      response.end('last');
      assert.match(await textOf(socket), /first, .*last/s);
      await drained;
    });

    it('finishes it over TLS as well, and ends with TLS (row 63)', async function () {
      const certificate = makeCertificate(this);
      const { server, slots } = await slotted(https.createServer(certificate));
      const [busy, waiting] = await Promise.all(
        (await takeSlots(server, 2)).map(({ socket }) => secure(socket, certificate)),
      );
      const response = await request(server, busy);
      response.write('first, ');
      const drained = slots.drain({ over: 10 });
      // An end without the word of TLS for it would be an error.
      assert.equal(await textOf(waiting), '');
      await drainedBeside();
      assert.equal(slots.used, 1);
      response.end('last');
      assert.match(await textOf(busy), /first, .*last/s);
      await drained;
    });

    it('counts one whose TLS handshake is under way, and ends it in its time (row 63)', async function () {
      const certificate = makeCertificate(this);
      const { server, slots, held } = await heldUp(certificate);
      const { socket } = await takeSlot(server);
      const securing = secure(socket, certificate);
      await until(() => held.length === 1);
      const began = performance.now();
      const drained = slots.drain({ over: 400, grace: 60_000 });
      // Would be closed without a slot if nothing were left to be drained.
      const late = await takeSlot(server);
      assert.ok(late.slot >= 1e9, `${late.slot}`);
      late.socket.destroy();
      held[0]();
      assert.equal(await textOf(await securing), '');
      await drained;
      const took = performance.now() - began;
      assert.ok(took > 300 && took < 2000, `${took} ms`);
    });

    it('ends one whose handshake lasts longer as the app says, too (row 63)', async function () {
      const certificate = makeCertificate(this);
      const { server, slots, held } = await heldUp(certificate);
      const { socket } = await takeSlot(server);
      const securing = secure(socket, certificate);
      await until(() => held.length === 1);
      const drained = slots.drain({ over: 10, end: (one) => one.encrypted && one.end('bye') });
      await drainedBeside();
      assert.equal(slots.used, 1);
      held[0]();
      assert.equal(await textOf(await securing), 'bye');
      await drained;
    });

    it('says Connection: close in a response that has not begun (row 63)', async () => {
      const { server, slots } = await httpServer();
      const { socket } = await takeSlot(server);
      const response = await request(server, socket);
      const drained = slots.drain({ over: 10 });
      await drainedBeside();
      response.end('late');
      assert.match(await textOf(socket), /\r\nConnection: close\r\n.*late/is);
      await drained;
    });

    it('answers all of several requests that came at once (row 63)', async () => {
      const { server, slots } = await httpServer();
      const { socket } = await takeSlot(server);
      const responses = [];
      server.on('request', (_request, response) => responses.push(response));
      socket.write('GET /1 HTTP/1.1\r\nHost: slot.test\r\n\r\nGET /2 HTTP/1.1\r\nHost: slot.test\r\n\r\n');
      await until(() => responses.length === 2);
      const drained = slots.drain({ over: 10 });
      await drainedBeside();
      responses[0].end('one');
      responses[1].end('two');
      assert.match(await textOf(socket), /one.*\r\nConnection: close\r\n.*two/is);
      await drained;
    });

    it('is not in the way of a request with Expect: 100-continue (row 63)', async () => {
      const { server, slots } = await httpServer();
      const { socket } = await takeSlot(server);
      const expected = once(server, 'checkContinue');
      socket.write('POST / HTTP/1.1\r\nHost: slot.test\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n');
      const [incoming, response] = await expected;
      const drained = slots.drain({ over: 10 });
      await drainedBeside();
      response.writeContinue();
      socket.write('ok');
      incoming.pipe(response);
      assert.match(await textOf(socket), /100 Continue.*200 OK.*ok/s);
      await drained;
    });

    /** An HTTPS server, and what has its handshakes go on. */
    async function heldUp(certificate) {
      const held = [];
      const SNICallback = (_name, done) => held.push(() => done(null));
      return { ...(await slotted(https.createServer({ ...certificate, SNICallback }))), held };
    }

    /** Drains another server over the same time: what is due by then is done. */
    async function drainedBeside() {
      const { server, slots } = await netServer();
      await clients(server, 1);
      await slots.drain({ over: 30 });
    }
  });

  it('says GOAWAY to a session of HTTP/2, and lets its streams finish (row 63)', async () => {
    const { server, slots } = await slotted(http2.createServer());
    const { socket } = await takeSlot(server);
    const session = http2.connect('http://slot.test', { createConnection: () => socket });
    cleanup(() => session.destroy());
    const streamed = once(server, 'stream');
    const request = session.request({ ':path': '/' });
    const [stream] = await streamed;
    stream.respond({ ':status': 200 });
    stream.write('first, ');
    const goaway = once(session, 'goaway');
    const drained = slots.drain({ over: 10 });
    await goaway;
    stream.end('last');
    assert.equal(await textOf(request), 'first, last');
    await drained;
    assert.equal(slots.used, 0);
  });
});
