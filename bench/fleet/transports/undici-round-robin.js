'use strict';

/**
 * undici's RoundRobinPool: round robin over the connections to one name. Here the name has all servers, as that of a
 * headless service, and each new connection takes the next one.
 */

const { RoundRobinPool, buildConnector } = require('undici');

const { request } = require('./undici-request.js');

module.exports = ({ servers, connections }) => {
  const ports = servers.map(({ port }) => port);
  const connect = buildConnector({});
  // Clients do not begin with the same one.
  let next = Math.floor(Math.random() * ports.length);
  const origin = 'http://service';
  const dispatcher = new RoundRobinPool(origin, {
    connections,
    connect: (options, callback) => {
      const port = String(ports[next++ % ports.length]);
      connect({ ...options, hostname: '127.0.0.1', host: '127.0.0.1', port }, callback);
    },
  });
  return {
    request: () => request(dispatcher, origin),
    add: (more) => void ports.push(...more.map(({ port }) => port)),
  };
};
