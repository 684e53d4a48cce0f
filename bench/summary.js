'use strict';

const { FIGURES } = require('./figures');
const { median } = require('./measure');

/**
 * What the rounds of one contestant say of a figure.
 *
 * @typedef {object} Values
 * @property {number} median
 * @property {number} min
 * @property {number} max
 */

/**
 * @typedef {object} FigureSummary
 * @property {Record<string, Values>} contestants by name
 * @property {number} [ratio] how many times better the package is than the baseline, by the medians
 * @property {[number, number]} [ratios] the lowest and the highest ratio of a round
 */

/**
 * @typedef {object} CaseSummary
 * @property {string} name
 * @property {string} title
 * @property {number} rounds
 * @property {Record<string, FigureSummary>} figures
 */

/**
 * @param {import('./cases').Case} one
 * @param {Record<string, import('./cases').Result>[]} rounds the results of each contestant
 * @returns {CaseSummary}
 */
function summarize({ name, title }, rounds) {
  const figures = {};
  for (const figure in FIGURES) {
    const summary = summarizeFigure(figure, rounds);
    if (summary !== undefined) figures[figure] = summary;
  }
  return { name, title, rounds: rounds.length, figures };
}

function summarizeFigure(figure, rounds) {
  const contestants = {};
  for (const contestant in rounds[0]) {
    const values = rounds.map((results) => results[contestant].figures[figure]);
    if (values.every((value) => value !== undefined)) contestants[contestant] = describe(values);
  }
  if (Object.keys(contestants).length === 0) return undefined;
  if (!contestants.package || !contestants.baseline) return { contestants };
  const ratio = (ours, theirs) => (FIGURES[figure].moreIsBetter ? ours / theirs : theirs / ours);
  const ratios = rounds.map(({ package: ours, baseline: theirs }) => {
    return ratio(ours.figures[figure], theirs.figures[figure]);
  });
  return {
    contestants,
    ratio: finite(ratio(contestants.package.median, contestants.baseline.median)),
    ratios: [finite(Math.min(...ratios)), finite(Math.max(...ratios))],
  };
}

function describe(values) {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

/** Nothing for a ratio of nothing to nothing, as of threads: JSON has no word for that either. */
function finite(ratio) {
  return Number.isFinite(ratio) ? ratio : undefined;
}

module.exports = { summarize };
