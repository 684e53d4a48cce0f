'use strict';

/**
 * Where a server is, as a text to be compared: one that is replaced by an equal one is still the same.
 *
 * @param {import('../../index.js').Server} server
 * @returns {string}
 */
function addressOf(server) {
  if (typeof server !== 'object') return `${server}`;
  const { host = 'localhost', port, path } = server;
  return path === undefined ? `${host} ${port}` : path;
}

module.exports = { addressOf };
