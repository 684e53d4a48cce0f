'use strict';

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const { createInterface } = require('node:readline');

const { ROOT } = require('../../scripts/packing.js');
const { heardFromAll, quickStart } = require('../../scripts/quick-start.js');
const { cleanup } = require('../helpers/cleanup.js');
const { refusedPort } = require('../helpers/slot-server.js');
const { temporaryDirectory } = require('../helpers/temporary.js');

function start(file, ...args) {
  const child = spawn(process.execPath, [file, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  cleanup(() => child.kill('SIGKILL'));
  return child;
}

describe('the quick start of the README', () => {
  it('makes three servers and a client whose requests reach them all', async function () {
    this.timeout(20_000);
    const ports = [await refusedPort(), await refusedPort(), await refusedPort()];
    const pathOf = temporaryDirectory();
    fs.mkdirSync(pathOf('node_modules'));
    fs.symlinkSync(ROOT, pathOf('node_modules/callosum-client-tcp-rover'));
    for (const [name, code] of Object.entries(quickStart(ports))) fs.writeFileSync(pathOf(name), code);
    for (const port of ports) start(pathOf('server.js'), port);
    await heardFromAll(createInterface(start(pathOf('client.js')).stdout), ports);
  });

  it('is at most twenty lines of code', () => {
    const lines = Object.values(quickStart()).flatMap((code) => code.split('\n'));
    assert.ok(lines.filter((line) => line !== '').length <= 20);
  });
});
