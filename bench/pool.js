'use strict';

/**
 * Shows what the policies of a pool are worth: how fast it fills, and what a sick server costs. Exit code 1 where a
 * figure is out of its bound.
 *
 *     node bench/pool.js
 */

const { once } = require('node:events');
const net = require('node:net');
const { setTimeout: sleep } = require('node:timers/promises');

const ClientRover = require('..');
const { Pool } = require('../lib/pool');

const SIZE = 8;

/** How often the pools are looked at, in ms. */
const SAMPLE_INTERVAL = 5;

/** A server that gives the lowest free slot, and may die after a while each time. */
async function startServer({ dieAfter = Infinity } = {}) {
  const taken = new Set();
  const server = net.createServer((socket) => {
    let slot = 0;
    while (taken.has(slot)) slot++;
    taken.add(slot);
    socket.on('error', () => {});
    socket.on('close', () => taken.delete(slot));
    socket.resume();
    socket.write(`${slot}\r\n`);
    if (dieAfter < Infinity) setTimeout(() => socket.destroy(), dieAfter);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return server;
}

const tableOf = (servers) =>
  Object.fromEntries(servers.map((server, index) => [`server-${index}`, { host: '127.0.0.1', port: server.address().port }]));

/** The time from the making of a pool to when it is full, in ms. */
async function timeToFill(rover) {
  const began = performance.now();
  const pool = new Pool(rover, { size: SIZE });
  while (!pool.isFull) await once(pool, 'keep', { signal: AbortSignal.timeout(10_000) });
  const time = performance.now() - began;
  await pool.close();
  return time;
}

async function measureFill(alive) {
  const servers = await Promise.all(Array.from({ length: 4 }, () => startServer()));
  const table = tableOf(servers);
  for (const server of servers.splice(alive)) server.close();
  const times = [];
  for (let round = 0; round < 10; round++) times.push(await timeToFill(new ClientRover({ servers: table })));
  for (const server of servers) server.close();
  return Math.max(...times);
}

/** The share of the time that pools are full, next to a server that accepts and dies. */
async function measureSickServer({ pools: count, over, probation }) {
  const healthy = await Promise.all([startServer(), startServer(), startServer()]);
  const sick = await startServer({ dieAfter: 50 });
  const servers = tableOf([...healthy, sick]);
  const pools = Array.from({ length: count }, () => new Pool({ servers: { ...servers }, size: SIZE, probation }));
  const kept = { healthy: 0, sick: 0 };
  for (const pool of pools) pool.on('keep', (slot, socket, id) => kept[id === 'server-3' ? 'sick' : 'healthy']++);
  while (!pools.every((pool) => pool.isFull)) await sleep(SAMPLE_INTERVAL);
  let [full, samples] = [0, 0];
  for (const began = performance.now(); performance.now() - began < over; await sleep(SAMPLE_INTERVAL)) {
    full += pools.filter((pool) => pool.isFull).length;
    samples += pools.length;
  }
  await Promise.all(pools.map((pool) => pool.close()));
  for (const server of [...healthy, sick]) server.close();
  return { share: (100 * full) / samples, kept };
}

function print(title, value, bound, isGood) {
  console.log(`${title.padEnd(58)} ${value.padStart(8)}   ${bound}${isGood ? '' : '   OUT OF BOUND'}`);
  if (!isGood) process.exitCode = 1;
}

async function main() {
  for (const alive of [4, 1]) {
    const slowest = await measureFill(alive);
    const title = `${SIZE} of ${SIZE}, ${alive} of 4 servers up, slowest of 10 pools`;
    print(title, `${slowest.toFixed(0)} ms`, '< 1000 ms', slowest < 1000);
  }
  const sick = { pools: 20, over: 4000 };
  const { share, kept } = await measureSickServer(sick);
  print('3 healthy servers, 1 that dies after 50 ms: pools full', `${share.toFixed(1)} %`, '> 95 %', share > 95);
  const without = await measureSickServer({ ...sick, probation: 0 });
  print('the same without the guard', `${without.share.toFixed(1)} %`, '', true);
  console.log(`connections kept: ${kept.sick} sick, ${kept.healthy} healthy; without the guard ${without.kept.sick}, ${without.kept.healthy}`);
}

main();
