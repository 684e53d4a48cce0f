'use strict';

// Builds the binary of a target as it is published, and puts it in its folder in npm/:
//
//     npm run release:build [-- linux-x64-gnu]
//
// Without an argument for this platform. Binaries for Linux and FreeBSD are linked by Zig, those for glibc
// against an old version, so that they run on anything that Node runs on; this needs Python. The Rust target has
// to be installed. The binary names no folder of this machine.

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const { cpSync, readFileSync } = require('node:fs');
const { homedir } = require('node:os');
const { basename, delimiter, join, sep } = require('node:path');

const { parseTriple } = require('@napi-rs/cli');

const platform = require('../../lib/native/platform');
const { ROOT, binaryOf, readManifest, targets } = require('../packing');

const OUTPUT = 'target/artifacts';
const TOOLS = join(ROOT, 'target', 'zig');

const CARGO_HOME = process.env.CARGO_HOME ?? join(homedir(), '.cargo');

/**
 * The folders that rustc would write into the binary, for the messages of panics, and what it writes instead. Of two
 * that match a path the later one counts.
 */
const FOLDERS = [
  [homedir(), '~'],
  [CARGO_HOME, 'cargo'],
  [ROOT, '.'],
];

/** The version of glibc that binaries are linked against, where it is not 2.17: the first one of that architecture. */
const GLIBC = { 'linux-ppc64-gnu': '2.19', 'linux-riscv64-gnu': '2.27' };

function run(command, args, env) {
  // On Windows npm is a script, which only a shell runs.
  const shell = process.platform === 'win32';
  execFileSync(command, args, { cwd: ROOT, env: { ...process.env, ...env }, shell, stdio: 'inherit' });
}

/** The Rust triple of a target. */
function tripleOf(target) {
  return readManifest(ROOT).napi.targets.find((triple) => parseTriple(triple).platformArchABI === target);
}

/** Installs Zig in the checkout, and returns a PATH with it. */
function installZig() {
  run('python3', ['-m', 'venv', TOOLS]);
  const requirements = join(__dirname, 'requirements.txt');
  const options = ['--quiet', '--disable-pip-version-check', '--only-binary=:all:', '--require-hashes'];
  run(join(TOOLS, 'bin', 'pip'), ['install', ...options, '-r', requirements]);
  return [join(TOOLS, 'bin'), process.env.PATH].join(delimiter);
}

/** Flags of rustc that replace the folders of this machine, after those that are set already. */
function withoutFolders({ RUSTFLAGS = '' }) {
  const flags = FOLDERS.map(([folder, shown]) => `--remap-path-prefix=${folder}=${shown}`);
  return [RUSTFLAGS, ...flags].join(' ').trim();
}

/**
 * Checks that a binary names no folder of this machine.
 *
 * @param {string} binary its path
 * @throws {assert.AssertionError} where it names one
 */
function checkFolders(binary) {
  const content = readFileSync(binary);
  for (const [folder] of FOLDERS) assert.ok(!content.includes(folder + sep), `${binary} contains ${folder}`);
}

/** Builds the binary of a target. */
function build(target) {
  const triple = tripleOf(target);
  if (triple === undefined) throw new Error(`no binary is published for ${target}, only for: ${targets().join(', ')}`);
  const env = { RUSTFLAGS: withoutFolders(process.env) };
  const options = ['--release', '--output-dir', OUTPUT];
  if (/^(linux|freebsd)-/.test(target)) {
    const linked = target.includes('-gnu') ? `${triple}.${GLIBC[target] ?? '2.17'}` : triple;
    options.push('--cross-compile', '--target', linked);
    env.PATH = installZig();
  } else {
    options.push('--target', triple);
  }
  run('npm', ['run', 'build:debug', '--', ...options, '--', '--locked'], env);
  const built = join(ROOT, OUTPUT, basename(binaryOf(target)));
  checkFolders(built);
  cpSync(built, binaryOf(target));
}

if (require.main === module) build(process.argv[2] ?? platform.target());

module.exports = { build };
