'use strict';

/** A process with all the servers of a fleet. Told what to do by bench/simulate/real.js. */

const { once } = require('node:events');
const net = require('node:net');

const { giveSlots } = require('../../lib/server');

/** @type {{ server: net.Server, slots: ReturnType<giveSlots>, sockets: Set<net.Socket>, port: number }[]} */
const servers = [];

async function listen(id, port) {
  const sockets = new Set();
  const server = net.createServer();
  const slots = giveSlots(server);
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.resume();
  });
  await once(server.listen({ host: '127.0.0.1', port, backlog: 4096 }), 'listening');
  servers[id] = { server, slots, sockets, port: /** @type {net.AddressInfo} */ (server.address()).port };
}

const VERBS = {
  async servers([count]) {
    const first = servers.length;
    const ids = Array.from({ length: count }, (_, index) => first + index);
    await Promise.all(ids.map((id) => listen(id, 0)));
    return ids.map((id) => servers[id].port);
  },
  stop(ids) {
    for (const { server, sockets } of ids.map((id) => servers[id])) {
      server.close();
      for (const socket of sockets) socket.destroy();
    }
  },
  async start(ids) {
    await Promise.all(ids.map((id) => listen(id, servers[id].port)));
  },
  drain([over, ...ids]) {
    for (const id of ids) void servers[id].slots.drain({ over });
  },
};

process.on('message', async ({ verb, numbers }) => {
  process.send({ ports: await VERBS[verb](numbers) });
});
process.on('disconnect', () => process.exit());
