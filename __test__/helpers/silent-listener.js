'use strict';

const { spawn } = require('node:child_process');
const { once } = require('node:events');
const net = require('node:net');

const { cleanup } = require('./cleanup.js');

/** Listens with a queue for two connections, says where, and never takes one from it. */
const LISTENER = `
  const { writeSync } = require('node:fs');
  const server = require('node:net').createServer();
  server.listen({ host: process.argv[1], port: 0, backlog: 1 }, () => {
    writeSync(1, String(server.address().port));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });`;

/**
 * Listens where no connection is ever established: the queue of the listener is full, and Linux
 * drops what more there comes, as a firewall would.
 *
 * @param {string} [host='127.0.0.1']
 * @returns {Promise<{host: string, port: number} | null>} null where the kernel is another one.
 */
async function silentListener(host = '127.0.0.1') {
  if (process.platform !== 'linux') return null;
  const child = spawn(process.execPath, ['-e', LISTENER, host], { stdio: ['ignore', 'pipe', 'inherit'] });
  cleanup(async () => {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'close');
  });
  const [output] = await once(child.stdout, 'data');
  const address = { host, port: Number(output) };
  for (let taken = 0; taken < 2; taken++) {
    const socket = net.connect(address);
    cleanup(() => socket.destroy());
    await once(socket, 'connect');
  }
  return address;
}

module.exports = { silentListener };
