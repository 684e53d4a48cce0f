'use strict';

/** What the recipes have in common: a server that announces itself, and a client that says which servers it knows. */

const { once } = require('node:events');
const net = require('node:net');

const { Pool } = require('callosum-client-tcp-rover/pool');
const { giveSlots } = require('callosum-client-tcp-rover/server');

const DRAIN_TIME = 1000;

/**
 * Runs an echo server that gives slots, until SIGINT or SIGTERM.
 *
 * @param {(address: { host: string, port: number }) => { close: () => Promise<void> }} announce
 */
async function runServer(announce) {
  const server = net.createServer((socket) => socket.pipe(socket));
  const slots = giveSlots(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { address: host, port } = server.address();
  const announcement = announce({ host, port });
  console.log(`listening on ${host}:${port}`);

  await interrupted();
  // In this order: no client finds it any more, then none is left.
  await announcement.close();
  await slots.drain({ over: DRAIN_TIME });
  server.close();
}

/**
 * Runs a client that keeps a pool of connections, until SIGINT or SIGTERM.
 *
 * @param {(rover: import('callosum-client-tcp-rover'), onError: (error: Error) => void) => { close: () => void }} follow
 */
async function runClient(follow) {
  const pool = new Pool({ servers: {}, size: 4 });
  let lastMessage;
  const following = follow(pool.rover, ({ message }) => {
    if (message !== lastMessage) console.error(message);
    lastMessage = message;
  });
  let last;
  const saying = setInterval(() => {
    const line = `servers: ${Object.keys(pool.rover.servers).sort().join(' ') || 'none'}`;
    if (line !== last) console.log(line);
    last = line;
  }, 50);
  pool.on('keep', (slot, socket, id) => console.log(`slot ${slot} of ${id}`));

  await interrupted();
  clearInterval(saying);
  following.close();
  await pool.close();
}

async function interrupted() {
  await new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, resolve);
  });
}

module.exports = { runClient, runServer };
