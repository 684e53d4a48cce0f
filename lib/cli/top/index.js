'use strict';

const { setInterval } = require('node:timers/promises');

const dns = require('callosum-client-tcp-rover/dns');

const { formatAddress, parseAddress } = require('../address.js');
const { MAX_TIME, numberOf } = require('../number-option.js');
const { UsageError } = require('../usage-error.js');

const { Looks } = require('./looks.js');
const { JsonView, LineView, ScreenView } = require('./views.js');

const END_SIGNALS = /** @type {const} */ (['SIGINT', 'SIGTERM']);

const DEFAULT_INTERVAL = 1000;

/** More would have the servers busy with it. */
const SHORTEST_INTERVAL = 50;

/**
 * Has the table follow a name: addresses where there is a port, and else an SRV record, which has ports of its own. Says
 * why the name has no servers once all questions were in vain: most names have addresses of one kind only.
 */
function follow(looks, name, nameServers) {
  const [, host, port] = /^(.*):(\d+)$/.exec(name) ?? [];
  const records =
    host === undefined
      ? [{ name, type: 'SRV' }]
      : ['A', 'AAAA'].map((type) => ({ name: host, type, port: Number(port) }));
  const ids = new Set();
  const failures = new Map();
  const say = sayOnce();
  return records.map(({ name: asked, ...options }, index) => {
    const follower = dns.follow(looks, asked, { ...options, ...(nameServers && { nameServers }) });
    follower.on('update', (added, dropped) => {
      for (const id of added) ids.add(id);
      for (const id of dropped) ids.delete(id);
    });
    follower.on('failure', (error) => {
      failures.set(index, error);
      // Always that of the first question: they would take turns.
      if (ids.size === 0 && failures.size === records.length) say(failures.get(0));
    });
    return follower;
  });
}

function followAll(looks, names, nameServers) {
  try {
    return names.flatMap((name) => follow(looks, name, nameServers));
  } catch (error) {
    // Of a port or a name server that is none.
    if (error instanceof TypeError || error instanceof RangeError) throw new UsageError(error.message);
    throw error;
  }
}

function viewFor(values) {
  const { stdout } = process;
  if (values.json) return new JsonView(stdout);
  const isScreen = stdout.isTTY && process.env.TERM !== 'dumb';
  return isScreen ? new ScreenView(stdout, 'callosum top') : new LineView(stdout);
}

/** Says what is new on stderr, once. */
function sayOnce() {
  let last;
  return ({ message }) => {
    if (message !== last) console.error(message);
    last = message;
  };
}

/** Aborted when it is to end: at Ctrl-C, or when nobody reads what it prints. */
function ending(unread) {
  const ending = new AbortController();
  for (const signal of END_SIGNALS) process.once(signal, () => ending.abort());
  unread.addEventListener('abort', () => ending.abort());
  return ending.signal;
}

/** Shows what is seen once an interval, so many times. */
async function show(looks, view, { interval, count, signal }) {
  let shown = 0;
  try {
    for await (const _ of setInterval(interval, null, { signal })) {
      view.show(looks.seen());
      if (++shown >= count) return;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

async function run(values, positionals, unread) {
  const names = values.dns ?? [];
  if (positionals.length + names.length === 0) throw new UsageError('HOST:PORT of a server is missing');
  const addresses = positionals.map((text) => parseAddress(text, 'a server'));
  const isInterval = (n) => n >= SHORTEST_INTERVAL && n <= MAX_TIME;
  const interval = numberOf(values, 'interval', isInterval, `a number of ms from ${SHORTEST_INTERVAL} up`) ?? DEFAULT_INTERVAL;
  const isCount = (n) => Number.isSafeInteger(n) && n > 0;
  const count = numberOf(values, 'count', isCount, 'an integer from 1 up') ?? Infinity;

  const looks = new Looks(interval);
  const followers = followAll(looks, names, values['name-server']);
  for (const address of addresses) looks.addServer(formatAddress(address), address);
  const view = viewFor(values);
  try {
    await show(looks, view, { interval, count, signal: ending(unread) });
  } finally {
    view.end();
    for (const follower of followers) follower.stop();
    looks.stop();
  }
}

module.exports = {
  usage: '[OPTIONS] HOST:PORT...',
  summary: 'Shows servers and their load, live.',
  help: `
  --json           one line of JSON each time
  --dns NAME       all servers of a name: NAME:PORT for its addresses, NAME for
                   its SRV record; may be given more than once
  --name-server ADDRESS
                   the name server to ask; may be given more than once (default
                   those of the system)
  --interval MS    the time between two looks at a server (default ${DEFAULT_INTERVAL})
  --count NUMBER   ends after so many tables
  -h, --help       this text

Each look is a connection that is closed at its slot line. The columns: the
last slot, which is the server's load; p50 and p99, in ms, of the time to
connect, and from there to the slot line; looks that brought no slot; the state.
Ctrl-C ends it.
`.slice(1),
  options: {
    json: { type: 'boolean' },
    dns: { type: 'string', multiple: true },
    'name-server': { type: 'string', multiple: true },
    interval: { type: 'string' },
    count: { type: 'string' },
  },
  run,
};
