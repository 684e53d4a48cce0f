'use strict';

/** Compares a run on real sockets with runs in memory. */

/**
 * How far a figure may be outside of what the runs in memory give: a part of their spread of values, and a rest that is
 * the noise of a busy machine.
 */
const ALLOWED = {
  fullIn: { part: 0.2, rest: 250 },
  evenIn: { part: 0.5, rest: 500 },
  worst: { part: 0.05, rest: 0.05 },
  useful: { part: 0.1, rest: 4 },
  swaps: { part: 0.2, rest: 6 },
  rejected: { part: 0.2, rest: 6 },
  unreachable: { part: 0.25, rest: 4 },
};

/**
 * @param {import('./figures.js').PhaseFigures[]} real
 * @param {import('./figures.js').PhaseFigures[][]} inMemory some runs, with different seeds
 * @returns {string[]} a line for each figure that no run in memory comes near
 */
function disagreements(real, inMemory) {
  return real.flatMap((phase, index) => Object.entries(ALLOWED).flatMap(([key, { part, rest }]) => {
    // Never is later than anything.
    const valueOf = (figures) => figures[key] ?? Infinity;
    const value = valueOf(phase);
    const values = inMemory.map((run) => valueOf(run[index]));
    const [least, most] = [Math.min(...values), Math.max(...values)];
    const isNear = value >= least * (1 - part) - rest && value <= most * (1 + part) + rest;
    return isNear ? [] : [`${phase.name}: ${key} is ${value} on sockets, ${least} to ${most} in memory`];
  }));
}

module.exports = { disagreements };
