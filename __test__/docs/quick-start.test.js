'use strict';

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { createInterface } = require('node:readline');

const { ROOT } = require('../../scripts/packing.js');
const { PORTS, heardFromAll, programsOf, quickStart, withPorts } = require('../../scripts/quick-start.js');
const { cleanup } = require('../helpers/cleanup.js');
const { COMMAND } = require('../helpers/command.js');
const { refusedPort } = require('../helpers/slot-server.js');
const { temporaryDirectory } = require('../helpers/temporary.js');
const { onTerminal, visible } = require('../helpers/terminal.js');
const { until } = require('../helpers/wait.js');

/** In place of the ports that a page names, in the same order. */
async function freePorts() {
  const ports = [];
  for (const _ of PORTS) ports.push(await refusedPort());
  return ports.sort((one, other) => one - other);
}

/** An empty folder in which the package is installed: gives the paths of files in it. */
function emptyApp() {
  const pathOf = temporaryDirectory();
  fs.mkdirSync(pathOf('node_modules'));
  fs.symlinkSync(ROOT, pathOf('node_modules/callosum-client-tcp-rover'));
  return pathOf;
}

function start(file, ...args) {
  const child = spawn(process.execPath, [file, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  cleanup(() => child.kill('SIGKILL'));
  return child;
}

describe('the quick start of the README', () => {
  it('makes three servers and a client whose requests reach them all', async function () {
    this.timeout(20_000);
    const ports = await freePorts();
    const pathOf = emptyApp();
    for (const [name, code] of Object.entries(quickStart(ports))) fs.writeFileSync(pathOf(name), code);
    for (const port of ports) start(pathOf('server.js'), port);
    await heardFromAll(createInterface(start(pathOf('client.js')).stdout), ports);
  });

  it('is at most twenty lines of code', () => {
    const lines = Object.values(quickStart()).flatMap((code) => code.split('\n'));
    assert.ok(lines.filter((line) => line !== '').length <= 20);
  });
});

/** What needs a network, and the demo, which __test__/cli/demo.test.js compares with the page. */
const NOT_RUN = /^(mkdir|cd|npm|npx callosum-client-tcp-rover) /;

/** The terminals that a page shows, in its order: the command of each, and the lines below it. */
function terminalsOf(page) {
  return Array.from(page.matchAll(/^```console\n(.*?)^```$/gms), ([, text]) => {
    const [first, ...lines] = text.trimEnd().split('\n');
    return { command: first.replace(/^\$ /, ''), lines };
  }).filter(({ command }) => !NOT_RUN.test(command));
}

/** What node runs in place of a command, since npx would ask the registry. */
function argsOf(command) {
  const quoted = /^node -e "(.*)"$/.exec(command);
  if (quoted !== null) return ['-e', quoted[1]];
  const [program, ...args] = command.split(' ');
  return program === 'npx' ? [COMMAND, ...args.slice(1)] : args;
}

/** What lines look like in which … is anything, times are any times, and a line that is … is any number of lines. */
function patternOf(lines) {
  const parts = lines.map((line) => {
    if (line === '…') return '(?:.*\\n)*?';
    const words = line.trim().split(/\s+/).map((word) => {
      if (/^\d*\.\d+$/.test(word)) return '[\\d.]+s?';
      return word.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&').replaceAll('…', '.*');
    });
    return `${words.join('\\s+')}\\n`;
  });
  return new RegExp(parts.join(''));
}

describe('docs/quick-start.md', () => {
  const page = fs.readFileSync(path.join(ROOT, 'docs/quick-start.md'), 'utf8');

  it('shows what is seen on the terminals, step by step', async function () {
    this.timeout(90_000);
    const ports = await freePorts();
    const pathOf = emptyApp();
    for (const [name, code] of Object.entries(programsOf(withPorts(page, ports)))) fs.writeFileSync(pathOf(name), code);

    const running = new Map();
    for (const { command, lines } of terminalsOf(withPorts(page, ports))) {
      if (!running.has(command)) {
        running.set(command, { ...onTerminal(this, argsOf(command), { cwd: pathOf('.') }), read: 0 });
      }
      const terminal = running.get(command);
      // Each table of \x1b[H begins where the last one did.
      const text = () => visible(terminal.printed().replaceAll('\x1b[H', '\n')).replaceAll('\r', '');
      const isEnded = lines.at(-1) === '^C';
      const pattern = patternOf(isEnded ? lines.slice(0, -1) : lines);
      const found = () => pattern.exec(text().slice(terminal.read));
      await until(() => found() !== null, { timeout: 20_000, explain: () => `${command}: ${pattern}\n${text()}` });
      terminal.read += found().index + found()[0].length;
      if (!isEnded) continue;
      terminal.type('\x03');
      running.delete(command);
      const [code] = await terminal.exit;
      // 130: a program that does not listen for it.
      assert.ok(code === 0 || (code === 130 && command.includes(' -e ')), `${command}: ${code}`);
    }
    assert.deepEqual([...running.keys()].length, 5);
  });
});
