'use strict';

/** This package's agent, over a pool of its own. */

const { RoverAgent } = require('../../../lib/http');
const { request } = require('./http-request.js');
const { tableOf, whenFull } = require('./table.js');

module.exports = async ({ servers, connections }) => {
  const agent = new RoverAgent({ servers: tableOf(servers), size: connections });
  await whenFull(agent.pool);
  const { rover } = agent.pool;
  return {
    request: () => request({ agent, host: 'service' }),
    add: (more) => void Object.assign(rover.servers, tableOf(more)),
  };
};
