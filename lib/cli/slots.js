'use strict';

const { once } = require('node:events');

const { formatAddress, parseAddress } = require('./address.js');
const { MAX_TIME, numberOf } = require('./number-option.js');
const { SlotProxy } = require('./slot-proxy.js');
const { UsageError } = require('./usage-error.js');

const DRAIN_SIGNALS = /** @type {const} */ (['SIGINT', 'SIGTERM']);

/** What a shell says of a process that Ctrl-C has ended. */
const INTERRUPTED = 130;

const DEFAULT_DRAIN = 10_000;

function addressOf(values, name) {
  if (values[name] === undefined) throw new UsageError(`--${name} is missing`);
  return parseAddress(values[name], `--${name}`);
}

async function run(values, positionals) {
  if (positionals.length > 0) throw new UsageError(`what is ${positionals[0]}?`);
  const listen = addressOf(values, 'listen');
  const to = addressOf(values, 'to');
  const weight = numberOf(values, 'weight', (n) => n > 0 && n < Infinity, 'a number above 0');
  const max = numberOf(values, 'max', (n) => Number.isSafeInteger(n) && n > 0, 'an integer from 1 up');
  const over = numberOf(values, 'drain', (n) => n >= 0 && n <= MAX_TIME, 'a number of ms') ?? DEFAULT_DRAIN;

  const proxy = new SlotProxy({ to, weight, max });
  proxy.on('unreachable', (error) => console.error(`${formatAddress(to)} is unreachable: ${error.message}`));
  proxy.on('reachable', () => console.log(`${formatAddress(to)} is reachable`));
  proxy.server.listen(listen);
  await once(proxy.server, 'listening');
  console.log(`listening on ${formatAddress(proxy.server.address())}, in front of ${formatAddress(to)}`);

  // The handlers stay: a second signal ends it at once.
  await new Promise((resolve) => {
    for (const signal of DRAIN_SIGNALS) process.once(signal, resolve);
  });
  for (const signal of DRAIN_SIGNALS) process.once(signal, () => process.exit(INTERRUPTED));
  console.log(`draining ${proxy.slots.used} connections over ${over} ms; once more ends them at once`);
  await proxy.drain(over);
}

module.exports = {
  usage: '--listen HOST:PORT --to HOST:PORT',
  summary: 'Gives slots in front of a server that cannot do so itself.',
  help: `
  --listen HOST:PORT  where clients connect to; without HOST on all interfaces
  --to HOST:PORT      the server behind it, which gets the bytes untouched
  --weight NUMBER     a server of weight 2 gets twice the connections of one of
                      weight 1 (default 1)
  --max NUMBER        connections at a time; others are closed without a slot
  --drain MS          the time over which connections are ended at Ctrl-C or
                      SIGTERM (default ${DEFAULT_DRAIN})
  -h, --help          this text

Instead of HOST:PORT either may be the path of a Unix socket.
`.slice(1),
  options: {
    listen: { type: 'string' },
    to: { type: 'string' },
    weight: { type: 'string' },
    max: { type: 'string' },
    drain: { type: 'string' },
  },
  run,
};
