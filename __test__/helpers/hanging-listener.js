'use strict';

const { once } = require('node:events');
const net = require('node:net');
const { Worker } = require('node:worker_threads');

/** Takes no connection from its queue: the thread that would do so sleeps. */
const HANGING_LISTENER = `
  const { parentPort, workerData } = require('node:worker_threads');
  const server = require('node:net').createServer();
  server.on('error', ({ message }) => { throw new Error(message); });
  server.listen({ ...workerData, backlog: 1 }, () => {
    parentPort.postMessage(server.address().port);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });`;

/**
 * Listens where no connection is ever established: the queue of the listener is full, and Linux drops what
 * more there comes, as a firewall would.
 *
 * @param {string} [host='127.0.0.1']
 * @param {number} [port=0]
 * @returns {Promise<{server: {host: string, port: number}, close: () => Promise<void>}>}
 */
async function hang(host = '127.0.0.1', port = 0) {
  const worker = new Worker(HANGING_LISTENER, { eval: true, workerData: { host, port } });
  [port] = await once(worker, 'message');
  const queue = [net.connect({ host, port }), net.connect({ host, port })];
  await Promise.all(queue.map((socket) => once(socket.on('error', () => {}), 'connect')));
  return {
    server: { host, port },
    async close() {
      for (const socket of queue) socket.destroy();
      await worker.terminate();
    },
  };
}

module.exports = { hang };
