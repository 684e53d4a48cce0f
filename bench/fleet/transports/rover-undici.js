'use strict';

/** undici over this package's pool: undici takes its connections in turn, and gives each back after a while. */

const { RoundRobinPool } = require('undici');

const { connector } = require('../../../lib/http');
const { Pool } = require('../../../lib/pool');
const { tableOf, whenFull } = require('./table.js');
const { request } = require('./undici-request.js');

/** How long undici keeps a connection, in ms: the pool replaces one by a better one only when it has come back. */
const CLIENT_TTL = 10_000;

module.exports = async ({ servers, connections }) => {
  const pool = new Pool({ servers: tableOf(servers), size: connections });
  await whenFull(pool);
  const origin = 'http://service';
  const dispatcher = new RoundRobinPool(origin, { connect: connector(pool), connections, clientTtl: CLIENT_TTL });
  return {
    request: () => request(dispatcher, origin),
    add: (more) => void Object.assign(pool.rover.servers, tableOf(more)),
  };
};
