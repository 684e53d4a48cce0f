'use strict';

/**
 * A gateway: `/users/7` is `/7` of the service `users`. Its requests go to the least loaded process of the service.
 *
 *     node examples/gateway/gateway.js 8080 '{ "users": { "a": { "port": 4040 }, "b": { "port": 4041 } } }'
 */

const http = require('node:http');
const { pipeline } = require('node:stream');

const { RoverAgent } = require('callosum-client-tcp-rover/http');

const [port, services] = process.argv.slice(2);

/** An agent for each service: its requests share a pool of connections. */
const agents = new Map();
for (const [name, servers] of Object.entries(JSON.parse(services))) {
  agents.set(name, new RoverAgent({ servers, size: 4 }));
}

/** Of these a connection has its own. */
const HOP_BY_HOP = ['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade'];

/** Those that do no harm when they come twice. */
const SAFE_METHODS = ['GET', 'HEAD', 'OPTIONS'];

/** ms for which a client may wait for a connection and for its answer. */
const TIMEOUT = 10_000;

function forward(request, response, { agent, path, isRetry = false }) {
  const headers = { ...request.headers };
  for (const name of HOP_BY_HOP) delete headers[name];
  const { method } = request;
  const onward = http.request({ agent, method, path, headers, timeout: TIMEOUT });
  onward.on('response', (answer) => {
    for (const name of HOP_BY_HOP) delete answer.headers[name];
    response.writeHead(answer.statusCode, answer.headers);
    pipeline(answer, response, () => {});
  });
  onward.on('timeout', () => onward.destroy(new Error('timeout')));
  onward.on('error', (error) => {
    // Its connection died before there was an answer. Another server has it, and nothing was sent to the client yet.
    const mayRetry = !isRetry && SAFE_METHODS.includes(method) && error.message !== 'timeout';
    if (response.headersSent || response.destroyed) response.destroy();
    else if (mayRetry) forward(request, response, { agent, path, isRetry: true });
    else response.writeHead(502, { 'content-type': 'text/plain' }).end(`${error.message}\n`);
  });
  response.on('close', () => {
    if (!response.writableFinished) onward.destroy();
  });
  if (SAFE_METHODS.includes(method)) onward.end();
  else pipeline(request, onward, () => {});
}

const server = http.createServer((request, response) => {
  const [, name, rest] = /^\/([^/?]*)(.*)$/s.exec(request.url) ?? [];
  const agent = agents.get(name);
  if (agent === undefined) return void response.writeHead(404).end();
  forward(request, response, { agent, path: rest.startsWith('/') ? rest : `/${rest}` });
});
server.listen(Number(port), '127.0.0.1', () => {
  process.send?.({ port: server.address().port });
});

process.once('SIGTERM', () => {
  server.close(() => {
    for (const agent of agents.values()) agent.destroy();
    process.disconnect?.();
  });
});
