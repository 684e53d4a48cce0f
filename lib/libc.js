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

module.exports = { glibcVersion };
