'use strict';

/**
 * The peer of all contestants, in a process of its own, forked by run.js: it sends its ports and lives
 * until that process is gone.
 *
 * It resets a connection once the client has ended it. So no address is left in TIME-WAIT on either
 * side, and a run can't use up the ports of the machine.
 */

const { once } = require('node:events');
const http = require('node:http');
const net = require('node:net');

const { SLOT } = require('./scene');

const SLOT_LINE = Buffer.from(`${SLOT}\r\n`);

function greet(socket) {
  socket.write(SLOT_LINE);
  resetAtEnd(socket);
}

function resetAtEnd(socket) {
  socket.on('end', reset).on('error', ignore).resume();
}

function reset() {
  this.resetAndDestroy();
}

function ignore() {}

/**
 * Connects so many times to a port of a contestant, which resets each connection. An order is one line
 * of JSON, and its connection ends when it is done.
 */
function takeOrder(control) {
  control.once('data', (order) => {
    const { port, count, inFlight } = JSON.parse(order);
    let begun = 0;
    let ended = 0;
    const dial = () => {
      begun++;
      net.connect(port, '127.0.0.1').on('error', ignore).on('close', next);
    };
    const next = () => {
      ended++;
      if (begun < count) dial();
      else if (ended === count) control.end();
    };
    while (begun < Math.min(inFlight, count)) dial();
  });
  control.on('error', ignore);
}

/** Listens on both loopback addresses: a client that dials `localhost` may try either first. */
async function listen(onConnection) {
  // Half-open, for the end of a client is not to be answered by an end but by a reset.
  const create = () => net.createServer({ allowHalfOpen: true }, onConnection);
  const server = create().listen({ host: '127.0.0.1', port: 0, backlog: 4096 });
  await once(server, 'listening');
  const { port } = server.address();
  const second = create().listen({ host: '::1', port, backlog: 4096 });
  try {
    await once(second, 'listening');
  } catch (error) {
    if (error.code !== 'EADDRNOTAVAIL' && error.code !== 'EAFNOSUPPORT') throw error;
  }
  return port;
}

/** Answers every request with the same few bytes, and keeps its connections. */
const web = http.createServer({ keepAliveTimeout: 0 }, (request, response) => response.end('hello'));

/** A web server behind slots. */
function greetAndServe(socket) {
  socket.write(SLOT_LINE);
  serve(socket);
}

function serve(socket) {
  web.emit('connection', socket);
}

async function main() {
  const ports = {
    http: await listen(serve),
    slotHttp: await listen(greetAndServe),
    slot: await listen(greet),
    silent: await listen(resetAtEnd),
    dialer: await listen(takeOrder),
  };
  process.on('disconnect', () => process.exit());
  process.send(ports);
}

main();
