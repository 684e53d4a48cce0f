'use strict';

const { once } = require('node:events');
const http = require('node:http');
const http2 = require('node:http2');
const net = require('node:net');
const tls = require('node:tls');

const { cleanup } = require('./cleanup.js');

/**
 * Connects to a Callosum server and reads the slot line, and nothing behind it. Destroyed at the end of the test.
 *
 * @param {net.NetConnectOpts | net.Server} where A server that listens, or what `net.connect` takes.
 * @returns {Promise<{slot: number, socket: net.Socket}>} `slot` is NaN where the server closed before the line ended.
 *   The socket is paused.
 */
async function takeSlot(where) {
  const options = where instanceof net.Server ? { host: '127.0.0.1', port: where.address().port } : where;
  const socket = net.connect(options);
  cleanup(() => socket.destroy());
  await once(socket, 'connect');
  // How a connection ends is what some tests are about: they listen for it.
  socket.on('error', () => {});
  let line = '';
  while (!line.endsWith('\r\n')) {
    const byte = socket.read(1);
    if (byte !== null) line += byte.toString('latin1');
    else if (socket.readableEnded || socket.destroyed) break;
    else await new Promise((resolve) => waitForMore(socket, resolve));
  }
  return { slot: /^\d+\r\n$/.test(line) ? Number(line) : NaN, socket };
}

function waitForMore(socket, resolve) {
  const done = () => {
    for (const event of ['readable', 'end', 'close']) socket.off(event, done);
    resolve();
  };
  for (const event of ['readable', 'end', 'close']) socket.on(event, done);
  socket.read(0);
}

/** Takes so many slots, one after the other. */
async function takeSlots(server, count) {
  const taken = [];
  for (let n = 0; n < count; n++) taken.push(await takeSlot(server));
  return taken;
}

/** The socket of TLS over this one, once the handshake is done. */
async function secure(socket, { cert }, ALPNProtocols) {
  const secured = tls.connect({ socket, servername: 'slot.test', ca: cert, ALPNProtocols });
  cleanup(() => secured.destroy());
  await once(secured, 'secureConnect');
  return secured;
}

/** All that comes on a stream until its end. Unlike a loop over it, this leaves the stream open. */
function textOf(stream) {
  return new Promise((resolve, reject) => {
    let text = '';
    stream.setEncoding('utf8').on('data', (part) => {
      text += part;
    });
    stream.on('end', () => resolve(text));
    stream.on('error', reject);
  });
}

/** One request over this very socket, which is kept. */
async function askHttp(socket, body) {
  const agent = new http.Agent({ keepAlive: true });
  agent.createConnection = () => socket;
  const request = http.request({ agent, method: 'POST', host: 'slot.test' });
  request.end(body);
  const [response] = await once(request, 'response');
  return textOf(response);
}

/** One request over this very socket, by HTTP/2. */
async function askHttp2(socket, body) {
  const session = http2.connect('http://slot.test', { createConnection: () => socket });
  cleanup(() => session.destroy());
  const stream = session.request({ ':method': 'POST', ':path': '/' });
  stream.end(body);
  return textOf(stream);
}

/** Sends this and ends: what comes back. */
async function askPlainly(socket, body) {
  socket.end(body);
  return textOf(socket);
}

module.exports = { askHttp, askHttp2, askPlainly, secure, takeSlot, takeSlots, textOf };
