'use strict';

const { spawn } = require('node:child_process');
const { once } = require('node:events');
const { createInterface } = require('node:readline');

const { cleanup } = require('./cleanup.js');
const { freePort } = require('./dnsmasq.js');
const { program } = require('./program.js');
const { temporaryDirectory } = require('./temporary.js');

/** Resolves when a server says that it is ready; rejects with all that it said where it ends instead. */
function isReady(child, ready) {
  const log = [];
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', () => reject(new Error(`The server has ended:\n${log.join('\n')}`)));
    for (const output of [child.stdout, child.stderr]) {
      createInterface(output).on('line', (line) => {
        log.push(line);
        if (ready.test(line)) resolve();
      });
    }
  });
}

/** A server that can be started and killed again and again, and is killed at the end of the test. */
function restartable(file, args, { cwd, ready }) {
  let child = null;
  const stop = async () => {
    const last = child;
    child = null;
    if (last?.kill('SIGKILL')) await once(last, 'exit');
  };
  cleanup(stop);
  return {
    stop,
    async start() {
      child = spawn(file, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
      await isReady(child, ready);
    },
  };
}

/**
 * A real Redis, which forgets everything when it is stopped.
 *
 * @param {Mocha.Context} test Skipped where there is no Redis.
 * @returns `env`, which names it to the examples; `start()`, `stop()`
 */
function redisRegistry(test) {
  const file = program(test, 'redis-server');
  const pathOf = temporaryDirectory();
  const args = ['--port', '0', '--unixsocket', pathOf('redis.sock'), '--save', ''];
  return {
    env: { REDIS_URL: pathOf('redis.sock') },
    ...restartable(file, args, { cwd: pathOf('.'), ready: /ready to accept connections/i }),
  };
}

/**
 * A real etcd, which remembers when it is started again.
 *
 * @param {Mocha.Context} test Skipped where there is no etcd.
 * @returns as of `redisRegistry`
 */
async function etcdRegistry(test) {
  const file = program(test, 'etcd');
  const pathOf = temporaryDirectory();
  const [client, peer] = [await freePort(), await freePort()].map((port) => `http://127.0.0.1:${port}`);
  const args = [
    ...['--data-dir', pathOf('data')],
    ...['--listen-client-urls', client, '--advertise-client-urls', client],
    ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', `default=${peer}`],
  ];
  return {
    env: { ETCD_URL: client },
    ...restartable(file, args, { cwd: pathOf('.'), ready: /ready to serve client requests|serving insecure client requests/ }),
  };
}

module.exports = { etcdRegistry, redisRegistry };
