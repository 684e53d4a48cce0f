'use strict';

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { createInterface } = require('node:readline');

const { cleanup } = require('../helpers/cleanup.js');
const { refusedPort } = require('../helpers/slot-server.js');
const { temporaryDirectory } = require('../helpers/temporary.js');

const ROOT = path.resolve(__dirname, '../..');
const PORTS = ['4040', '4041', '4042'];

/** The programs of the README's quick start, by the names that it gives them, in a folder of an app. */
function writePrograms(ports) {
  const readme = fs.readFileSync(path.join(ROOT, 'README.md'), 'utf8');
  const [, section] = /^## Quick start.*?\n(.*?)^## /ms.exec(readme);
  const pathOf = temporaryDirectory();
  fs.mkdirSync(pathOf('node_modules'));
  fs.symlinkSync(ROOT, pathOf('node_modules/callosum-client-tcp-rover'));
  const programs = Array.from(section.matchAll(/^`(\w+\.js)`.*?^```js\n(.*?)^```$/gms));
  assert.deepEqual(programs.map(([, name]) => name), ['server.js', 'client.js']);
  for (const [, name, code] of programs) {
    fs.writeFileSync(pathOf(name), PORTS.reduce((text, port, n) => text.replaceAll(port, String(ports[n])), code));
  }
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
    const ports = [await refusedPort(), await refusedPort(), await refusedPort()];
    const pathOf = writePrograms(ports);
    for (const port of ports) start(pathOf('server.js'), port);
    const client = start(pathOf('client.js'));
    const missing = new Set(ports.map((port) => `hello from ${port}`));
    for await (const line of createInterface(client.stdout)) {
      missing.delete(line);
      if (missing.size === 0) return;
    }
    assert.fail(`The client has ended before it heard: ${[...missing]}`);
  });

  it('is at most twenty lines of code', () => {
    const pathOf = writePrograms(PORTS);
    const lines = ['server.js', 'client.js'].flatMap((name) => fs.readFileSync(pathOf(name), 'utf8').split('\n'));
    assert.ok(lines.filter((line) => line !== '').length <= 20);
  });
});
