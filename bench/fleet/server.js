'use strict';

/**
 * A server of the service, in a process of its own: `node server.js ID PORT KIND`. Every answer is as long, and says
 * whose it is. Told what to do by bench/fleet/crew.js.
 */

const { once } = require('node:events');
const http = require('node:http');
const { setTimeout: delay } = require('node:timers/promises');

const { giveSlots } = require('../../lib/server');
const { BODY } = require('./service.js');

const [id, port, kind] = process.argv.slice(2);

/** How long a server that leaves goes on answering, in ms, so that whoever looks finds out. */
const DRAIN = 1500;

let slowness = 0;
let isLeaving = false;

/** Starts an HTTP server. Returns how it counts its connections, and how it leaves. */
async function startHttp() {
  const server = http.createServer(async (request, response) => {
    if (request.url === '/health') {
      response.statusCode = isLeaving ? 503 : 200;
      return response.end();
    }
    if (slowness > 0) await delay(slowness);
    if (isLeaving && kind !== 'slots') response.setHeader('Connection', 'close');
    response.setHeader('x-server', id);
    response.end(BODY);
  });
  // Balancers and pools keep connections for longer than Node.js by default does.
  server.keepAliveTimeout = 0;
  const slots = kind === 'slots' ? giveSlots(server) : null;
  await once(server.listen({ port: Number(port), host: '127.0.0.1', backlog: 1024 }), 'listening');
  return {
    port: server.address().port,
    connections: () => new Promise((resolve) => server.getConnections((_, count) => resolve(count))),
    async leave() {
      isLeaving = true;
      if (slots !== null) await slots.drain({ over: DRAIN });
      else await delay(DRAIN);
      server.close();
      await once(server, 'close');
    },
  };
}

async function startGrpc() {
  const { load, SERVICE } = require('./grpc.js');
  const grpc = load();
  const server = new grpc.Server();
  server.addService(SERVICE, {
    async ask(call, callback) {
      if (slowness > 0) await delay(slowness);
      callback(null, Buffer.concat([Buffer.from([Number(id)]), BODY]));
    },
  });
  const credentials = grpc.ServerCredentials.createInsecure();
  const bound = await new Promise((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, credentials, (error, value) => (error ? reject(error) : resolve(value)));
  });
  return {
    port: bound,
    // gRPC has one connection from each client, and does not tell: there is nothing to balance.
    connections: async () => null,
    leave: () => new Promise((resolve) => server.tryShutdown(resolve)),
  };
}

async function main() {
  const running = kind === 'grpc' ? await startGrpc() : await startHttp();
  const VERBS = {
    slow: (ms) => {
      slowness = ms;
    },
    connections: running.connections,
    async leave() {
      await running.leave();
      process.exit();
    },
  };
  process.on('message', async ({ verb, value }) => process.send({ answer: await VERBS[verb](value) }));
  process.on('disconnect', () => process.exit());
  process.send({ port: running.port });
}

main();
