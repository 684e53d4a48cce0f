'use strict';

/** The reason by test, or by suite where a hook skips all of its tests. */
const reasons = new WeakMap();

/** For tests that need `namespace()`, where it returns null. */
const NO_NAMESPACE = 'no namespaces: not Linux, or unshare is not permitted';

/** For tests that read /proc, or need what only the kernel of Linux does. */
const NOT_LINUX = 'needs Linux';

/** For tests in which `net.connect()` of Node.js 20.0 would try several addresses, or null on any other. */
const LEAVES_SOCKETS_OPEN = /^v20\.0\./.test(process.version)
  ? 'net.connect() of Node.js 20.0 never closes the sockets of several addresses that refuse'
  : null;

/**
 * Skips the running test; called by a hook, all tests of its suite. A test that is skipped without a reason
 * fails the run: see skipped.js.
 *
 * @param {Mocha.Context} test
 * @param {string} reason what the test needs, and this machine or this runtime does not have
 */
function skip({ test }, reason) {
  reasons.set(test.type === 'hook' ? test.parent : test, reason);
  return test.skip();
}

/** The reason that `skip` was given for this test or for a suite around it. */
function reasonOf(test) {
  return reasons.get(test) ?? (test.parent && reasonOf(test.parent));
}

module.exports = { LEAVES_SOCKETS_OPEN, NOT_LINUX, NO_NAMESPACE, reasonOf, skip };
