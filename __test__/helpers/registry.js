'use strict';

const { restartable } = require('./daemon.js');
const { READY, redisArgs } = require('./database.js');
const { freePort } = require('./dnsmasq.js');
const { program } = require('./program.js');
const { temporaryDirectory } = require('./temporary.js');

/**
 * A real Redis, which forgets everything when it is stopped.
 *
 * @param {Mocha.Context} test Skipped where there is no Redis.
 * @returns `env`, which names it to the examples; `start()`, `stop()`
 */
function redisRegistry(test) {
  const file = program(test, 'redis-server');
  const pathOf = temporaryDirectory();
  const socket = pathOf('redis.sock');
  const { start, stop } = restartable(file, { cwd: pathOf('.'), ready: READY });
  return { env: { REDIS_URL: socket }, start: () => start(redisArgs(socket)), stop };
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
  const ready = /ready to serve client requests|serving insecure client requests/;
  const { start, stop } = restartable(file, { cwd: pathOf('.'), ready });
  return { env: { ETCD_URL: client }, start: () => start(args), stop };
}

module.exports = { etcdRegistry, redisRegistry };
