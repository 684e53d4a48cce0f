'use strict';

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const path = require('node:path');

const { cleanup } = require('./cleanup.js');

const ROOT = path.resolve(__dirname, '../..');
const PRELUDE = path.resolve(__dirname, '../fixtures/child-prelude.js');

/**
 * Runs node in a child process, in the directory of the package.
 *
 * @param {string[]} args Of node.
 * @param {object} [options]
 * @param {NodeJS.ProcessEnv} [options.env] Added to the environment of this process.
 * @param {string[]} [options.prefix=[]] A command that ends in `exec`ing the arguments behind it.
 * @param {number} [options.timeout=10000] In ms; then it is killed, and `signal` is 'SIGKILL'.
 * @param {(stdout: string) => boolean} [options.isEnough] Whether it has printed all that is wanted, and is to
 *   be killed, too.
 * @returns {Promise<{code: number | null, signal: string | null, stdout: string, stderr: string}>}
 */
function run(args, { env, isEnough = () => false, prefix = [], timeout = 10000 } = {}) {
  const [command, ...rest] = [...prefix, process.execPath, ...args];
  const child = spawn(command, rest, {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    killSignal: 'SIGKILL',
    timeout,
  });
  cleanup(() => child.kill('SIGKILL'));
  return new Promise((resolve, reject) => {
    const output = { stdout: '', stderr: '' };
    for (const name of Object.keys(output)) {
      child[name].setEncoding('utf8').on('data', (text) => {
        output[name] += text;
        if (isEnough(output.stdout)) child.kill('SIGKILL');
      });
    }
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, ...output }));
  });
}

/**
 * Runs a function in a child process: its source is all of it that gets there.
 *
 * @param {(prelude: object, data: any) => unknown} body Gets what fixtures/child-prelude.js exports:
 *   `ClientRover`, `block(ms)`, `collect(refs)`, `print(...values)`.
 * @param {unknown} [data] Its second argument, as JSON.
 * @param {object} [options] As for `run`, and `nodeArgs`.
 * @returns As `run` does, and `printed`: what the body handed to `print`.
 */
async function runInChild(body, data = null, { nodeArgs = [], ...options } = {}) {
  const script = `'use strict';\n(${body})(require(${JSON.stringify(PRELUDE)}), ${JSON.stringify(data)});`;
  const result = await run([...nodeArgs, '-e', script], options);
  const printed = result.stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
  return { ...result, printed };
}

/**
 * Runs a function in a child process, as `runInChild` does, asserts that the process ended by itself
 * and in peace, and resolves with what it printed.
 */
async function printedBy(body, data, options) {
  const { code, signal, stderr, printed } = await runInChild(body, data, options);
  assert.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: '' });
  return printed;
}

module.exports = { printedBy, run, runInChild };
