'use strict';

const releases = [];

/**
 * Registers what the running test has to undo. Everything registered is released after that test,
 * newest first, also when the test failed.
 *
 * @param {() => unknown} release May return a promise, which is awaited.
 */
function cleanup(release) {
  releases.push(release);
}

// Required by a test file at its top level, this is a hook of mocha's root suite: one for all files.
afterEach(async function releaseWhatTheTestOpened() {
  const failures = [];
  while (releases.length > 0) {
    try {
      await releases.pop()();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
});

module.exports = { cleanup };
