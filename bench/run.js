'use strict';

/**
 * Compares the package with bench/baseline.js and prints what each costs: see README.md. Exit code 1 if
 * one of them did not do its work.
 *
 *     node bench/run.js [--quick] [--json FILE] [--case NAME] [--node PATH]
 */

const assert = require('node:assert');
const { execFile, fork } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { parseArgs, promisify } = require('node:util');

const { target } = require('../lib/native/platform');
const { stageInstalled } = require('../scripts/packing');
const { CASES } = require('./cases');
const { summarize } = require('./summary');
const { formatTable } = require('./table');

const ROUNDS = { full: 3, quick: 1 };

const MODULES = { package: path.join(__dirname, '..'), baseline: path.join(__dirname, 'baseline.js') };

/** ms; a run takes two seconds at most on a machine that is not overloaded. */
const TIME_LIMIT = 60_000;

/** How much more one contestant may get done than the other in the same time. */
const TOLERANCE = 2;

function readOptions() {
  const { values } = parseArgs({
    options: {
      case: { type: 'string' },
      json: { type: 'string' },
      node: { type: 'string', default: process.execPath },
      quick: { type: 'boolean', default: false },
    },
  });
  const cases = CASES.filter(({ name }) => values.case === undefined || values.case === name);
  if (cases.length === 0) {
    const names = CASES.map(({ name }) => name).join(', ');
    throw new Error(`There is no case ${values.case}, only: ${names}`);
  }
  return { ...values, cases };
}

/** Runs one case once for one contestant, in a fresh process. */
async function run({ name, isInstalled, measuresMemory }, contestant, ports, { installed, node, quick }) {
  const child = path.join(__dirname, 'child.js');
  const module = isInstalled && contestant === 'package' ? installed : (MODULES[contestant] ?? '');
  const thoroughness = quick ? 'quick' : 'full';
  const parameters = [child, contestant, module, name, JSON.stringify(ports), thoroughness];
  // For these alone: under a flag of V8, Node.js compiles its own modules anew, and `node:net` loads in 4.8 ms, not in 1.3.
  if (measuresMemory) parameters.unshift('--expose-gc');
  const { stdout } = await promisify(execFile)(node, parameters, { timeout: TIME_LIMIT });
  return JSON.parse(stdout);
}

/** Runs one case once for each contestant; who is first changes from round to round. */
async function runRound(one, round, ports, options) {
  const { contestants = ['package', 'baseline'] } = one;
  const order = round % 2 === 0 ? contestants : [...contestants].reverse();
  const results = {};
  for (const contestant of order) results[contestant] = await run(one, contestant, ports, options);
  checkOutcomes(one, results);
  return Object.fromEntries(contestants.map((contestant) => [contestant, results[contestant]]));
}

function checkOutcomes({ name, outcome, timed }, results) {
  if (outcome === undefined) return;
  for (const [contestant, { outcomes }] of Object.entries(results)) {
    const others = Object.entries(outcomes).filter(([kind, count]) => kind !== outcome && count !== 0);
    assert.deepStrictEqual(others, [], `${name}: the ${contestant} had other outcomes than ${outcome}`);
  }
  const counts = Object.values(results).map(({ outcomes, expected }) => outcomes[outcome] / (expected ?? 1));
  const [least, most] = [Math.min(...counts), Math.max(...counts)];
  assert(least > 0, `${name}: nothing was done`);
  const message = `${name}: the contestants did not do the same work (${counts.join(', ')})`;
  assert(most / least <= (timed ? TOLERANCE : 1), message);
}

async function runAll(ports, { cases, ...options }) {
  const results = new Map(cases.map((one) => [one, []]));
  const rounds = options.quick ? ROUNDS.quick : ROUNDS.full;
  for (let round = 0; round < rounds; round++) {
    for (const one of cases) {
      if (round >= (one.rounds ?? rounds)) continue;
      showProgress(`round ${round + 1} of ${rounds}: ${one.title}`);
      results.get(one).push(await runRound(one, round, ports, options));
    }
  }
  showProgress('');
  return results;
}

function showProgress(text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

function describeMachine() {
  const [cpu] = os.cpus();
  return { cpu: cpu.model.trim(), cores: os.availableParallelism(), os: `${os.type()} ${os.release()}` };
}

async function main() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'bench-'));
  const options = { ...readOptions(), installed: stageInstalled(path.join(folder, 'node_modules'), target()) };
  const server = fork(path.join(__dirname, 'server.js'));
  try {
    const [ports] = await once(server, 'message');
    const results = await runAll(ports, options);
    const summaries = [...results].map(([one, rounds]) => summarize(one, rounds));
    const [[rounds]] = results.values();
    const { node } = Object.values(rounds)[0];
    const machine = describeMachine();
    console.log(`Node ${node}, ${machine.cpu}, ${machine.cores} cores, ${machine.os}\n`);
    console.log(formatTable(summaries));
    if (options.json) {
      const report = { date: new Date().toISOString(), node, machine, quick: options.quick, cases: summaries };
      fs.writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`);
    }
  } finally {
    server.disconnect();
    fs.rmSync(folder, { recursive: true });
  }
}

main().catch((error) => {
  console.error(`\nbench: ${error.message}`);
  process.exitCode = 1;
});
