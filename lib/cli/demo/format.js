'use strict';

/** How the demo writes numbers, so that terminal, table and picture agree. */

/**
 * @param {number} time ms
 * @returns {string} seconds with one digit
 */
function seconds(time) {
  return `${(time / 1000).toFixed(1)} s`;
}

/**
 * @param {number} count
 * @returns {string} with a comma between thousands
 */
function whole(count) {
  return count.toLocaleString('en-US');
}

/**
 * @param {string[]} names at least one
 * @returns {string} `A, B and C`
 */
function list(names) {
  return names.length < 2 ? names[0] : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

module.exports = { list, seconds, whole };
