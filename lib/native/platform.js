'use strict';

// The platform of this process, as the packages with the binaries are named after it.

const { existsSync } = require('node:fs');

/** The architectures that musl calls something else. */
const MUSL_NAMES = { arm: 'armhf', arm64: 'aarch64', ppc64: 'powerpc64le', x64: 'x86_64' };

/**
 * The version of the GNU C library that this process runs on, such as '2.36'; null where it runs on another
 * one, which on Linux is musl; undefined where Deno's permissions forbid to ask. Node.js knows it, so no `ldd` has to
 * be run or read, but takes long to say so.
 *
 * @returns {string | null | undefined}
 */
function glibcVersion() {
  const report = /** @type {any} */ (process.report);
  const { excludeNetwork } = report;
  // Else the report looks up the name of every peer that the app is connected to.
  report.excludeNetwork = true;
  try {
    return report.getReport().header.glibcVersionRuntime ?? null;
  } catch {
    return undefined;
  } finally {
    report.excludeNetwork = excludeNetwork;
  }
}

/** Whether a file may exist: also true where the permission model forbids to look. */
function mayExist(file) {
  try {
    return existsSync(file);
  } catch {
    return true;
  }
}

function runsOnMusl() {
  // Programs for musl are loaded by this file. Few systems with glibc have it too, and only those have to ask
  // Node: that takes longer than all the rest of loading the package.
  const loader = `/lib/ld-musl-${MUSL_NAMES[process.arch] ?? process.arch}.so.1`;
  return mayExist(loader) && glibcVersion() === null;
}

/** The ABI of binaries for this process, as Rust calls it; undefined where the platform has only one. */
function abi() {
  const { arch, platform } = process;
  if (platform === 'win32') return 'msvc';
  if (platform !== 'linux') return undefined;
  return `${runsOnMusl() ? 'musl' : 'gnu'}${arch === 'arm' ? 'eabihf' : ''}`;
}

/** The target that a binary for this process was built for, as in `linux-x64-gnu` or `darwin-arm64`. */
function target() {
  const { arch, platform } = process;
  return [platform, arch, abi()].filter((part) => part !== undefined).join('-');
}

/** The same in words, with the version of glibc. */
function description() {
  const { arch, platform } = process;
  const glibc = platform === 'linux' ? glibcVersion() : undefined;
  if (glibc === undefined) return `${platform}, ${arch}`;
  return `${platform}, ${arch}, ${glibc === null ? 'musl' : `glibc ${glibc}`}`;
}

module.exports = { description, glibcVersion, target };
