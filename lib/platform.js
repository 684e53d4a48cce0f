'use strict';

/**
 * The version of the GNU C library that this process runs on, such as '2.36'; null where it runs on another
 * one, which on Linux is musl. Node knows it, so that no `ldd` needs to be run or read.
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

/**
 * This platform.
 *
 * @returns {{target: string, words: string}} as packages are named after it, and as people speak of it
 */
function thisPlatform() {
  const { arch, platform: system } = process;
  if (system !== 'linux') return { target: `${system}-${arch}`, words: `${system}, ${arch}` };
  const glibc = glibcVersion();
  const [suffix, libc] = glibc === null ? ['musl', 'musl'] : ['gnu', `glibc ${glibc}`];
  return { target: `${system}-${arch}-${suffix}`, words: `${system}, ${arch}, ${libc}` };
}

module.exports = { glibcVersion, thisPlatform };
