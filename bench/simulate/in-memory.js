'use strict';

/** Plays a timeline in memory, by the crate bench/fleet-sim. */

const { execFileSync } = require('node:child_process');
const path = require('node:path');

const CRATE = path.join(__dirname, '../fleet-sim/Cargo.toml');
const TARGET = path.join(__dirname, '../../target/fleet-sim');

/** The time of a packet one way, in us: about that of loopback. */
const LATENCY = 100;

/** 1,000 servers make a line of 4 KB, and there are ten lines a second. */
const MAX_OUTPUT = 2 ** 30;

/**
 * What was seen at one moment. All counts are since the beginning.
 *
 * @typedef {object} Sample
 * @property {number} time in ms
 * @property {number} attempts
 * @property {number} kept
 * @property {number} swaps of those, how many took the place of a worse one
 * @property {number} rejected
 * @property {number} unreachable those that were closed without a slot included
 * @property {number[]} held connections in pools, by server
 * @property {number} [cpu] of all clients, in us; on real sockets only
 */

/** Builds the crate, where that is not done. Needs Rust. */
function build() {
  const args = ['build', '--release', '--quiet', '--locked', '--manifest-path', CRATE, '--target-dir', TARGET];
  execFileSync('cargo', args, { stdio: ['ignore', 'inherit', 'inherit'] });
}

/**
 * @param {import('./timeline.js').Event[]} events
 * @param {object} options
 * @param {number} options.size of the pools
 * @param {number} options.sampling ms from one sample to the next
 * @param {number} options.seed
 * @returns {Sample[]}
 */
function playInMemory(events, { size, sampling, seed }) {
  const script = events.map(({ time, verb, numbers }) => `${[time, verb, ...numbers].join(' ')}\n`).join('');
  const args = [size, LATENCY, sampling, seed].map(String);
  const program = path.join(TARGET, 'release', process.platform === 'win32' ? 'fleet-sim.exe' : 'fleet-sim');
  const output = execFileSync(program, args, { input: script, encoding: 'latin1', maxBuffer: MAX_OUTPUT });
  return output.trimEnd().split('\n').map((line) => {
    const [time, attempts, kept, swaps, rejected, unreachable, ...held] = line.split(' ').map(Number);
    return { time, attempts, kept, swaps, rejected, unreachable, held };
  });
}

module.exports = { build, playInMemory };
