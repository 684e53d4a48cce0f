'use strict';

/** What was measured, as two tables. */

const { describe } = require('./criterion.js');
const { seconds, whole } = require('./format.js');

/**
 * @param {import('./scenario.js').Phase[]} phases
 * @param {number} interval ms between samples
 * @returns {string} the tables and what balanced means, without a final line break
 */
function formatReport(phases, interval) {
  const ids = [...new Set(phases.flatMap(({ counts }) => [...counts.keys()]))];
  const load = [
    ['', ...ids, 'worst/mean'],
    ...phases.map(({ title, state, counts, worstBefore, worstAfter }) => [
      title,
      ...ids.map((id) => (counts.has(id) ? whole(counts.get(id)) : '-')),
      (state === 'balanced' ? `${worstBefore.toFixed(2)} to ` : '') + worstAfter.toFixed(2),
    ]),
  ];
  const roving = [
    ['', 'time', 'attempts', 'rejected', 'unreachable'],
    ...phases.map(({ title, state, start, reached, roves }) => [
      title,
      state === 'balanced' ? seconds(reached - start) : '-',
      whole(roves.attempts),
      whole(roves.rejected),
      whole(roves.unreachable),
    ]),
  ];
  return [
    'Connections per server at the end of each phase',
    ...align(load),
    '',
    'Levelling in each phase, and what the rovers did',
    ...align(roving),
    '',
    'Worst/mean: the fullest server to the mean of all running,',
    'right after the change and in balance. Time: until balanced,',
    `that is ${describe(interval)}.`,
    'Rejected: the slot was not low enough, and JavaScript never',
    'saw the connection.',
  ].join('\n');
}

function align(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) => `  ${row
    .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column])))
    .join('  ')}`);
}

module.exports = { formatReport };
