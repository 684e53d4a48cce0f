'use strict';

const { once } = require('node:events');
const net = require('node:net');
const { setTimeout: delay } = require('node:timers/promises');

const { cleanup } = require('./cleanup.js');
const { skip } = require('./skip.js');

/** Resolves when a socket is closed, with or without an error. */
async function closed(socket) {
  if (!socket.closed) await new Promise((resolve) => socket.on('close', resolve));
}

/** Ports that `refusedPort` has promised to nobody: no server of the suite may be given one. */
const refusedPorts = new Set();

/**
 * Listens, on a free port unless told otherwise.
 *
 * @param {net.Server} server
 * @param {net.ListenOptions} [where] Default port 0 on 127.0.0.1.
 */
async function listen(server, where) {
  const options = { host: '127.0.0.1', port: 0, ...where };
  if (options.path !== undefined) delete options.port;
  for (;;) {
    server.listen(options);
    await once(server, 'listening');
    if (options.port !== 0 || !refusedPorts.has(server.address().port)) return;
    server.close();
    await once(server, 'close');
  }
}

/**
 * Lets a server listen until the end of the test, when it and every connection that it took is closed.
 *
 * @template {net.Server} Server
 * @param {Server} server
 * @param {net.ListenOptions} [where] As of `listen`.
 * @returns {Promise<Server>}
 */
async function listening(server, where) {
  await listen(server, where);
  const sockets = new Set();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  cleanup(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return server;
}

/** What a server does with a connection that has got its greeting, by the name of `options.then`. */
const FOLLOW_UPS = {
  hold() {},
  close: (socket) => socket.end(),
  reset: (socket) => socket.resetAndDestroy(),
  async chat(socket) {
    while (socket.writable) {
      socket.write('chat\r\n');
      await delay(1);
    }
  },
};

/**
 * Starts a server that greets every connection with a slot line, or with whatever a test wants
 * there instead. It, and every connection that it took, is closed at the end of the test.
 *
 * @param {object} [options]
 * @param {string | Buffer | Array | ((n: number) => unknown)} [options.greeting='13\r\n'] An array
 *   is sent as segments of their own, '' and null send nothing. A function gets the number of
 *   the connection, from 0, and returns one of these or a promise of it.
 * @param {number} [options.gap=5] Between two segments, in ms.
 * @param {'hold' | 'close' | 'reset' | 'chat' | ((socket: net.Socket) => unknown)} [options.then='hold']
 *   What follows the greeting: nothing, FIN, RST, a line every ms, or a function of the server's
 *   socket, of which nobody has read then.
 * @param {string} [options.host='127.0.0.1']
 * @param {number} [options.port=0]
 * @param {string} [options.path] Of a Unix socket, instead of host and port.
 */
async function slotServer({ greeting = '13\r\n', gap = 5, then = 'hold', ...where } = {}) {
  const followUp = typeof then === 'function' ? then : FOLLOW_UPS[then];
  const open = new Set();
  const arrivals = [];
  const waiting = [];
  let accepted = 0;

  async function greet(socket, n) {
    const segments = [typeof greeting === 'function' ? await greeting(n) : greeting].flat();
    for (const [index, segment] of segments.entries()) {
      if (index > 0) await delay(gap);
      if (segment && socket.writable) socket.write(segment);
    }
    if (!socket.destroyed) await followUp(socket);
  }

  const server = net.createServer({ noDelay: true }, (socket) => {
    const n = accepted++;
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    // A client that hangs up in mid-greeting is what some tests are about.
    socket.on('error', () => {});
    // A socket that is not read never learns that its client is gone.
    if (typeof then !== 'function') socket.resume();
    if (waiting.length > 0) waiting.shift()(socket);
    else arrivals.push(socket);
    greet(socket, n);
  });
  await listen(server, where);

  cleanup(async () => {
    const end = once(server, 'close');
    server.close();
    for (const socket of open) socket.destroy();
    await end;
  });

  return {
    /** A fresh `{host, port}`, or `{path}`, to hand to a rover. */
    get address() {
      if (where.path !== undefined) return { path: where.path };
      const { address, port } = server.address();
      return { host: address, port };
    },
    get port() {
      return server.address().port;
    },
    /** How many connections were ever accepted. */
    get accepted() {
      return accepted;
    },
    /** Resolves with the server's side of the next connection, each being given out once. */
    nextSocket() {
      if (arrivals.length > 0) return Promise.resolve(arrivals.shift());
      return new Promise((resolve) => waiting.push(resolve));
    },
    /** Resolves when the next connection, as `nextSocket` counts them, is closed. */
    async nextClosed() {
      await closed(await this.nextSocket());
    },
  };
}

/**
 * A slot server on ::1. Skips the test on a machine that has no such address.
 *
 * @param {Mocha.Context} test
 * @param {object} [options] As for `slotServer`.
 */
async function slotServerOn6(test, options) {
  const server = await slotServer({ ...options, host: '::1' }).catch(() => null);
  return server ?? skip(test, 'no IPv6: ::1 cannot be bound');
}

/** A port of 127.0.0.1 where nothing listens, nor will, as far as it is up to this suite. */
async function refusedPort() {
  const server = net.createServer();
  await listen(server);
  const { port } = server.address();
  refusedPorts.add(port);
  cleanup(() => refusedPorts.delete(port));
  server.close();
  await once(server, 'close');
  return port;
}

/** A fresh `{host, port}` that refuses every connection. */
async function refusedAddress() {
  return { host: '127.0.0.1', port: await refusedPort() };
}

/** By the event that ends an attempt at it: makes a server, and gives what to hand to a rover. */
const SERVER_FOR = {
  connection: async () => (await slotServer()).address,
  unreachable: refusedAddress,
  closed: async () => (await slotServer({ greeting: '', then: 'close' })).address,
  error: async () => (await slotServer({ greeting: 'foo\r\n' })).address,
};

module.exports = { SERVER_FOR, closed, listen, listening, refusedAddress, refusedPort, slotServer, slotServerOn6 };
