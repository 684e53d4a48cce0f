'use strict';

/** What every way goes through, and what is measured of it. */

const { setTimeout: delay } = require('node:timers/promises');

const { Crew } = require('./crew.js');
const { ADDED, CONNECTIONS, SERVERS } = require('./service.js');

/** Requests a second of each client. */
const RATE = 250;

/** How long the slow server takes, in ms: the others take a half or so. */
const SLOW = 5;

/** ms of each window. */
const WINDOW = 4000;

/**
 * What was seen in one window.
 *
 * @typedef {object} Window
 * @property {number} requests answered
 * @property {number} failed
 * @property {string[]} reasons
 * @property {number} p50 in µs
 * @property {number} p99 in µs
 * @property {number} rate answers a second
 * @property {number | null} cpu of all processes, in µs for each request; null where a process ended meanwhile
 * @property {number} clientCpu of the clients alone
 * @property {number} worstRequests requests of the server that had most, to the mean
 * @property {number | null} worstConnections connections of the server that has most, to the mean, at the end; null
 *   where there is nothing to balance
 */

/**
 * @param {string} name of a way
 * @param {object} [options]
 * @param {number} [options.pace] stretches all times
 * @param {(window: string) => void} [options.onWindow]
 * @returns {Promise<Record<string, Window>>}
 */
async function play(name, { pace = 1, onWindow = () => {} } = {}) {
  const crew = await Crew.start(name, SERVERS);
  const windows = {};
  try {
    /** Measures while something happens, or time passes. */
    const measure = async (key, happen = () => delay(WINDOW * pace), isQuiet = true) => {
      onWindow(key);
      await crew.tell('report');
      const began = performance.now();
      const before = isQuiet ? crew.cpu() : 0;
      await happen();
      const cpu = isQuiet ? crew.cpu() - before : null;
      const time = performance.now() - began;
      const reports = await crew.tell('report');
      windows[key] = windowOf(reports, { cpu, time, ids: crew.ids, connections: await crew.connections() });
    };

    // First, since it warms all processes up: what V8 has not compiled yet takes several times longer.
    await crew.tell('flood', CONNECTIONS);
    await delay(3000 * pace);
    await measure('flood');
    await crew.tell('rate', RATE);
    await delay(2000 * pace);
    await measure('rest');
    await measure('restart', async () => {
      await crew.restart(0);
      await delay(3000 * pace);
    }, false);
    // Windows whose middle is 5 and 30 s behind the restart.
    await measure('restart-5');
    await delay(21_000 * pace);
    await measure('restart-30');
    await measure('added', async () => {
      await crew.add(ADDED);
      await delay(3000 * pace);
    }, false);
    await measure('added-5');
    await crew.slow(1, SLOW);
    await delay(1000 * pace);
    await measure('slow');
    await crew.slow(1, 0);
    await delay(500 * pace);
    await measure('rolling', async () => {
      for (const id of crew.ids) {
        await crew.redeploy(id);
        await delay(500 * pace);
      }
    }, false);
    await delay(3000 * pace);
    await measure('rolling-5');
    return windows;
  } finally {
    await crew.end();
  }
}

/** @returns {Window} */
function windowOf(reports, { cpu, time, ids, connections }) {
  const latencies = reports.flatMap((report) => report.latencies).sort((a, b) => a - b);
  const at = (part) => Math.round(1000 * latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * part))]);
  const sum = (values) => values.reduce((total, value) => total + value, 0);
  const byServer = ids.map((id) => sum(reports.map((report) => report.byServer[id] ?? 0)));
  const requests = latencies.length;
  return {
    requests,
    failed: sum(reports.flatMap(({ failures }) => Object.values(failures))),
    reasons: [...new Set(reports.flatMap(({ failures }) => Object.keys(failures)))],
    p50: at(0.5),
    p99: at(0.99),
    rate: (requests * 1000) / time,
    cpu: cpu === null ? null : (cpu * 1000) / requests,
    clientCpu: sum(reports.map((report) => report.cpu)) / requests,
    worstRequests: worstToMean(byServer),
    worstConnections: connections.includes(null) ? null : worstToMean(connections),
  };
}

function worstToMean(counts) {
  const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  return mean > 0 ? Math.max(...counts) / mean : 1;
}

module.exports = { play };
