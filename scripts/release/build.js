'use strict';

// Builds the binary of a target as it is published, and puts it in its folder in npm/:
//
//     npm run release:build [-- linux-x64-gnu]
//
// Without an argument for this platform. Binaries for Linux and FreeBSD are linked by Zig, those for glibc
// against an old version, so that they run on anything that Node runs on; this needs Python. The Rust target has
// to be installed.

const { execFileSync } = require('node:child_process');
const { cpSync } = require('node:fs');
const { basename, delimiter, join } = require('node:path');

const { parseTriple } = require('@napi-rs/cli');

const platform = require('../../lib/native/platform');
const { ROOT, binaryOf, readManifest, targets } = require('../packing');

const OUTPUT = 'target/artifacts';
const TOOLS = join(ROOT, 'target', 'zig');

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
  run(join(TOOLS, 'bin', 'pip'), ['install', '--quiet', '--disable-pip-version-check', '-r', requirements]);
  return [join(TOOLS, 'bin'), process.env.PATH].join(delimiter);
}

/** Builds the binary of a target. */
function build(target) {
  const triple = tripleOf(target);
  if (triple === undefined) throw new Error(`no binary is published for ${target}, only for: ${targets().join(', ')}`);
  const options = ['--release', '--output-dir', OUTPUT];
  if (/^(linux|freebsd)-/.test(target)) {
    const linked = target.includes('-gnu') ? `${triple}.${GLIBC[target] ?? '2.17'}` : triple;
    run('npm', ['run', 'build:debug', '--', ...options, '--cross-compile', '--target', linked], { PATH: installZig() });
  } else {
    run('npm', ['run', 'build:debug', '--', ...options, '--target', triple]);
  }
  const binary = binaryOf(target);
  cpSync(join(ROOT, OUTPUT, basename(binary)), binary);
}

if (require.main === module) build(process.argv[2] ?? platform.target());

module.exports = { build };
