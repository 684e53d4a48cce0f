'use strict';

const { FIGURES, formatRatio } = require('./figures');

const HEAD = ['case', 'figure', 'package', 'baseline', 'better', 'lowest … highest'];

/** Which columns are text. */
const TEXT = 2;

/**
 * The results as a table of plain text.
 *
 * @param {import('./summary').CaseSummary[]} cases
 * @returns {string}
 */
function formatTable(cases) {
  const groups = cases.map(rowsOf);
  const widths = HEAD.map((_, column) => {
    return Math.max(...[HEAD, ...groups.flat()].map((row) => row[column].length));
  });
  const line = (row) => {
    const cells = row.map((cell, column) => {
      return column < TEXT ? cell.padEnd(widths[column]) : cell.padStart(widths[column]);
    });
    return cells.join('  ').trimEnd();
  };
  const rule = widths.map((width) => '─'.repeat(width)).join('──');
  return [line(HEAD), ...groups.map((rows) => [rule, ...rows.map(line)].join('\n'))].join('\n');
}

function rowsOf({ title, figures }) {
  return Object.entries(figures).map(([figure, { contestants, ratio, ratios }], index) => {
    const { format, title: name } = FIGURES[figure];
    const cell = (contestant) => (contestants[contestant] ? format(contestants[contestant].median) : '');
    return [
      index === 0 ? title : '',
      name,
      cell('package'),
      cell('baseline') || cell('reference'),
      ratio === undefined ? '' : formatRatio(ratio),
      ratio === undefined ? '' : ratios.map((one) => formatRatio(one ?? Infinity)).join(' … '),
    ];
  });
}

module.exports = { formatTable };
