'use strict';

/** What both of this package's ways need. */

const { once } = require('node:events');

/** The table of a rover. */
function tableOf(servers) {
  return Object.fromEntries(servers.map(({ id, port }) => [`s${id}`, { host: '127.0.0.1', port }]));
}

async function whenFull(pool) {
  while (!pool.isFull) await once(pool, 'keep');
}

module.exports = { tableOf, whenFull };
