'use strict';

/** Plays a timeline on real sockets: a process with all servers, and one with all clients. */

const { fork } = require('node:child_process');
const { once } = require('node:events');
const path = require('node:path');
const { setTimeout: delay } = require('node:timers/promises');

/** What the servers do. The others are done by the clients; both do `servers`. */
const OF_SERVERS = new Set(['stop', 'start', 'drain']);

/**
 * @param {import('./timeline.js').Event[]} events
 * @param {object} options
 * @param {number} options.size of the pools
 * @param {number} options.sampling ms from one sample to the next
 * @param {(sample: import('./in-memory.js').Sample) => void} [options.onSample]
 * @returns {Promise<import('./in-memory.js').Sample[]>}
 */
async function playOnSockets(events, { size, sampling, onSample = () => {} }) {
  const servers = fork(path.join(__dirname, 'servers.js'));
  const clients = fork(path.join(__dirname, 'clients.js'), [size, sampling].map(String));
  const children = [servers, clients];
  let isOver = false;
  const died = Promise.race(children.map(async (child) => {
    const [code] = await once(child, 'exit');
    if (!isOver) throw new Error(`a process of the fleet ended with ${code}`);
  }));
  try {
    const samples = [];
    let began = NaN;
    clients.on('message', (/** @type {any} */ seen) => {
      const sample = { time: Math.round(performance.now() - began), ...seen };
      // Before the first event there is no fleet.
      if (!(sample.time > 0)) return;
      samples.push(sample);
      onSample(sample);
    });
    const play = async () => {
      for (const { time, verb, numbers } of events) {
        await delay(began + time - performance.now());
        if (verb === 'end') return;
        let told = numbers;
        if (verb === 'servers' || OF_SERVERS.has(verb)) {
          servers.send({ verb, numbers });
          const [{ ports }] = await once(servers, 'message');
          told = ports;
        }
        // The time begins when the first servers listen.
        if (Number.isNaN(began)) began = performance.now();
        if (!OF_SERVERS.has(verb)) clients.send({ verb, numbers: told });
      }
    };
    await Promise.race([play(), died]);
    return samples;
  } finally {
    isOver = true;
    for (const child of children) if (child.connected) child.disconnect();
    await Promise.all(children.map((child) => child.exitCode ?? once(child, 'exit')));
  }
}

module.exports = { playOnSockets };
