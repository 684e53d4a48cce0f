'use strict';

/**
 * Three services of two processes each, and two gateways in front of them. There is no load balancer in between.
 *
 *     node examples/gateway
 *
 * Try it: `curl http://127.0.0.1:PORT/users/7`, kill a process, ask again. One that was killed is started again after a
 * second, at the same port.
 */

const { fork } = require('node:child_process');
const { once } = require('node:events');
const path = require('node:path');

const SERVICES = ['users', 'orders', 'prices'];
const PROCESSES = 2;
const GATEWAYS = 2;

/** ms until a process that has died is started again. */
const RESTART = 1000;

const children = new Set();
let isEnding = false;

/** Starts a program that says at which port it listens, and there again whenever it has died. */
async function start(file, name, port, argument) {
  const child = fork(path.join(__dirname, file), [`${port}`, argument]);
  children.add(child);
  child.on('exit', () => {
    children.delete(child);
    if (isEnding) return;
    console.log(`${name} has died`);
    setTimeout(start, RESTART, file, name, port, argument);
  });
  const [listening] = await once(child, 'message');
  port = listening.port;
  console.log(`${name} is process ${child.pid} at http://127.0.0.1:${port}`);
  return port;
}

async function main() {
  const table = {};
  for (const service of SERVICES) {
    table[service] = {};
    for (let n = 0; n < PROCESSES; n++) {
      const name = `${service} ${n}`;
      table[service][name] = { host: '127.0.0.1', port: await start('service.js', name, 0, service) };
    }
  }
  for (let n = 0; n < GATEWAYS; n++) await start('gateway.js', `gateway ${n}`, 0, JSON.stringify(table));
}

function end() {
  isEnding = true;
  for (const child of children) child.kill('SIGTERM');
}
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, end);

main();
