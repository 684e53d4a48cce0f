'use strict';

/**
 * A client of the service, in a process of its own: `node client.js TRANSPORT`. Asks at a rate, or as fast as it goes.
 * Told what to do by bench/fleet/crew.js.
 */

const TRANSPORTS = require('./transports');

const { open } = TRANSPORTS[process.argv[2]];

/** How often it is looked whether a request is due, in ms. */
const TICK = 4;

let transport;
let record;
let load = { stop() {} };

function begin() {
  const { user, system } = process.cpuUsage();
  record = { latencies: [], byServer: {}, failures: {}, cpu: user + system };
}

async function ask() {
  const own = record;
  const sent = performance.now();
  try {
    const id = await transport.request();
    own.latencies.push(performance.now() - sent);
    own.byServer[id] = (own.byServer[id] ?? 0) + 1;
  } catch (error) {
    const reason = error.code ?? error.message;
    own.failures[reason] = (own.failures[reason] ?? 0) + 1;
  }
}

/** Asks so many times a second, whether there are answers or not. */
function atRate(rate) {
  const began = performance.now();
  let sent = 0;
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - began) / 1000) * rate);
    for (; sent < due; sent++) ask();
  }, TICK);
  return { stop: () => clearInterval(timer) };
}

/** Has so many requests open all the time. */
function flood(concurrency) {
  let isOver = false;
  const go = async () => {
    while (!isOver) {
      const failed = Object.keys(record.failures).length;
      await ask();
      // Who fails at once would fail very often.
      if (Object.keys(record.failures).length > failed) await new Promise(setImmediate);
    }
  };
  for (let n = 0; n < concurrency; n++) go();
  return {
    stop() {
      isOver = true;
    },
  };
}

const VERBS = {
  async open(options) {
    transport = await open(options);
    begin();
  },
  add: (servers) => transport.add(servers),
  rate(value) {
    load.stop();
    load = atRate(value);
  },
  flood(value) {
    load.stop();
    load = flood(value);
  },
  stop() {
    load.stop();
  },
  /** What there was since the last time. */
  report() {
    const old = record;
    begin();
    return { ...old, cpu: record.cpu - old.cpu };
  },
};

process.on('message', async ({ verb, value }) => process.send({ answer: await VERBS[verb](value) }));
process.on('disconnect', () => process.exit());
