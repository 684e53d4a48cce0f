'use strict';

/** An agent of Node.js, and a random server for each request: what takes ten lines. */

const http = require('node:http');

const { request } = require('./http-request.js');

module.exports = ({ servers, connections }) => {
  // Of each server.
  const agent = new http.Agent({ keepAlive: true, maxSockets: Math.ceil(connections / servers.length) });
  const ports = servers.map(({ port }) => port);
  return {
    request: () => request({ agent, host: '127.0.0.1', port: ports[Math.floor(Math.random() * ports.length)] }),
    add: (more) => void ports.push(...more.map(({ port }) => port)),
  };
};
