'use strict';

/**
 * One process of a service: an HTTP server like any other, and one line that makes it give slots.
 *
 *     node examples/gateway/service.js 4040 users
 */

const http = require('node:http');

const { giveSlots } = require('callosum-client-tcp-rover/server');

const [port, name] = process.argv.slice(2);

const server = http.createServer((request, response) => {
  response.setHeader('content-type', 'application/json');
  response.end(`${JSON.stringify({ service: name, port: server.address().port, path: request.url })}\n`);
});
const slots = giveSlots(server);
server.listen(Number(port), '127.0.0.1', () => {
  // To who has started it, where it was told to take any port.
  process.send?.({ port: server.address().port });
});

process.once('SIGTERM', async () => {
  // What goes on is answered, and each client replaces a few connections at a time.
  await slots.drain({ over: 1000 });
  server.close();
  process.disconnect?.();
});
