'use strict';

/**
 * Servers from etcd: each has a key with a lease, which it renews, and which ends by itself when the server does.
 *
 *     node examples/discovery/etcd.js server        as often as you like
 *     node examples/discovery/etcd.js client
 *
 * etcd is at ETCD_URL, by default http://127.0.0.1:2379. The few calls that it takes go over its own HTTP and JSON, which
 * etcd has from 3.4 on, without a client library.
 */

const { setTimeout: delay } = require('node:timers/promises');

const { runClient, runServer } = require('./programs.js');
const { Table } = require('./table.js');

/** ms that a server stays that does not renew its lease. etcd counts in seconds, and takes no less than 2. */
const LEASE = 6000;

/** ms that etcd has for an answer. */
const TIMEOUT = 2000;

const encode = (text) => Buffer.from(text).toString('base64');
const decode = (text) => Buffer.from(text, 'base64').toString();

/** One call of etcd's API, as its documentation has them for gRPC. */
async function call(url, method, body) {
  const response = await fetch(`${url}/v3/${method}`, {
    method: 'POST',
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(TIMEOUT),
  });
  if (!response.ok) throw new Error(`${method}: ${response.status} ${await response.text()}`);
  return response.json();
}

/** Does this again and again until it is closed, also after it failed. */
function repeat(action, interval, onError) {
  const closing = new AbortController();
  const { signal } = closing;
  const done = (async () => {
    while (!signal.aborted) {
      await action().catch(onError);
      await delay(interval, null, { signal, ref: false }).catch(() => {});
    }
  })();
  return async () => {
    closing.abort();
    await done;
  };
}

/**
 * Announces a server until it is closed.
 *
 * @param {string} url of etcd
 * @param {string} service
 * @param {{ host: string, port: number }} address
 * @param {number} [lease] in ms
 * @returns {{ close: () => Promise<void> }}
 */
function announce(url, service, address, lease = LEASE) {
  /** @type {string | null} */
  let ID = null;

  async function begin() {
    const granted = await call(url, 'lease/grant', { TTL: Math.ceil(lease / 1000) });
    const key = encode(`${service}/${address.host}:${address.port}`);
    await call(url, 'kv/put', { key, value: encode(JSON.stringify(address)), lease: granted.ID });
    ID = granted.ID;
  }

  async function renew() {
    if (ID !== null) {
      const { result } = await call(url, 'lease/keepalive', { ID });
      // One that has ended has no time left.
      if (result?.TTL === undefined) ID = null;
    }
    if (ID === null) await begin();
  }

  const stop = repeat(renew, lease / 3, () => {});
  return {
    async close() {
      await stop();
      if (ID !== null) await call(url, 'lease/revoke', { ID }).catch(() => {});
    },
  };
}

/**
 * Keeps the servers of a rover in step with what is announced. While etcd is away, the last ones stay: it comes back
 * with all keys, and each has a whole lease again.
 *
 * @param {string} url of etcd
 * @param {string} service
 * @param {import('callosum-client-tcp-rover')} rover
 * @param {object} [options]
 * @param {number} [options.lease] in ms, that of `announce`
 * @param {(error: Error) => void} [options.onError]
 * @returns {{ close: () => void }}
 */
function follow(url, service, rover, { lease = LEASE, onError = () => {} } = {}) {
  const table = new Table(rover);
  const prefix = `${service}/`;
  // The character behind the slash: all keys that begin with the prefix.
  const range = { key: encode(prefix), range_end: encode(`${service}0`) };
  const close = repeat(async () => {
    const { kvs = [] } = await call(url, 'kv/range', range);
    const servers = kvs.map(({ key, value }) => [decode(key).slice(prefix.length), JSON.parse(decode(value))]);
    table.replace(Object.fromEntries(servers));
  }, lease / 6, onError);
  return { close };
}

if (require.main === module) {
  const url = process.env.ETCD_URL ?? 'http://127.0.0.1:2379';
  const lease = Number(process.env.LEASE ?? LEASE);
  if (process.argv[2] === 'server') runServer((address) => announce(url, 'echo', address, lease));
  else runClient((rover, onError) => follow(url, 'echo', rover, { lease, onError }));
}

module.exports = { announce, follow };
