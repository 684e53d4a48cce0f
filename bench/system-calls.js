'use strict';

/**
 * Counts the system calls of a rove: `node bench/system-calls.js` prints, for some of the cases, how many
 * of each kind the main thread and the package's own thread make, and the main thread of the baseline.
 *
 * This module is also what is counted: with arguments (CONTESTANT CASE PORTS) it is the child process.
 */

const assert = require('node:assert');
const { fork, spawn, spawnSync } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const path = require('node:path');
const { setTimeout: sleep } = require('node:timers/promises');

const { CASES } = require('./cases');
const { Crew } = require('./crew');
const { REFUSED_PORT, SLOT } = require('./scene');

const ROVES = { warmUp: 1000, counted: 5000 };

/** Fewer per rove are not worth a line: timers, garbage collection, the messages to the child. */
const LEAST = 0.02;

/**
 * The package emits nothing for a rejection, so there started rovers do the work. They are slower than
 * those of cases.js: a thread that is traced would not keep pace with them.
 */
const REJECTED = { rovers: 20, interval: 20, maxSlot: SLOT - 1 };

/** What the last attempts of started rovers get to end, in ms. */
const REST = 200;

/**
 * How the rovers of a case work: each entry gives a function that makes about so many roves.
 *
 * @type {Record<string, (Rover: any, ports: any) => (roves: number) => Promise<import('./crew').Outcomes>>}
 */
const LOADS = {
  'kept-ip': (Rover, ports) => prepareMany(Rover, ports.slot),
  'refused-ip': (Rover) => prepareMany(Rover, REFUSED_PORT),
  rejected: (Rover, ports) => prepareStarted(Rover, ports.slot, REJECTED),
};

/** @typedef {Map<string, number>} Calls by name, per rove */

function prepareMany(Rover, port) {
  const crew = new Crew([new Rover({ servers: { a: { host: '127.0.0.1', port } } })]);
  return (roves) => crew.rove(roves);
}

function prepareStarted(Rover, port, { rovers: count, interval, maxSlot }) {
  const servers = { a: { host: '127.0.0.1', port } };
  const options = { servers, ROVING_INTERVAL: interval, MAX_SLOT: maxSlot };
  const rovers = Array.from({ length: count }, () => new Rover(options));
  const crew = new Crew(rovers, { maxSlot });
  return async (roves) => {
    const duration = (roves / count) * interval;
    const watching = crew.watch(duration + REST);
    for (const rover of rovers) rover.start();
    await sleep(duration);
    for (const rover of rovers) clearInterval(rover.intervalId);
    return watching;
  };
}

/** In the child: warms up, tells so, and works once it is told that it is traced. */
async function work(contestant, name, ports) {
  // Its parent is gone or has all it wants.
  process.on('disconnect', () => process.exit());
  const Rover = require(contestant === 'package' ? '..' : './baseline');
  const rove = LOADS[name](Rover, JSON.parse(ports));
  await rove(ROVES.warmUp);
  process.send('ready');
  await once(process, 'message');
  process.send(await rove(ROVES.counted));
}

/**
 * Counts the calls of one contestant in a case, in a fresh process.
 *
 * @returns {Promise<{ roves: number, main: Calls, rover?: Calls }>}
 */
async function count(contestant, name, ports) {
  const child = fork(__filename, [contestant, name, JSON.stringify(ports)]);
  try {
    await messageOf(child);
    // The thread that runs `main` has the number of the process.
    const threads = [child.pid];
    if (contestant === 'package') threads.push(findThread(child.pid, 'rover'));
    const tracers = await Promise.all(threads.map(attach));
    child.send('go');
    const outcomes = await messageOf(child);
    const reports = await Promise.all(tracers.map((tracer) => tracer.detach()));
    const roves = checkOutcomes(contestant, name, outcomes);
    const [main, rover] = reports.map((report) => parseCalls(report, roves));
    return { roves, main, rover };
  } finally {
    child.kill();
  }
}

function messageOf(child) {
  return new Promise((resolve, reject) => {
    child.once('message', resolve);
    child.once('exit', () => reject(new Error('the process to be counted has ended')));
  });
}

function findThread(pid, name) {
  const tasks = `/proc/${pid}/task`;
  const isWanted = (thread) => fs.readFileSync(`${tasks}/${thread}/comm`, 'utf8').trim() === name;
  const found = fs.readdirSync(tasks).filter(isWanted);
  assert.strictEqual(found.length, 1, `there are ${found.length} threads "${name}"`);
  return found[0];
}

/** Has strace count the calls of one thread. `detach()` ends that and gives what strace printed. */
async function attach(thread) {
  const parameters = ['-c', '-U', 'calls,name', '-p', thread];
  const tracer = spawn('strace', parameters, { stdio: ['ignore', 'ignore', 'pipe'] });
  const closed = once(tracer, 'close');
  let report = '';
  const attached = new Promise((resolve) => {
    tracer.stderr.setEncoding('utf8').on('data', (text) => {
      report += text;
      if (/ attached$/m.test(report)) resolve(true);
    });
  });
  if (!(await Promise.race([attached, closed.then(() => false)]))) throw new Error(report.trim());
  return {
    detach: async () => {
      tracer.kill('SIGINT');
      await closed;
      return report;
    },
  };
}

function checkOutcomes(contestant, name, outcomes) {
  const { outcome } = CASES.find((one) => one.name === name);
  const others = Object.entries(outcomes).filter(([kind, number]) => kind !== outcome && number !== 0);
  assert.deepStrictEqual(others, [], `${name}: the ${contestant} had other outcomes than ${outcome}`);
  assert(outcomes[outcome] > 0, `${name}: nothing was done`);
  return outcomes[outcome];
}

/** @returns {Calls} */
function parseCalls(report, roves) {
  const lines = [...report.matchAll(/^ *(\d+) (\w+)$/gm)].filter(([, , name]) => name !== 'total');
  return new Map(lines.map(([, number, name]) => [name, number / roves]));
}

function formatTable(name, ours, baseline) {
  const columns = [ours.main, ours.rover, baseline.main];
  const most = (call) => Math.max(...columns.map((calls) => calls.get(call) ?? 0));
  const calls = [...new Set(columns.flatMap((column) => [...column.keys()]))]
    .filter((call) => most(call) >= LEAST)
    .sort((a, b) => most(b) - most(a) || a.localeCompare(b));
  const cell = (number = 0) => (number < LEAST ? '' : number.toFixed(2));
  const sum = (column) => [...column.values()].reduce((total, number) => total + number, 0);
  const rows = [
    [name, 'package main', 'package rover', 'baseline main'],
    ...calls.map((call) => [call, ...columns.map((column) => cell(column.get(call)))]),
    ['sum', ...columns.map((column) => cell(sum(column)))],
  ];
  const widths = rows[0].map((_, index) => Math.max(...rows.map((row) => row[index].length)));
  const lines = rows.map((row) => {
    const cells = row.map((text, index) => text[index === 0 ? 'padEnd' : 'padStart'](widths[index]));
    return cells.join('  ').trimEnd();
  });
  const rule = widths.map((width) => '─'.repeat(width)).join('──');
  return [lines[0], rule, ...lines.slice(1, -1), rule, lines.at(-1)].join('\n');
}

/** Why nothing can be counted here, if so. */
function obstacle() {
  if (process.platform !== 'linux') return 'strace is there on Linux only';
  if (spawnSync('strace', ['-V']).error) return 'strace is missing; it is in the package "strace" of the system';
  return undefined;
}

async function main() {
  const reason = obstacle();
  if (reason !== undefined) {
    console.log(`bench: system calls can't be counted: ${reason}`);
    return;
  }
  console.log('System calls per rove');
  const server = fork(path.join(__dirname, 'server.js'));
  try {
    const ports = await messageOf(server);
    for (const name of Object.keys(LOADS)) {
      const ours = await count('package', name, ports);
      const baseline = await count('baseline', name, ports);
      console.log(`\n${formatTable(name, ours, baseline)}`);
      console.log(`(of ${ours.roves} roves of the package, ${baseline.roves} of the baseline)`);
    }
  } finally {
    if (server.connected) server.disconnect();
  }
}

const [contestant, name, ports] = process.argv.slice(2);
const done = contestant === undefined ? main() : work(contestant, name, ports);
done.catch((error) => {
  console.error(`bench: ${error.message}`);
  process.exit(1);
});
