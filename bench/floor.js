'use strict';

/**
 * Measures the floor under every rover: `node bench/floor.js` prints what the bare system calls of a rove cost,
 * made in a loop by a program that does nothing else (floor.rs). Linux with Rust.
 */

const { execFileSync, fork } = require('node:child_process');
const { once } = require('node:events');
const path = require('node:path');

const { REFUSED_PORT } = require('./scene');

/** What the figures of floor.rs are, in µs. */
const TITLES = {
  refused: 'refused, with one socket for all, as the package does: CPU time per rove',
  'refused-fresh': 'refused, with a socket for each, as net.connect() does: CPU time per rove',
  kept: 'kept, closed at once: CPU time per rove',
  close: 'of it, closing: CPU time per rove',
  'system-call': 'a system call that does next to nothing: CPU time',
  hop: 'from one thread to another: until it has woken up',
  single: 'one at a time: until the slot is there',
  'single-read-by-thread': 'one at a time, connected here, the slot read by another thread: until it is there and told',
  'single-by-thread': 'one at a time, made by another thread: until the slot is there and told',
};

async function main() {
  const server = fork(path.join(__dirname, 'server.js'));
  try {
    const [ports] = await once(server, 'message');
    const program = ['run', '--quiet', '--release', '--example', 'floor', '--', REFUSED_PORT, ports.slot];
    const output = execFileSync('cargo', program, { cwd: path.join(__dirname, '..'), encoding: 'utf8' });
    for (const line of output.trim().split('\n')) {
      const [name, cost] = line.split(' ');
      console.log(`${cost.padStart(7)} µs  ${TITLES[name]}`);
    }
  } finally {
    server.disconnect();
  }
}

main();
