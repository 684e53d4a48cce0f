'use strict';

/**
 * Asks by a dispatcher of undici.
 *
 * @param {import('undici').Dispatcher} dispatcher
 * @param {string} origin
 * @returns {Promise<string>} the id of the server that answered
 */
async function request(dispatcher, origin) {
  const { statusCode, headers, body } = await dispatcher.request({ origin, path: '/', method: 'GET' });
  await body.dump();
  if (statusCode !== 200) throw new Error(`status ${statusCode}`);
  return headers['x-server'];
}

module.exports = { request };
