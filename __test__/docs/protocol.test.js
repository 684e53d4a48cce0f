'use strict';

const assert = require('node:assert/strict');
const { execFileSync, spawn } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const path = require('node:path');

const { cleanup } = require('../helpers/cleanup.js');
const { program } = require('../helpers/program.js');
const { takeSlot, takeSlots, textOf } = require('../helpers/slot-client.js');
const { refusedPort } = require('../helpers/slot-server.js');
const { temporaryDirectory } = require('../helpers/temporary.js');

const PAGE = fs.readFileSync(path.resolve(__dirname, '../../docs/protocol.md'), 'utf8');

/** By language: the name of the source file, and what to run of it, which is made first where it has to be. */
const LANGUAGES = {
  python: { file: 'slots.py', command: (test, source) => [program(test, 'python3'), source] },
  java: { file: 'Slots.java', command: (test, source) => [program(test, 'java'), source] },
  rust: {
    file: 'slots.rs',
    command: (test, source) => {
      const target = source.replace('.rs', '');
      execFileSync(program(test, 'rustc'), ['--edition', '2021', '-o', target, source], { stdio: 'inherit' });
      return [target];
    },
  },
};

/** The slot of the first connection, which can be made once the program listens. */
async function firstSlot(at, child) {
  while (child.exitCode === null) {
    try {
      return (await takeSlot(at)).slot;
    } catch (error) {
      if (error.code !== 'ECONNREFUSED') throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error(`It has ended with code ${child.exitCode}`);
}

describe('the servers of docs/protocol.md', () => {
  for (const [language, { file, command }] of Object.entries(LANGUAGES)) {
    it(`in ${language} gives the lowest free slot first, and takes it back`, async function () {
      this.timeout(60_000);
      const [, code] = new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, 'ms').exec(PAGE);
      const port = await refusedPort();
      const source = temporaryDirectory()(file);
      fs.writeFileSync(source, code.replace('4040', port));
      const [name, ...args] = command(this, source);
      const child = spawn(name, args, { stdio: ['ignore', 'ignore', 'ignore'] });
      cleanup(async () => {
        if (child.kill('SIGKILL')) await once(child, 'exit');
      });
      const at = { host: '127.0.0.1', port };
      assert.equal(await firstSlot(at, child), 0);
      const taken = await takeSlots(at, 3);
      assert.deepEqual(taken.map(({ slot }) => slot), [1, 2, 3]);
      taken[1].socket.end('hello');
      assert.equal(await textOf(taken[1].socket), 'hello');
      // The server may not have seen yet that it is gone.
      let slot;
      for (let n = 0; n < 100 && slot !== 2; n++) ({ slot } = await takeSlot(at));
      assert.equal(slot, 2);
    });
  }
});
