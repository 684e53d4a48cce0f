'use strict';

const { spawn } = require('node:child_process');
const { once } = require('node:events');
const { createInterface } = require('node:readline');

const { cleanup } = require('./cleanup.js');

/**
 * Resolves when a server says that it is ready; rejects with all that it said where it ends instead.
 *
 * @param {import('node:child_process').ChildProcess} child
 * @param {RegExp} ready
 * @returns {Promise<void>}
 */
function isReady(child, ready) {
  const log = [];
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', () => reject(new Error(`${child.spawnfile} has ended:\n${log.join('\n')}`)));
    for (const output of [child.stdout, child.stderr]) {
      createInterface(output).on('line', (line) => {
        log.push(line);
        if (ready.test(line)) resolve();
      });
    }
  });
}

/**
 * A server that can be started and killed again and again, and is killed at the end of the test.
 *
 * @param {string} file
 * @param {object} options
 * @param {string} [options.cwd]
 * @param {RegExp} options.ready What it says when it is ready.
 */
function restartable(file, { cwd, ready }) {
  let child = null;
  const stop = async () => {
    const last = child;
    child = null;
    if (last?.kill('SIGKILL')) await once(last, 'exit');
  };
  cleanup(stop);
  /** @param {string[]} args */
  const start = async (args) => {
    await stop();
    child = spawn(file, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    await isReady(child, ready);
  };
  return { start, stop };
}

module.exports = { isReady, restartable };
