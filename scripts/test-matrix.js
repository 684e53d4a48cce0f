'use strict';

// Runs the mocha suite on several runtimes: `npm run test:matrix`, or `npm run test:matrix -- 20 26` to
// choose; `npm run test:deno` and `npm run test:bun`. The binaries come from the npm registry, and are kept
// in target/runtimes. Nothing is built here.

const { spawnSync } = require('node:child_process');
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

/** What a version of a runtime is given to run the suite. */
function argumentsFor(runtime, version) {
  const [major, minor] = version.split('.').map(Number);
  const isOlder = runtime === 'node' && major === 20 && minor < 19;
  const mocha = isOlder ? fetched('mocha', OLDER_MOCHA) : path.dirname(require.resolve('mocha/package.json'));
  const config = runtime === 'node' ? '.mocharc.json' : '__test__/other-runtimes.mocharc.js';
  return [
    ...(runtime === 'deno' ? ['run', '--allow-all'] : []),
    ...[path.join(mocha, 'bin/mocha.js'), '--config', config, '--reporter', 'dot'],
    ...(isOlder ? ['--ignore', NOT_ON_OLDER] : []),
  ];
}

/** Runs the suite, and says how it went. */
function test(runtime, wanted) {
  const label = `${runtime} ${wanted}`;
  let found;
  let args;
  try {
    found = find(runtime, wanted);
    args = argumentsFor(runtime, found.version);
  } catch (error) {
    return { label, isGood: false, result: `cannot be run on this machine: ${error.message}` };
  }
  const { binary, version } = found;
  console.log(`\n== ${runtime} ${version}`);
  const env = { ...process.env, DENO_NO_UPDATE_CHECK: '1' };
  const { error, signal, status } = spawnSync(binary, args, { cwd: ROOT, env, stdio: 'inherit' });
  const result = status === 0 ? 'passed' : `failed: ${error?.message ?? signal ?? `exit code ${status}`}`;
  return { label: `${runtime} ${version}`, isGood: status === 0, result };
}

/** `20`, `deno`, `deno@2`: the runtime and its versions. */
function parse(argument) {
  const [, runtime = 'node', version] = /^(?:(node|deno|bun)(?:@|$))?([\d.]*)$/.exec(argument) ?? [];
  if (version === undefined) throw new Error(`What is ${argument}? Give versions of Node.js, as in 22, or deno, or bun.`);
  const versions = version === '' ? VERSIONS[runtime] : [version];
  return versions.map((one) => [runtime, one]);
}

function main() {
  const wanted = process.argv.length > 2 ? process.argv.slice(2) : ['node'];
  const results = wanted.flatMap(parse).map(([runtime, version]) => test(runtime, version));
  console.log();
  for (const { label, result } of results) console.log(`${label}: ${result}`);
  process.exitCode = results.every(({ isGood }) => isGood) ? 0 : 1;
}

try {
  main();
} catch (error) {
  console.error(`test-matrix: ${error.message}`);
  process.exitCode = 1;
}
