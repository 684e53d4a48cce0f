'use strict';

const http = require('node:http');
const https = require('node:https');

const { RoverAgent } = require('../../lib/http');

const { cleanup } = require('./cleanup.js');
const { slotServer } = require('./slot-server.js');

/**
 * A web server behind slots.
 *
 * @param {http.RequestListener} [handler] Default: answers with `hello`.
 * @param {object} [options] `tls` as of `https.createServer`; `greeting`, and all others, as for `slotServer`.
 * @returns What `slotServer` returns, with `web`, the `http.Server` or `https.Server`.
 */
async function webServer(handler = (request, response) => response.end('hello'), { tls, ...options } = {}) {
  const idle = { keepAliveTimeout: 0 };
  const web = tls ? https.createServer({ ...idle, ...tls }, handler) : http.createServer(idle, handler);
  const server = await slotServer({ ...options, then: (socket) => web.emit('connection', socket) });
  return Object.defineProperties({ web }, Object.getOwnPropertyDescriptors(server));
}

/** An agent that is destroyed at the end of the test, and its pool is closed. */
function makeAgent(pool, options) {
  const agent = new RoverAgent(pool, options);
  cleanup(async () => {
    agent.destroy();
    await agent.pool.close({ timeout: 0 });
  });
  return agent;
}

/**
 * One request.
 *
 * @param {http.Agent} agent
 * @param {https.RequestOptions & { body?: string }} [options]
 * @returns {http.ClientRequest & { response: Promise<{ text: string, statusCode: number }> }}
 */
function send(agent, { body, ...options } = {}) {
  const client = agent.protocol === 'https:' ? https : http;
  const request = client.request({ host: 'slot.test', agent, ...options });
  request.response = new Promise((resolve, reject) => {
    request.on('error', reject);
    request.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (data) => (text += data));
      response.on('error', reject);
      response.on('end', () => resolve({ text, statusCode: response.statusCode }));
    });
  });
  // A test may have no interest in it, or gets to it later.
  request.response.catch(() => {});
  request.end(body);
  return request;
}

module.exports = { RoverAgent, makeAgent, send, webServer };
