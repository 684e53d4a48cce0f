'use strict';

/**
 * Servers from Redis: each has a key, which it renews, and which ends by itself when the server does.
 *
 *     node examples/discovery/redis.js server        as often as you like
 *     node examples/discovery/redis.js client
 *
 * Redis is at REDIS_URL, by default redis://127.0.0.1:6379.
 */

const { setTimeout: delay } = require('node:timers/promises');

const { Redis } = require('ioredis');

const { runClient, runServer } = require('./programs.js');
const { Table } = require('./table.js');

/** ms that a server stays that does not renew its key. */
const LEASE = 6000;

/** What a Redis that is away must not hold up: without a connection a command fails at once. */
const OPTIONS = { enableOfflineQueue: false, maxRetriesPerRequest: 0, commandTimeout: 2000, retryStrategy: () => 500 };

/**
 * Announces a server until it is closed.
 *
 * @param {Redis} redis
 * @param {string} service
 * @param {{ host: string, port: number }} address
 * @param {number} [lease] in ms
 * @returns {{ close: () => Promise<void> }}
 */
function announce(redis, service, address, lease = LEASE) {
  const key = `${service}:${address.host}:${address.port}`;
  const renew = () => redis.set(key, JSON.stringify(address), 'PX', lease).catch(() => {});
  // A Redis that was started anew may have forgotten everything.
  redis.on('ready', renew);
  if (redis.status === 'ready') renew();
  const renewing = setInterval(renew, lease / 3);
  return {
    async close() {
      clearInterval(renewing);
      redis.off('ready', renew);
      await redis.del(key).catch(() => {});
    },
  };
}

/**
 * Keeps the servers of a rover in step with what is announced. While Redis is away, the last ones stay.
 *
 * @param {Redis} redis
 * @param {string} service
 * @param {import('callosum-client-tcp-rover')} rover
 * @param {object} [options]
 * @param {number} [options.lease] in ms, that of `announce`
 * @param {(error: Error) => void} [options.onError]
 * @returns {{ close: () => void }}
 */
function follow(redis, service, rover, { lease = LEASE, onError = () => {} } = {}) {
  const table = new Table(rover);
  const closing = new AbortController();
  /** Address, and when its lease ends, by id. Only what is missing in Redis after that is gone. */
  const known = new Map();
  /** Redis may have lost all keys when it was away: each server has a lease to say that it is there. */
  let trustedFrom = 0;
  const onClose = () => {
    trustedFrom = Infinity;
  };

  async function read() {
    const found = await announced(redis, service);
    const now = Date.now();
    if (trustedFrom === Infinity) trustedFrom = now + lease;
    for (const { id, address, ms } of found) known.set(id, { address, end: now + ms });
    for (const [id, { end }] of known) if (now >= Math.max(end, trustedFrom)) known.delete(id);
    table.replace(Object.fromEntries(Array.from(known, ([id, { address }]) => [id, address])));
  }

  async function readOn() {
    while (!closing.signal.aborted) {
      await read().catch((error) => {
        onClose();
        onError(error);
      });
      await delay(lease / 6, null, { signal: closing.signal, ref: false }).catch(() => {});
    }
  }

  redis.on('close', onClose);
  readOn();
  return {
    close() {
      redis.off('close', onClose);
      closing.abort();
    },
  };
}

/** The servers whose keys are there, and for how many ms. */
async function announced(redis, service) {
  const prefix = `${service}:`;
  const keys = new Set();
  let cursor = '0';
  do {
    const [next, found] = await redis.scan(cursor, 'MATCH', `${prefix}*`, 'COUNT', 1000);
    for (const key of found) keys.add(key);
    cursor = next;
  } while (cursor !== '0');

  const servers = [];
  for (const key of keys) {
    const [value, ms] = await Promise.all([redis.get(key), redis.pttl(key)]);
    if (value !== null && ms > 0) servers.push({ id: key.slice(prefix.length), address: JSON.parse(value), ms });
  }
  return servers;
}

if (require.main === module) {
  const redis = new Redis(process.env.REDIS_URL ?? 'redis://127.0.0.1:6379', OPTIONS);
  const lease = Number(process.env.LEASE ?? LEASE);
  // It connects again by itself.
  redis.on('error', () => {});
  const program =
    process.argv[2] === 'server'
      ? runServer((address) => announce(redis, 'echo', address, lease))
      : runClient((rover, onError) => follow(redis, 'echo', rover, { lease, onError }));
  program.then(() => redis.disconnect());
}

module.exports = { announce, follow };
