'use strict';

/**
 * Compares ways to reach the same servers: `npm run bench:fleet`, and see bench/fleet/README.md.
 */

const { mkdirSync, readFileSync, writeFileSync } = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { parseArgs } = require('node:util');

const { isInstalled } = require('./balancers.js');
const { draw } = require('./chart.js');
const grpc = require('./grpc.js');
const { play } = require('./scenario.js');
const { tables } = require('./tables.js');
const WAYS = require('./transports');

const PAGE = path.join(__dirname, '../../docs/comparison.md');
const PICTURE = path.join(__dirname, '../../docs/comparison.svg');
const RESULTS = path.join(__dirname, 'results.json');

const USAGE = `Usage: npm run bench:fleet -- [options]

  --ways A,B    what to compare (default all): ${Object.keys(WAYS).join(', ')}
  --pace N      stretches all times (default 1, which takes 80 s for each)
  --json FILE   the results (default target/fleet.json)
  --from FILE   shows the results of an earlier run instead
  --publish     writes the results to bench/fleet/results.json, docs/comparison.md and docs/comparison.svg as well

HAProxy and nginx are left out where they are not installed: apt-get install haproxy nginx-light
`;

/** How busy the machine is by itself: 1 minute's load before the run, to be read beside the figures. */
function machine() {
  return {
    node: process.version,
    cpu: os.cpus()[0].model,
    cores: os.cpus().length,
    os: `${os.type()} ${os.release()}`,
    loadBefore: os.loadavg()[0],
  };
}

/** Puts the tables where the page has those of an earlier run. */
function publish(results) {
  const text = tables(results);
  const page = readFileSync(PAGE, 'utf8');
  writeFileSync(PAGE, page.replace(/(<!-- results -->\n)[^]*(<!-- end of results -->)/, (_, begin, end) => begin + text + end));
  writeFileSync(PICTURE, draw(results));
  writeFileSync(RESULTS, `${JSON.stringify(results, null, 1)}\n`);
}

async function run({ ways, pace, json }) {
  if (process.platform !== 'linux') throw new Error('this comparison reads /proc: it needs Linux');
  const names = ways.split(',');
  const unknown = names.find((name) => !(name in WAYS));
  if (unknown !== undefined) throw new Error(`no such way: ${unknown}`);
  const results = { machine: machine(), ways: {} };
  for (const name of names) {
    const { proxy, server, title } = WAYS[name];
    if (proxy !== undefined && !isInstalled(proxy)) {
      console.log(`${title}: left out, ${proxy} is not installed`);
      continue;
    }
    if (server === 'grpc') grpc.install();
    process.stdout.write(`${title}:`);
    const onWindow = (window) => void process.stdout.write(` ${window}`);
    results.ways[name] = { title, windows: await play(name, { pace: Number(pace), onWindow }) };
    console.log();
    // A run takes long: what there is must not be lost.
    mkdirSync(path.dirname(json), { recursive: true });
    writeFileSync(json, JSON.stringify(results));
  }
  return results;
}

async function main() {
  const { values } = parseArgs({
    options: {
      ways: { type: 'string', default: Object.keys(WAYS).join() },
      pace: { type: 'string', default: '1' },
      json: { type: 'string', default: path.join(__dirname, '../../target/fleet.json') },
      from: { type: 'string' },
      publish: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return void process.stdout.write(USAGE);
  const results = values.from === undefined ? await run(values) : JSON.parse(readFileSync(values.from, 'utf8'));
  console.log(`\n${tables(results)}`);
  if (values.publish) publish(results);
}

main().catch((error) => {
  console.error(`${error.message}\n\n${USAGE}`);
  process.exitCode = 1;
});
