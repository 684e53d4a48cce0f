'use strict';

// Runs the mocha suite on several runtimes: `npm run test:matrix`, or `npm run test:matrix -- 20 26 deno bun` to
// choose; `npm run test:deno` and `npm run test:bun`. The binaries come from the npm registry, and are kept in
// target/runtimes. Nothing is built here.
//
// Tests wait most of the time, so several runtimes are tested at once, each in a network namespace of its own: a port
// that one counts on to refuse might be given to another. Without such namespaces it is one after the other.

const { spawn, spawnSync } = require('node:child_process');
const { once } = require('node:events');
const path = require('node:path');

const { ROOT } = require('./packing');
const { fetched, find } = require('./runtimes');

// Mocha 12 runs on Node.js 20.19 and later; the last one that runs on 20.0 is Mocha 10. Nor does the CLI of
// napi-rs run there, of which the tests of the packages make use.
const OLDER_MOCHA = '10';
const NOT_ON_OLDER = '__test__/native/packages.test.js';

/** The versions that are run if no other is asked for. Of a major, the newest one. */
const VERSIONS = {
  // The first one is the lowest that `engines` admits.
  node: ['20.0.0', '20', '22', '24', '26'],
  // These change more from one version to the next than Node.js does.
  deno: ['2.9.6'],
  bun: ['1.4.5'],
};

/** What is not about the runtime, and so is tested on this one only. */
const IGNORED = ['docs', 'examples', 'simulate'].map((folder) => `__test__/${folder}/**`);

/** A command that runs another one in a network namespace with a loopback interface. Root needs no user namespace. */
const ISOLATED = [
  ...['unshare', '--net', ...(process.getuid?.() === 0 ? [] : ['--map-root-user'])],
  ...['sh', '-c', 'ip link set lo up && exec "$@"', 'sh'],
];

function canIsolate() {
  const [command, ...args] = ISOLATED;
  return process.platform === 'linux' && spawnSync(command, [...args, 'true']).status === 0;
}

/** What a version of a runtime is given to run the suite. */
function argumentsFor(runtime, version) {
  const [major, minor] = version.split('.').map(Number);
  const isOlder = runtime === 'node' && major === 20 && minor < 19;
  const mocha = isOlder ? fetched('mocha', OLDER_MOCHA) : path.dirname(require.resolve('mocha/package.json'));
  const config = runtime === 'node' ? '.mocharc.json' : '__test__/other-runtimes.mocharc.js';
  return [
    ...(runtime === 'deno' ? ['run', '--allow-all'] : []),
    ...[path.join(mocha, 'bin/mocha.js'), '--config', config, '--reporter', 'dot'],
    ...(runtime === 'node' ? IGNORED.flatMap((files) => ['--ignore', files]) : []),
    ...(isOlder ? ['--ignore', NOT_ON_OLDER] : []),
  ];
}

/** Finds a runtime, and how to run the suite on it; or says why it cannot be. */
function prepare(runtime, wanted) {
  try {
    const { binary, version } = find(runtime, wanted);
    return { label: `${runtime} ${version}`, command: [binary, ...argumentsFor(runtime, version)] };
  } catch (error) {
    return { label: `${runtime} ${wanted}`, result: `cannot be run on this machine: ${error.message}` };
  }
}

/** Runs the suite, prints what it printed when it is over, and says how it went. */
async function test({ label, command, result }, prefix) {
  if (command === undefined) return { label, isGood: false, result };
  const [file, ...args] = [...prefix, ...command];
  const env = { ...process.env, DENO_NO_UPDATE_CHECK: '1' };
  const child = spawn(file, args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => output.push(chunk));
  const [status, signal] = await once(child, 'close');
  console.log(`\n== ${label}\n${Buffer.concat(output)}`);
  return { label, isGood: status === 0, result: status === 0 ? 'passed' : `failed: ${signal ?? `exit code ${status}`}` };
}

async function testAll(prepared) {
  if (prepared.length > 1 && canIsolate()) return Promise.all(prepared.map((one) => test(one, ISOLATED)));
  const results = [];
  for (const one of prepared) results.push(await test(one, []));
  return results;
}

/** `20`, `deno`, `deno@2`: the runtime and its versions. */
function parse(argument) {
  const [, runtime = 'node', version] = /^(?:(node|deno|bun)(?:@|$))?([\d.]*)$/.exec(argument) ?? [];
  if (version === undefined) throw new Error(`What is ${argument}? Give versions of Node.js, as in 22, or deno, or bun.`);
  const versions = version === '' ? VERSIONS[runtime] : [version];
  return versions.map((one) => [runtime, one]);
}

async function main() {
  const wanted = process.argv.length > 2 ? process.argv.slice(2) : ['node'];
  const results = await testAll(wanted.flatMap(parse).map(([runtime, version]) => prepare(runtime, version)));
  console.log();
  for (const { label, result } of results) console.log(`${label}: ${result}`);
  process.exitCode = results.every(({ isGood }) => isGood) ? 0 : 1;
}

main().catch((error) => {
  console.error(`test-matrix: ${error.message}`);
  process.exitCode = 1;
});
