'use strict';

/** undici's BalancedPool: weighted round robin over servers, the weight falls with errors. */

const { BalancedPool } = require('undici');

const { request } = require('./undici-request.js');

const originOf = ({ port }) => `http://127.0.0.1:${port}`;

module.exports = ({ servers, connections }) => {
  // It has so many for each server.
  const dispatcher = new BalancedPool(servers.map(originOf), { connections: Math.ceil(connections / servers.length) });
  return {
    request: () => request(dispatcher, originOf(servers[0])),
    add: (more) => void more.forEach((server) => dispatcher.addUpstream(originOf(server))),
  };
};
