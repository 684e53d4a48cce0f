'use strict';

const fs = require('node:fs');
const { performance } = require('node:perf_hooks');
const { setTimeout: sleep } = require('node:timers/promises');

/** How long a thread sleeps before its meter is read, in ms. */
const SETTLING = 3;

/**
 * What something took, in µs.
 *
 * @typedef {object} Cost
 * @property {number} wall
 * @property {number} loopBusy the time that the event loop was not idle
 * @property {number} processCpu CPU time of all threads
 * @property {number} [mainCpu] CPU time of the main thread, where the system tells
 */

/**
 * Measures what `work` takes.
 *
 * @template T
 * @param {() => Promise<T>} work
 * @returns {Promise<{ cost: Cost, result: T }>}
 */
async function measure(work) {
  await sleep(SETTLING);
  const before = read();
  const result = await work();
  const wall = (performance.now() - before.now) * 1000;
  // Linux brings the account of a running thread up to date when it is switched out, or at a tick of
  // some ms: after a sleep it is exact. What the work left behind is cleared up meanwhile, at its cost.
  await sleep(SETTLING);
  const after = read();
  const cost = {
    wall,
    loopBusy: performance.eventLoopUtilization(after.loop, before.loop).active * 1000,
    processCpu: after.processCpu - before.processCpu,
  };
  if (before.mainCpu !== undefined) cost.mainCpu = after.mainCpu - before.mainCpu;
  return { cost, result };
}

/**
 * The figures of one rove out of many.
 *
 * @param {Cost} cost of all of them
 * @param {number} roves
 */
function perRove({ wall, mainCpu, loopBusy, processCpu }, roves) {
  return {
    mainCpu: mainCpu === undefined ? undefined : mainCpu / roves,
    loopBusy: loopBusy / roves,
    processCpu: processCpu / roves,
    rate: roves / (wall / 1e6),
  };
}

/**
 * Memory that the process has to itself, in bytes, without garbage of JavaScript. The pages of its binaries are
 * not counted: they come and go with what V8 happens to do, and are shared.
 *
 * @returns {Promise<number>}
 */
async function ownMemory() {
  for (let round = 0; round < 2; round++) {
    globalThis.gc();
    await sleep(20);
  }
  try {
    // The figures of /proc/self/stat are summed up from counters of each CPU, and out by up to 256 kB
    // each; these are counted page by page.
    const rollup = fs.readFileSync('/proc/self/smaps_rollup', 'utf8');
    const [, kilobytes] = /^Anonymous:\s+(\d+) kB$/m.exec(rollup);
    return kilobytes * 1024;
  } catch {
    return process.memoryUsage.rss();
  }
}

/**
 * @param {number[]} values
 * @returns {number}
 */
function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function read() {
  const { user, system } = process.cpuUsage();
  return {
    now: performance.now(),
    loop: performance.eventLoopUtilization(),
    processCpu: user + system,
    mainCpu: mainThreadCpu(),
  };
}

function mainThreadCpu() {
  try {
    // The thread that runs `main` has the number of the process. First field: ns on a CPU.
    const [nanoseconds] = fs.readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ');
    return nanoseconds / 1000;
  } catch {
    return undefined;
  }
}

module.exports = { measure, median, ownMemory, perRove };
