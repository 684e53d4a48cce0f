'use strict';

// What this process runs on, as the packages with the binaries are named after it.

const { existsSync } = require('node:fs');

/** As musl calls them. */
const ARCHITECTURES = { arm64: 'aarch64', x64: 'x86_64' };

/**
 * The version of the GNU C library that this process runs on, such as '2.36'; null where it runs on another
 * one, which on Linux is musl. Node knows it, so that no `ldd` needs to be run or read, but is slow to tell.
 *
 * @returns {string | null}
 */
function glibcVersion() {
  const { report } = process;
  const { excludeNetwork } = report;
  // Else the report looks up the name of every peer that the app is connected to.
  report.excludeNetwork = true;
  try {
    return report.getReport().header.glibcVersionRuntime ?? null;
  } finally {
    report.excludeNetwork = excludeNetwork;
  }
}

function runsOnMusl() {
  // What runs on musl is loaded by this file. Systems with glibc may have it too, but few do, and only those
  // need to ask Node: that takes longer than all the rest of loading the package.
  const loader = `/lib/ld-musl-${ARCHITECTURES[process.arch] ?? process.arch}.so.1`;
  return existsSync(loader) && glibcVersion() === null;
}

/** The target that a binary for this process was built for, as in `linux-x64-gnu` or `darwin-arm64`. */
function target() {
  const { arch, platform } = process;
  if (platform !== 'linux') return `${platform}-${arch}`;
  return `${platform}-${arch}-${runsOnMusl() ? 'musl' : 'gnu'}`;
}

/** The same in words, with the version of glibc. */
function description() {
  const { arch, platform } = process;
  if (platform !== 'linux') return `${platform}, ${arch}`;
  const glibc = glibcVersion();
  return `${platform}, ${arch}, ${glibc === null ? 'musl' : `glibc ${glibc}`}`;
}

module.exports = { description, glibcVersion, target };
