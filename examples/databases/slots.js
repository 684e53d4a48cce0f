'use strict';

const { spawn } = require('node:child_process');
const { once } = require('node:events');
const path = require('node:path');
const { createInterface } = require('node:readline');

/** In an app it is `npx callosum`. */
const COMMAND = path.join(
  require.resolve('callosum-client-tcp-rover/package.json'),
  '../lib/cli/index.js',
);

/**
 * Starts `callosum slots` in front of each of some servers.
 *
 * @param {string[]} addresses `HOST:PORT`, or the path of a Unix socket
 * @returns {Promise<{ servers: { [address: string]: { host: string, port: number } }, stop: () => void }>}
 */
async function slotsBefore(addresses) {
  const children = [];
  const servers = {};
  for (const to of addresses) {
    const args = [COMMAND, 'slots', '--listen', '127.0.0.1:0', '--to', to, '--drain', '0'];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(child);
    const [line] = await once(createInterface(child.stdout), 'line');
    const [, host, port] = /^listening on (.*):(\d+), /.exec(line);
    servers[to] = { host, port: Number(port) };
  }
  return { servers, stop: () => children.forEach((child) => child.kill()) };
}

module.exports = { slotsBefore };
