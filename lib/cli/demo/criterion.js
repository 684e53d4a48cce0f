'use strict';

/** What the demo calls balanced. */

/** How far a server may be from the mean, as a share of the mean. */
const TOLERANCE = 0.1;

/** Samples in a row that have to agree, so that lines which merely cross do not count. */
const RUN = 6;

/**
 * @param {import('./service.js').Snapshot} sample
 * @returns {boolean} whether every client has all its connections
 */
function isFilled({ counts, fullPools, clients, wanted }) {
  const held = [...counts.values()].reduce((sum, count) => sum + count, 0);
  // Both sides have to say so: clients learn of a stopped server a moment after it is gone.
  return fullPools === clients && held >= wanted;
}

/**
 * @param {import('./service.js').Snapshot} sample
 * @returns {boolean} whether every client has all its connections and every server its fair share
 */
function isBalanced(sample) {
  const { mean } = spread(sample.counts);
  return isFilled(sample) && [...sample.counts.values()].every((count) => isNearMean(count, mean));
}

/**
 * @param {number} count connections of a server
 * @param {number} mean
 * @returns {boolean} whether that is a fair share
 */
function isNearMean(count, mean) {
  return Math.abs(count - mean) <= TOLERANCE * mean;
}

/**
 * @param {Map<string, number>} counts connections by server
 * @returns {{mean: number, worstToMean: number}} the mean, and the fullest server compared to it
 */
function spread(counts) {
  const values = [...counts.values()];
  const mean = values.reduce((sum, count) => sum + count, 0) / values.length;
  return { mean, worstToMean: mean > 0 ? Math.max(...values) / mean : 1 };
}

/**
 * @param {number} interval ms between samples
 * @returns {string} the definition, in words, on two lines
 */
function describe(interval) {
  return `every pool full and no server more than ${TOLERANCE * 100} %\n`
    + `off the mean, in ${RUN} samples in a row, ${interval} ms apart`;
}

module.exports = { RUN, TOLERANCE, describe, isBalanced, isFilled, isNearMean, spread };
