'use strict';

/** What happens in the demo, and in which order. Each step waits for a measured state. */

const { isBalanced, isFilled, spread } = require('./criterion.js');
const { list, seconds } = require('./format.js');

/** ms that the reached state stays in view, and over which it is averaged. */
const HOLD = 1600;

/**
 * @typedef {object} Phase
 * @property {string} title
 * @property {string} state that was waited for
 * @property {number} start ms from the beginning
 * @property {number} reached ms from the beginning
 * @property {number} worstBefore the fullest server compared to the mean, right after the change
 * @property {number} worstAfter the same, of `counts`
 * @property {Map<string, number>} counts connections by server at the end: medians over the hold
 * @property {import('./service.js').Roves} roves what the rovers did in this phase
 */

/**
 * @param {import('./service.js').Service} service
 * @param {import('./monitor.js').Monitor} monitor
 * @returns {Promise<Phase[]>} the first one only fills the pools; the others level the load
 */
async function playScenario(service, monitor) {
  const known = ['A', 'B'];
  const late = ['C', 'D', 'E'];
  await Promise.all([...known, ...late].map((id) => service.startServer(id)));

  const fill = { state: 'filled', isReached: isFilled };
  const level = { state: 'balanced', isReached: isBalanced };
  return [
    await playPhase(monitor, `${list(known)} known`, fill, () => {
      service.announce(known);
      service.startClients();
    }),
    await playPhase(monitor, `${late.join(', ')} added`, level, () => service.announce(late)),
    await playPhase(monitor, 'A stopped', level, () => service.stopServer('A')),
    await playPhase(monitor, 'F started', level, async () => {
      await service.startServer('F');
      service.announce(['F']);
    }),
  ];
}

async function playPhase(monitor, title, { state, isReached }, change) {
  const start = monitor.measure();
  monitor.note(title);
  await change();
  const changed = monitor.measure();
  const reached = await monitor.until(isReached, `${state} (${title})`);
  monitor.note(`${state} in ${seconds(reached.time - start.time)}`);
  const end = await monitor.until(({ time }) => time > reached.time + HOLD, 'shown', 1);

  const held = monitor.samples.filter(({ time }) => time > reached.time);
  const counts = medians(held);
  return {
    title,
    state,
    start: start.time,
    reached: reached.time,
    worstBefore: spread(changed.counts).worstToMean,
    worstAfter: spread(counts).worstToMean,
    counts,
    roves: difference(end.roves, start.roves),
  };
}

function medians(samples) {
  return new Map([...samples.at(-1).counts.keys()].map((id) => {
    const sorted = samples.map(({ counts }) => counts.get(id)).sort((a, b) => a - b);
    return [id, sorted[sorted.length >> 1]];
  }));
}

function difference(after, before) {
  return Object.fromEntries(Object.keys(after).map((name) => [name, after[name] - before[name]]));
}

module.exports = { playScenario };
