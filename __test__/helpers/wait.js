'use strict';

/**
 * Blocks the JavaScript thread; what other threads, other processes and the kernel do goes on.
 *
 * @param {number} ms
 */
function block(ms) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/**
 * Resolves once `claim()` is true: for what can be read but announces itself by no event, such as
 * a counter or the number of open descriptors.
 *
 * @param {() => boolean} claim
 * @param {object} [options]
 * @param {number} [options.timeout=5000] In ms; then it rejects.
 * @param {() => string} [options.explain] Added to the message of that rejection.
 */
async function until(claim, { timeout = 5000, explain = () => claim.toString() } = {}) {
  const deadline = performance.now() + timeout;
  while (!claim()) {
    if (performance.now() > deadline) throw new Error(`Not within ${timeout} ms: ${explain()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

module.exports = { block, until };
