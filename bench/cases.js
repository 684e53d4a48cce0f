'use strict';

const { once } = require('node:events');
const fs = require('node:fs');
const http = require('node:http');
const net = require('node:net');
const path = require('node:path');
const { performance } = require('node:perf_hooks');
const { setTimeout: sleep } = require('node:timers/promises');

const { Crew } = require('./crew');
const { measure, median, ownMemory, perRove } = require('./measure');
const { REFUSED_PORT, SLOT } = require('./scene');

/** A pool that is full wants better slots than the one that the server gives. */
const FULL_POOL = { maxSlot: SLOT - 1 };

/** The rovers that are to be rejected: enough of them for a load that can be measured well. */
const REJECTED = { rovers: 20, interval: 4 };

/**
 * What a case is run with, in a process of its own.
 *
 * @typedef {object} Context
 * @property {new (options?: object) => import('node:events')} Rover of the contestant
 * @property {boolean} isPackage
 * @property {{ slot: number, silent: number, dialer: number, http: number, slotHttp: number }} ports of the server
 * @property {{ duration: number, startup?: number, threads: number | undefined }} loading what `require` took in ms,
 *   and with a first rover and a first attempt, where the case is that; threads that `require` began
 * @property {(full: number, quick: number) => number} size chooses by how thorough the run is
 */

/**
 * What came out of a run.
 *
 * @typedef {object} Result
 * @property {Record<string, number | undefined>} figures by a name of figures.js
 * @property {import('./crew').Outcomes} [outcomes] of what was measured
 * @property {number} [expected] how many roves that were, where the contestants make different numbers
 */

/**
 * @typedef {object} Case
 * @property {string} name
 * @property {string} title
 * @property {string} [outcome] the only one that there may be
 * @property {boolean} [timed] whether it runs for a time and not for a number of roves
 * @property {string[]} [contestants] default: `package` and `baseline`
 * @property {boolean} [isInstalled] whether the package is as npm installs a release of it, not as in a checkout
 * @property {boolean} [measuresMemory]
 * @property {number} [rounds] at most, where a run takes long
 * @property {(context: Context) => Promise<Result>} run
 */

/** The load of an HTTP agent, and how many connections it has for it: those of a pool of the usual size. */
const REQUESTS = { inFlight: 8, connections: 8 };

/** @type {Case[]} */
const CASES = [
  {
    name: 'kept-ip',
    title: 'kept, by IP',
    outcome: 'connection',
    run: (context) => roveMany(context, { host: '127.0.0.1', port: context.ports.slot }),
  },
  {
    name: 'kept-localhost',
    title: 'kept, by localhost',
    outcome: 'connection',
    run: (context) => roveMany(context, { host: 'localhost', port: context.ports.slot }),
  },
  {
    name: 'refused-ip',
    title: 'refused, by IP',
    outcome: 'unreachable',
    run: (context) => roveMany(context, { host: '127.0.0.1', port: REFUSED_PORT }),
  },
  {
    name: 'refused-localhost',
    title: 'refused, by localhost',
    outcome: 'unreachable',
    run: (context) => roveMany(context, { host: 'localhost', port: REFUSED_PORT }),
  },
  {
    name: 'rejected',
    title: `rejected by a full pool (${REJECTED.rovers} rovers at ${REJECTED.interval} ms)`,
    outcome: 'rejected',
    timed: true,
    run: (context) => {
      const server = { host: '127.0.0.1', port: context.ports.slot };
      return roveStarted(context, server, { ...REJECTED, ...FULL_POOL });
    },
  },
  {
    name: 'started-refused',
    title: 'refused, started at 1 ms',
    outcome: 'unreachable',
    timed: true,
    run: (context) => {
      const server = { host: '127.0.0.1', port: REFUSED_PORT };
      return roveStarted(context, server, { rovers: 1, interval: 1 });
    },
  },
  {
    name: 'servers-10',
    title: 'refused, 10 servers',
    outcome: 'unreachable',
    run: (context) => roveAmong(context, 10, context.size(10_000, 2000)),
  },
  {
    name: 'servers-1000',
    title: 'refused, 1,000 servers',
    outcome: 'unreachable',
    run: (context) => roveAmong(context, 1000, context.size(10_000, 2000)),
  },
  {
    name: 'servers-100000',
    title: 'refused, 100,000 servers',
    outcome: 'unreachable',
    rounds: 3,
    // The baseline takes some 15 ms for each.
    run: (context) => roveAmong(context, 100_000, context.isPackage ? context.size(10_000, 2000) : context.size(20, 10)),
  },
  {
    name: 'pending',
    title: 'pending on a silent server',
    outcome: 'pending',
    measuresMemory: true,
    run: async ({ Rover, ports }) => {
      const count = 2000;
      const servers = { a: { host: '127.0.0.1', port: ports.silent } };
      const rover = new Rover({ servers, MAX_PENDING: 2 * count });
      new Crew([rover]);
      const attempt = async () => {
        for (let begun = 0; begun < count; begun++) rover.connect();
        await sleep(300);
      };
      // As many before: what V8 needs to get going is more than all of them take.
      await attempt();
      const [memory, descriptors] = [await ownMemory(), openDescriptors()];
      await attempt();
      const taken = (await ownMemory()) - memory;
      return { outcomes: { pending: openDescriptors() - descriptors }, figures: { memory: taken / count } };
    },
  },
  {
    name: 'latency-ip',
    title: 'a single rove, by IP',
    outcome: 'connection',
    run: (context) => roveSingly(context, '127.0.0.1'),
  },
  {
    name: 'latency-localhost',
    title: 'a single rove, by localhost',
    outcome: 'connection',
    run: (context) => roveSingly(context, 'localhost'),
  },
  {
    name: 'blocked',
    title: 'main thread blocked for 100 ms',
    outcome: 'connection',
    run: async ({ Rover, ports, size }) => {
      const rover = new Rover({ servers: { a: { host: '127.0.0.1', port: ports.slot } } });
      const crew = new Crew([rover]);
      await crew.rove(50, 1);
      const delays = [];
      const connected = clock(rover, 'connection');
      for (let round = 0; round < size(8, 3); round++) {
        const roving = crew.rove(1);
        const unblocked = block(100);
        await roving;
        delays.push((connected.at - unblocked) * 1000);
        await sleep(5);
      }
      return { outcomes: { connection: delays.length }, figures: { delay: median(delays) } };
    },
  },
  {
    name: 'rovers-1000',
    title: '1,000 rovers at 500 ms',
    outcome: 'connection',
    measuresMemory: true,
    timed: true,
    rounds: 3,
    run: async ({ Rover, ports, size }) => {
      const [count, interval, batch] = [1000, 500, 10];
      const server = { host: '127.0.0.1', port: ports.slot };
      const create = () => new Rover({ servers: { a: server }, ROVING_INTERVAL: interval });
      await new Crew([create()]).rove(200);
      const memory = await ownMemory();
      const rovers = Array.from({ length: count }, create);
      const crew = new Crew(rovers);
      // Spread over an interval, for apps don't begin all at once either.
      for (let started = 0; started < count; started += batch) {
        for (const rover of rovers.slice(started, started + batch)) rover.start();
        await sleep((interval * batch) / count - 1);
      }
      await crew.watch(interval / 2);
      const { cost, result } = await measure(() => crew.watch(size(2, 1) * interval));
      for (const rover of rovers) clearInterval(rover.intervalId);
      await sleep(50);
      const taken = (await ownMemory()) - memory;
      const { mainCpu, processCpu } = perRove(cost, result.connection);
      return { outcomes: result, figures: { mainCpu, processCpu, memory: taken / count } };
    },
  },
  {
    name: 'http',
    title: `HTTP requests, ${REQUESTS.inFlight} in flight (http.Agent)`,
    outcome: 'response',
    run: requestMany,
  },
  {
    name: 'stop-8000',
    title: 'stop() of one of 8,000 rovers that rove, beside one with 500 attempts pending',
    contestants: ['package'],
    run: async ({ Rover, ports, size }) => {
      const create = (port, options) => new Rover({ servers: { a: { host: '127.0.0.1', port } }, ...options });
      const busy = create(ports.silent);
      new Crew([busy]);
      for (let n = 0; n < 500; n++) busy.connect();
      const rovers = Array.from({ length: size(8000, 2000) }, () => create(REFUSED_PORT, { ROVING_INTERVAL: 600_000 }));
      new Crew(rovers);
      for (const rover of rovers) rover.start();
      await sleep(1000);
      const { cost } = await measure(async () => {
        for (const rover of rovers) rover.stop();
      });
      const { mainCpu, loopBusy } = perRove(cost, rovers.length);
      return { figures: { mainCpu, loopBusy } };
    },
  },
  {
    name: 'announced-8000',
    title: '8,000 servers added one by one, each in a turn of its own',
    contestants: ['package'],
    run: async ({ Rover, size }) => {
      const rover = new Rover();
      const count = size(8000, 2000);
      const { cost } = await measure(async () => {
        for (let n = 0; n < count; n++) {
          rover.addServer(`server-${n}`, { host: '127.0.0.1', port: REFUSED_PORT });
          await new Promise((resolve) => setImmediate(resolve));
        }
      });
      const { mainCpu, loopBusy } = perRove(cost, count);
      return { figures: { mainCpu, loopBusy } };
    },
  },
  {
    name: 'require',
    title: 'require',
    isInstalled: true,
    run: async ({ isPackage, loading }) => ({
      figures: {
        loading: loading.duration * 1000,
        threads: loading.threads,
        binary: isPackage ? binarySize() : undefined,
      },
    }),
  },
  {
    name: 'startup',
    title: '`require`, a rover, and its first attempt, by IP',
    isInstalled: true,
    run: async ({ loading }) => ({ figures: { loading: loading.startup * 1000 } }),
  },
  {
    name: 'accept-reset',
    title: "Node's own accept + reset of a socket",
    contestants: ['reference'],
    outcome: 'connection',
    run: async ({ ports, size }) => {
      let accepted = 0;
      const server = net.createServer((socket) => {
        accepted++;
        socket.resetAndDestroy();
      });
      await once(server.listen(0, '127.0.0.1'), 'listening');
      const accept = async (count) => {
        const order = { port: server.address().port, count, inFlight: 64 };
        const control = net.connect(ports.dialer, '127.0.0.1');
        control.write(JSON.stringify(order));
        control.resume();
        await once(control, 'close');
      };
      await accept(2000);
      accepted = 0;
      const count = size(5000, 3000);
      const { cost } = await measure(() => accept(count));
      return { outcomes: { connection: accepted }, figures: perRove(cost, accepted) };
    },
  },
];

async function roveMany({ Rover, size }, server) {
  const crew = new Crew([new Rover({ servers: { a: server } })]);
  // V8 goes on compiling for some thousand roves, and a rover runs for months.
  await crew.rove(size(8000, 2500));
  const count = size(10_000, 2500);
  const { cost, result } = await measure(() => crew.rove(count));
  return { outcomes: result, figures: perRove(cost, count) };
}

async function roveAmong({ Rover }, servers, count) {
  const table = {};
  for (let n = 0; n < servers; n++) table[`server-${n}`] = { host: '127.0.0.1', port: REFUSED_PORT };
  const crew = new Crew([new Rover({ servers: table })]);
  await crew.rove(Math.ceil(count * 0.8));
  const { cost, result } = await measure(() => crew.rove(count));
  const { mainCpu, loopBusy } = perRove(cost, count);
  return { outcomes: result, expected: count, figures: { mainCpu, loopBusy } };
}

async function roveStarted({ Rover, size }, server, { rovers: count, interval, maxSlot = Infinity }) {
  const options = { servers: { a: server }, ROVING_INTERVAL: interval, MAX_SLOT: maxSlot };
  const rovers = Array.from({ length: count }, () => new Rover(options));
  const crew = new Crew(rovers, { maxSlot });
  for (const rover of rovers) rover.start();
  await crew.watch(size(300, 100));
  const { cost, result } = await measure(() => crew.watch(size(600, 300)));
  for (const rover of rovers) clearInterval(rover.intervalId);
  const roves = Object.values(result).reduce((sum, number) => sum + number);
  return { outcomes: result, figures: perRove(cost, roves) };
}

async function roveSingly({ Rover, ports, size }, host) {
  const rover = new Rover({ servers: { a: { host, port: ports.slot } } });
  const crew = new Crew([rover]);
  await crew.rove(size(1000, 300), 1);
  const latencies = [];
  const connected = clock(rover, 'connection');
  for (let count = size(1000, 300); count > 0; count--) {
    const begun = performance.now();
    await crew.rove(1, 1);
    latencies.push((connected.at - begun) * 1000);
  }
  return { outcomes: { connection: latencies.length }, figures: { latency: median(latencies) } };
}

/** Requests over the connections of a pool, or over those that an agent of Node.js keeps by itself. */
async function requestMany({ isPackage, ports, size }) {
  const host = '127.0.0.1';
  const { inFlight, connections } = REQUESTS;
  let agent;
  if (isPackage) {
    const { RoverAgent } = require('../lib/http');
    agent = new RoverAgent({ size: connections, servers: { a: { host, port: ports.slotHttp } } });
    while (!agent.pool.isFull) await once(agent.pool, 'keep');
  } else {
    agent = new http.Agent({ keepAlive: true, maxSockets: connections });
  }
  const request = () =>
    new Promise((resolve, reject) => {
      http.get({ host, port: ports.http, agent }, (response) => response.resume().on('end', resolve)).on('error', reject);
    });
  const requests = async (count, latencies = []) => {
    const one = async () => {
      while (count-- > 0) {
        const begun = performance.now();
        await request();
        latencies.push((performance.now() - begun) * 1000);
      }
    };
    await Promise.all(Array.from({ length: inFlight }, one));
    return latencies.sort((a, b) => a - b);
  };
  await requests(size(5000, 2000));
  const count = size(20_000, 4000);
  const { cost, result: latencies } = await measure(() => requests(count));
  agent.destroy();
  const { mainCpu, processCpu, rate } = perRove(cost, count);
  const [p50, p99] = [0.5, 0.99].map((share) => latencies[Math.floor(latencies.length * share)]);
  return {
    outcomes: { response: latencies.length },
    figures: { mainCpu, processCpu, requestRate: rate, latency: p50, latency99: p99 },
  };
}

/** Notes when the last event of a kind came, before anybody acts on it. */
function clock(rover, event) {
  const last = { at: 0 };
  rover.prependListener(event, () => {
    last.at = performance.now();
  });
  return last;
}

/** Keeps the thread busy for so many ms, and answers with the time when it is over. */
function block(duration) {
  const until = performance.now() + duration;
  let now;
  do now = performance.now();
  while (now < until);
  return now;
}

function openDescriptors() {
  return fs.readdirSync('/proc/self/fd').length;
}

function binarySize() {
  const root = path.join(__dirname, '..');
  const binary = fs.readdirSync(root).find((name) => name.endsWith('.node'));
  return fs.statSync(path.join(root, binary)).size;
}

module.exports = { CASES };
