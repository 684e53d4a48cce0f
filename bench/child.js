'use strict';

/**
 * Runs one case for one contestant: `node child.js CONTESTANT FILE CASE PORTS quick|full` prints the result
 * as JSON.
 */

const fs = require('node:fs');

const { REFUSED_PORT } = require('./scene');

const [contestant, file, name, ports, thoroughness] = process.argv.slice(2);

// Before anything else: the other modules here need much of what the contestant has to load.
const { Rover, loading } = load();

const { CASES } = require('./cases');

function load() {
  if (file === '') return {};
  const threads = countThreads();
  const begun = performance.now();
  const Rover = require(file);
  const duration = performance.now() - begun;
  const loading = { duration, threads: threads && countThreads() - threads };
  if (name === 'startup') loading.startup = startUp(Rover) - begun;
  return { Rover, loading };
}

/** Makes a first attempt, and returns when it was under way. */
function startUp(Rover) {
  const rover = new Rover({ servers: { a: { host: '127.0.0.1', port: REFUSED_PORT } } });
  rover.on('unreachable', () => {});
  rover.connect();
  return performance.now();
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
