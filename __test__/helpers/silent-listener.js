'use strict';

const { cleanup } = require('./cleanup.js');
const { hang } = require('./hanging-listener.js');

/**
 * Listens where no connection is ever established, until the end of the test.
 *
 * @param {string} [host='127.0.0.1']
 * @returns {Promise<{host: string, port: number} | null>} null where the kernel is another one.
 */
async function silentListener(host) {
  if (process.platform !== 'linux') return null;
  const { server, close } = await hang(host);
  cleanup(close);
  return server;
}

module.exports = { silentListener };
