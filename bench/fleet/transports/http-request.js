'use strict';

const http = require('node:http');

/**
 * Asks by `http.request`.
 *
 * @param {http.RequestOptions} options
 * @returns {Promise<string>} the id of the server that answered
 */
function request(options) {
  return new Promise((resolve, reject) => {
    const sent = http.get({ path: '/', ...options }, (response) => {
      response.resume();
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode === 200) resolve(response.headers['x-server']);
        else reject(new Error(`status ${response.statusCode}`));
      });
    });
    sent.on('error', reject);
  });
}

module.exports = { request };
