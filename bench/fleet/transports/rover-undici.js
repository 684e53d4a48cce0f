'use strict';

/** undici over this package's pool. */

const { Pool: Connections } = require('undici');

const { connector } = require('../../../lib/http');
const { Pool } = require('../../../lib/pool');
const { tableOf, whenFull } = require('./table.js');
const { request } = require('./undici-request.js');

module.exports = async ({ servers, connections }) => {
  const pool = new Pool({ servers: tableOf(servers), size: connections });
  await whenFull(pool);
  const origin = 'http://service';
  const dispatcher = new Connections(origin, { connect: connector(pool), connections });
  return {
    request: () => request(dispatcher, origin),
    add: (more) => void Object.assign(pool.rover.servers, tableOf(more)),
  };
};
