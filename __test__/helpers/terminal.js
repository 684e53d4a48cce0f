'use strict';

const { spawn } = require('node:child_process');
const { once } = require('node:events');

const { cleanup } = require('./cleanup.js');
const { program } = require('./program.js');
const { NOT_LINUX, skip } = require('./skip.js');

/**
 * Runs a program of Node.js on a terminal of its own, until the end of the test at most. Elsewhere than on Linux the test
 * is skipped.
 *
 * @param {Mocha.Context} test
 * @param {string[]} args of node
 * @param {object} [options]
 * @param {number} [options.columns=80]
 * @param {number} [options.rows=24]
 * @param {string} [options.cwd]
 * @returns `printed()`, what is on it so far, with escape sequences; `type(text)`; `exit`, a promise of what ends it
 */
function onTerminal(test, args, { columns = 80, rows = 24, cwd } = {}) {
  if (process.platform !== 'linux') return skip(test, NOT_LINUX);
  const script = program(test, 'script');
  const command = [process.execPath, ...args].map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
  const child = spawn(script, ['-qec', `stty cols ${columns} rows ${rows}; exec ${command}`, '/dev/null'], {
    cwd,
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, TERM: 'xterm', NO_COLOR: undefined, FORCE_COLOR: undefined },
  });
  cleanup(() => child.kill('SIGKILL'));
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (printed += text));
  return { type: (text) => child.stdin.write(text), printed: () => printed, exit: once(child, 'exit') };
}

/** What one sees of a text that was printed to a terminal. */
function visible(text) {
  // eslint-disable-next-line no-control-regex
  return text.replace(/\x1b\[[?\d;]*[A-Za-z]/g, '');
}

module.exports = { onTerminal, visible };
