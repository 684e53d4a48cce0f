'use strict';

/**
 * A Callosum server: an echo server as anybody would write it, and one line that makes it give slots. At Ctrl-C it
 * drains: clients find other servers before it is gone.
 *
 *     node examples/server.js 4040        and, to see a slot:  nc 127.0.0.1 4040
 */

const net = require('node:net');

const { giveSlots } = require('callosum-client-tcp-rover/server');

const server = net.createServer((socket) => {
  socket.on('close', () => console.log(`gone, ${slots.used} slots in use`));
  socket.pipe(socket);
});
const slots = giveSlots(server);
server.on('connection', () => console.log(`connected, ${slots.used} slots in use`));

server.listen(Number(process.argv[2] ?? 4040), '127.0.0.1', () => {
  const { address, port } = server.address();
  console.log(`listening on ${address}:${port}, Ctrl-C ends`);
});

process.once('SIGINT', async () => {
  await slots.drain({ over: 2000 });
  server.close();
});
