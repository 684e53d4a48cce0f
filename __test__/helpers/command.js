'use strict';

const { spawn } = require('node:child_process');
const { once } = require('node:events');
const path = require('node:path');
const { createInterface } = require('node:readline');

const { cleanup } = require('./cleanup.js');

const COMMAND = path.resolve(__dirname, '../../lib/cli/index.js');

/**
 * Starts a program, which is killed at the end of the test.
 *
 * @param {string[]} args of node
 * @param {{ [name: string]: string }} [env] added to that of this process
 * @returns `child`; `nextLine()`, a promise of the next line that it prints to stdout; `exit()`, of `{ code, stderr }`.
 */
function startProgram(args, env) {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  cleanup(() => child.kill('SIGKILL'));
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  const closing = once(child, 'close');
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  return {
    child,
    nextLine: async () => (await lines.next()).value,
    exit: async () => ({ code: (await closing)[0], stderr }),
    /** What it has printed to stderr so far. */
    stderr: () => stderr,
  };
}

/**
 * Starts the command `callosum`, as `startProgram` does.
 *
 * @param {string[]} args
 */
function startCommand(args) {
  return startProgram([COMMAND, ...args]);
}

module.exports = { COMMAND, startCommand, startProgram };
