'use strict';

/**
 * Runs one case for one contestant: `node child.js CONTESTANT CASE PORTS quick|full` prints the result
 * as JSON.
 */

const fs = require('node:fs');

const MODULES = { package: '..', baseline: './baseline' };

const [contestant, name, ports, thoroughness] = process.argv.slice(2);

// Before anything else: the other modules here need much of what the contestant has to load.
const { Rover, loading } = load(MODULES[contestant]);

const { CASES } = require('./cases');

function load(module) {
  if (module === undefined) return {};
  const threads = countThreads();
  const begun = performance.now();
  const Rover = require(module);
  const duration = performance.now() - begun;
  return { Rover, loading: { duration, threads: threads && countThreads() - threads } };
}

function countThreads() {
  try {
    return fs.readdirSync('/proc/self/task').length;
  } catch {
    return undefined;
  }
}

async function main() {
  const { run } = CASES.find((one) => one.name === name);
  const result = await run({
    Rover,
    isPackage: contestant === 'package',
    ports: JSON.parse(ports),
    loading,
    size: (full, quick) => (thoroughness === 'quick' ? quick : full),
  });
  fs.writeSync(1, JSON.stringify({ ...result, node: process.version }));
  // What is still pending is of no interest.
  process.exit();
}

main();
