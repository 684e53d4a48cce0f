'use strict';

const assert = require('node:assert/strict');

/**
 * Asserts that counts look like draws from a uniform distribution, by a chi-square test that a true
 * one fails less than once in 10^9 runs.
 *
 * @param {number[]} counts One for each cell, an odd number of them: with an even number of degrees
 *   of freedom the tail of the distribution is a finite sum, exp(-x/2) * Σ (x/2)^k / k!
 */
function assertUniform(counts) {
  const expected = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  const half = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0) / 2;
  let term = Math.exp(-half);
  let chance = 0;
  for (let k = 0; k < (counts.length - 1) / 2; k++) {
    chance += term;
    term *= half / (k + 1);
  }
  assert.ok(chance > 1e-9, `${counts} are uniform by a chance of ${chance}`);
}

module.exports = { assertUniform };
