'use strict';

/**
 * Simulates a fleet: `npm run simulate`, and see bench/simulate/README.md.
 */

const { mkdirSync, writeFileSync } = require('node:fs');
const path = require('node:path');
const { parseArgs } = require('node:util');

const { disagreements } = require('./agreement.js');
const { figuresOf } = require('./figures.js');
const { build, playInMemory } = require('./in-memory.js');
const { draw } = require('./picture.js');
const { playOnSockets } = require('./real.js');
const { PHASES, timeline } = require('./timeline.js');

const USAGE = `Usage: npm run simulate -- [options]

  --clients N     clients at the beginning, each with a rover and a pool (default 40)
  --servers N     servers at the beginning (default 20)
  --size N        connections of each pool (default 8)
  --only A,B      phases to play (default all): ${PHASES.join(', ')}
  --pace N        stretches all times (default 1, which is 57 s)
  --in-memory     without sockets; needs Rust; up to 10000 clients and 1000 servers
  --seed N        of a run in memory (default 1)
  --check         a fleet of 12 x 6 x 4 for 10 s on sockets, and in memory; fails where they disagree
  --svg FILE      the picture (default target/simulate.svg)
  --json FILE     all samples and figures, too
`;

/** ms from one sample to the next. */
const SAMPLING = 100;

/** Runs in memory that a run on sockets is compared with. */
const CHECK_RUNS = 40;

const CHECK = { clients: '12', servers: '6', size: '4', only: 'cold,restart,listed', pace: '0.63' };
const DEFAULTS = { clients: '40', servers: '20', size: '8', only: PHASES.join(), pace: '1' };

function readOptions() {
  const { values } = parseArgs({
    options: {
      clients: { type: 'string' },
      servers: { type: 'string' },
      size: { type: 'string' },
      only: { type: 'string' },
      pace: { type: 'string' },
      'in-memory': { type: 'boolean', default: false },
      seed: { type: 'string', default: '1' },
      check: { type: 'boolean', default: false },
      svg: { type: 'string', default: path.join(__dirname, '../../target/simulate.svg') },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const { clients, servers, size, only, pace, ...rest } = { ...(values.check ? CHECK : DEFAULTS), ...values };
  const phases = only.split(',');
  const unknown = phases.find((name) => !PHASES.includes(name));
  if (unknown !== undefined) throw new Error(`no such phase: ${unknown}`);
  const count = (name, value) => {
    if (!(Number.isInteger(Number(value)) && Number(value) > 0)) throw new Error(`--${name} must be a whole number`);
    return Number(value);
  };
  return {
    fleet: { clients: count('clients', clients), servers: count('servers', servers), pace: Number(pace), only: phases },
    size: count('size', size),
    ...rest,
  };
}

const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;

const timeOf = (ms) => (ms === null ? 'not in this phase' : seconds(ms));

/** Prints how even the fleet is, once a second. */
function printLoads({ loads }, phases) {
  console.log('\n  time  worst/mean  best/mean  pools full');
  let second = 0;
  for (const { time, worst, best, full } of loads) {
    if (time < second * 1000) continue;
    const begun = phases.find(({ start }) => start <= time && start > time - 1000);
    const cells = [
      `${second}`.padStart(6),
      worst.toFixed(2).padStart(12),
      best.toFixed(2).padStart(11),
      `${(full * 100).toFixed(0)} %`.padStart(12),
    ];
    console.log(cells.join('') + (begun === undefined ? '' : `   ${begun.title.join(' ')}`));
    second = Math.floor(time / 1000) + 1;
  }
}

function printPhases({ phases }, titles) {
  const rows = phases.map((phase, index) => ({
    phase: titles[index].title.join(' '),
    'pools full in': timeOf(phase.fullIn),
    'even in': timeOf(phase.evenIn),
    'worst/mean: highest': phase.peak.toFixed(2),
    'at the end': phase.worst.toFixed(2),
    'best/mean': phase.best.toFixed(2),
    useful: phase.useful,
    rejected: phase.rejected,
    unreachable: phase.unreachable,
    swaps: phase.swaps,
    ...(phase.cpu === null ? {} : { 'CPU of a client': `${(phase.cpu * 100).toFixed(2)} %` }),
  }));
  console.log('\nEven is: pools are full, and each server is within 10 % of its even share (or one connection).');
  console.table(rows);
}

function compare(real, options, plan) {
  build();
  const runs = Array.from({ length: CHECK_RUNS }, (_, seed) => {
    const samples = playInMemory(plan.events, { size: options.size, sampling: SAMPLING, seed });
    return figuresOf(samples, plan, options.size).phases;
  });
  const found = disagreements(real.phases, runs);
  for (const text of found) console.error(text);
  console.log(found.length > 0 ? 'Sockets and memory disagree.' : `Within what ${CHECK_RUNS} runs in memory give.`);
  if (found.length > 0) process.exitCode = 1;
}

async function main() {
  const options = readOptions();
  if (options.help) return void process.stdout.write(USAGE);
  const { fleet, size, seed, svg, json } = options;
  const isInMemory = options['in-memory'] && !options.check;
  const plan = timeline(fleet);
  const where = isInMemory ? 'in memory' : 'on real sockets';
  const whole = (count) => count.toLocaleString('en-US');
  const subtitle = `${whole(fleet.clients)} clients, ${whole(fleet.servers)} servers, pools of ${size}, ${where}`;
  console.log(`${subtitle}; ${seconds(plan.phases.at(-1).end)}`);
  if (isInMemory) build();
  const samples = isInMemory
    ? playInMemory(plan.events, { size, sampling: SAMPLING, seed: Number(seed) })
    : await playOnSockets(plan.events, { size, sampling: SAMPLING });
  const figures = figuresOf(samples, plan, size);
  printLoads(figures, plan.phases);
  printPhases(figures, plan.phases);
  mkdirSync(path.dirname(svg), { recursive: true });
  writeFileSync(svg, draw({ subtitle, samples, phases: plan.phases, figures }));
  console.log(`The picture is in ${path.relative('', svg)}.`);
  if (json !== undefined) writeFileSync(json, JSON.stringify({ fleet, size, where, samples, ...figures }));
  if (options.check) compare(figures, options, plan);
}

main().catch((error) => {
  console.error(`${error.message}\n\n${USAGE}`);
  process.exitCode = 1;
});
