'use strict';

/** An agent of Node.js whose connections all go to a balancer, which knows the servers. */

const http = require('node:http');

const { request } = require('./http-request.js');

module.exports = ({ proxy, connections }) => {
  const agent = new http.Agent({ keepAlive: true, maxSockets: connections });
  return {
    request: () => request({ agent, host: '127.0.0.1', port: proxy }),
    add() {},
  };
};
