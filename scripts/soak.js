'use strict';

// A long run over the zoo: `npm run soak`, or `npm run soak -- --seconds 600`.
//
// Several rovers rove over all of it that needs no network of its own, while servers come and go and
// rovers are stopped and started; some connections are kept for a while. At the end every attempt must
// have had its outcome, no descriptor and no thread may be left, and memory must not have grown. Exits
// with 1 otherwise.

const { fork } = require('node:child_process');
const { once } = require('node:events');
const { parseArgs } = require('node:util');

const ClientRover = require('..');
const { isLookUp, openDescriptors, threadNames } = require('../__test__/helpers/footprint.js');
const { until } = require('../__test__/helpers/wait.js');
const { EXHIBITS } = require('../__test__/helpers/zoo.js');

const ROVERS = 4;
/** How many connections are kept, of all rovers together. */
const KEPT = 200;
/** How far RSS may grow over so many attempts after the warm-up, in bytes. */
const MAX_GROWTH = 5 * 2 ** 20;
const PER_ATTEMPTS = 200_000;
/** The part of the time that goes to the warm-up. */
const WARM_UP = 0.25;

const EVENTS = { connection: 'connections', unreachable: 'unreachable', closed: 'closed', error: 'errors' };

/** Opens the exhibits, and has a process of its own rove over them: the memory of one is not that of the other. */
async function keepZoo(seconds) {
  const servers = {};
  const closes = [];
  for (const { name, open, namespace } of EXHIBITS) {
    if (namespace !== undefined) continue;
    const { server, close } = await open();
    servers[name] = server;
    closes.push(close);
  }
  const rovers = fork(__filename, [], {
    // What V8 and glibc keep in reserve comes and goes by several MiB; a leak would be lost in it.
    execArgv: ['--expose-gc', '--max-semi-space-size=1'],
    env: { ...process.env, MALLOC_ARENA_MAX: '1' },
  });
  rovers.send({ servers, seconds });
  const [code] = await once(rovers, 'exit');
  process.exitCode = code ?? 1;
  for (const close of closes) await close();
}

async function soak({ servers, seconds }) {
  const kept = [];
  const rovers = Array.from({ length: ROVERS }, () => observe(servers, kept));

  // What is begun once and for all is begun by this.
  await rove(rovers, servers, 2);
  await atRest(rovers, kept);
  const before = { descriptors: openDescriptors().length, threads: threadNames().filter((name) => !isLookUp(name)).length };
  await rove(rovers, servers, seconds * WARM_UP);
  await atRest(rovers, kept);
  const stretch = await roveUntilFlat(rovers, servers, kept, seconds * (1 - WARM_UP));

  // Idle look-up threads end after ten seconds.
  const isBack = () => footprint().threads <= before.threads && footprint().descriptors <= before.descriptors;
  await until(isBack, { timeout: 15_000 }).catch(() => {});
  const after = footprint();

  const failures = [
    ...rovers.flatMap(({ rover, seen }, n) => imbalance(rover.stats(), seen).map((text) => `rover ${n}: ${text}`)),
    ...(after.descriptors > before.descriptors ? ['descriptors are left'] : []),
    ...(after.threads > before.threads ? ['threads are left'] : []),
    ...(stretch.growth > stretch.allowed ? [`memory grew by more than ${mebibytes(stretch.allowed)} MiB`] : []),
  ];
  console.table(rovers.map(({ rover }) => ({ ...rover.stats() })));
  console.log(`descriptors: ${before.descriptors} before, ${after.descriptors} after`);
  console.log(`threads:     ${before.threads} before, ${after.threads} after`);
  console.log(`memory:      grew by ${mebibytes(stretch.growth)} MiB over ${stretch.attempts} attempts after the warm-up`);
  for (const failure of failures) console.error(`FAILED: ${failure}`);
  if (failures.length > 0) process.exitCode = 1;
  process.disconnect();
}

/**
 * Roves for so long, and says by how many bytes memory grew. V8 sometimes takes some MiB and keeps them: a
 * growth that is too much is looked at again, twice. A leak goes on growing.
 */
async function roveUntilFlat(rovers, servers, kept, seconds) {
  for (let stretches = 1; ; stretches++) {
    const before = { attempts: attemptsOf(rovers), rss: await settledRss() };
    await rove(rovers, servers, seconds);
    await atRest(rovers, kept);
    const growth = (await settledRss()) - before.rss;
    const attempts = attemptsOf(rovers) - before.attempts;
    const allowed = MAX_GROWTH * Math.max(1, attempts / PER_ATTEMPTS);
    if (growth <= allowed || stretches === 3) return { growth, attempts, allowed };
    console.log(`memory grew by ${mebibytes(growth)} MiB over ${attempts} attempts: roving on`);
  }
}

/** A rover whose events are counted, and most of whose connections are closed, though not at once. */
function observe(servers, kept) {
  const rover = new ClientRover({
    ROVING_INTERVAL: 2,
    CONNECT_TIMEOUT: 250,
    SLOT_TIMEOUT: 250,
    MAX_PENDING: 256,
    servers: { ...servers },
  });
  const seen = { connections: 0, unreachable: 0, closed: 0, errors: 0 };
  for (const [event, name] of Object.entries(EVENTS)) rover.on(event, () => seen[name]++);
  rover.on('connection', (_slot, socket) => {
    // Some exhibits reset what they have given.
    socket.on('error', () => {});
    kept.push(socket);
    if (kept.length > KEPT) kept.splice(Math.floor(Math.random() * kept.length), 1)[0].destroy();
  });
  return { rover, seen };
}

/** Roves for so long, and lets things happen to the rovers meanwhile. */
async function rove(rovers, servers, seconds) {
  for (const { rover } of rovers) rover.start();
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {
    for (let n = 0; n < 5; n++) happen(oneOf(rovers).rover, servers);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function happen(rover, servers) {
  const id = oneOf(Object.keys(servers));
  const chance = Math.random();
  if (chance < 0.3) rover.addServer(id, { ...servers[id] });
  else if (chance < 0.5) rover.dropServer(id);
  else if (chance < 0.6) rover.MAX_SLOT = oneOf([Infinity, Infinity, 100, 12, 0]);
  else if (chance < 0.97) for (let n = 0; n < 8; n++) rover.connect();
  else if (chance < 0.98) rover.servers = { [id]: servers[id] };
  else if (chance < 0.985) rover.servers = { ...servers };
  else {
    if (chance < 0.99) rover.stop();
    else clearInterval(rover.intervalId);
    rover.start();
  }
}

/** Half of them stop, half of them let what is in flight come in; no connection is left. */
async function atRest(rovers, kept) {
  for (const [n, { rover }] of rovers.entries()) {
    if (n % 2 === 0) rover.stop();
    else clearInterval(rover.intervalId);
  }
  const isQuiet = () => rovers.every(({ rover }) => rover.stats().pending === 0);
  // What is still pending then shows in the balance.
  await until(isQuiet).catch(() => {});
  await Promise.all(
    kept.splice(0).map((socket) => {
      if (socket.closed) return undefined;
      socket.destroy();
      return once(socket, 'close');
    }),
  );
}

/** What is wrong with the counters of a rover at rest. */
function imbalance(stats, seen) {
  const { attempts, connections, rejected, unreachable, closed, errors, abandoned, pending } = stats;
  const failures = [];
  if (pending !== 0) failures.push(`${pending} attempts have no outcome`);
  if (attempts !== connections + rejected + unreachable + closed + errors + abandoned + pending) {
    failures.push('attempts and outcomes differ');
  }
  for (const [name, count] of Object.entries(seen)) {
    if (count !== stats[name]) failures.push(`${count} ${name} seen, ${stats[name]} counted`);
  }
  return failures;
}

function attemptsOf(rovers) {
  return rovers.reduce((sum, { rover }) => sum + rover.stats().attempts, 0);
}

function footprint() {
  return { descriptors: openDescriptors().length, threads: threadNames().length };
}

/** RSS without garbage, in bytes. */
async function settledRss() {
  for (let round = 0; round < 5; round++) {
    global.gc();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return process.memoryUsage.rss();
}

function mebibytes(bytes) {
  return (bytes / 2 ** 20).toFixed(1);
}

function oneOf(list) {
  return list[Math.floor(Math.random() * list.length)];
}

if (process.send === undefined) {
  const { values } = parseArgs({ options: { seconds: { type: 'string', default: '60' } } });
  keepZoo(Number(values.seconds));
} else {
  // At the end of the run, or when the parent is gone.
  process.once('disconnect', () => process.exit());
  process.once('message', soak);
}
