'use strict';

// What a user does: installs tarballs in a fresh folder, with neither Rust nor a compiler nor install
// scripts, and runs the usage example of the README there against two real servers.

const assert = require('node:assert/strict');
const { execFileSync, spawn } = require('node:child_process');
const { once } = require('node:events');
const { mkdirSync, mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } = require('node:fs');
const net = require('node:net');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { createInterface } = require('node:readline');

const { giveSlots } = require('callosum-client-tcp-rover/server');

const { ROOT, readManifest } = require('./packing');
const { heardFromAll, quickStart } = require('./quick-start');

const LIMIT_MS = 20_000;
const TOOLS = ['cargo', 'rustc', 'cc', 'gcc', 'c++', 'clang', 'make', 'python3'];

/** On Windows npm is a script, which only a shell runs. */
const shell = process.platform === 'win32';

/** An environment whose PATH leads to node and npm, and to nothing else; on Windows that of this process. */
function bareEnvironment(folder) {
  if (shell) return process.env;
  mkdirSync(folder);
  const npm = execFileSync('sh', ['-c', 'command -v npm'], { encoding: 'utf8' }).trim();
  symlinkSync(process.execPath, join(folder, 'node'));
  symlinkSync(realpathSync(npm), join(folder, 'npm'));
  const env = { ...process.env, PATH: folder };
  for (const tool of TOOLS) {
    assert.throws(() => execFileSync(tool, ['--version'], { env, stdio: 'ignore' }), { code: 'ENOENT' }, tool);
  }
  return env;
}

/** The README's example of the rover, with its ports replaced by real ones. */
function usageExample(ports) {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const [, example] = /```js\n((?:(?!```).)*new ClientRover.*?)```/s.exec(readme);
  return ports.reduce((text, port, index) => text.replaceAll(String(4040 + index), String(port)), example);
}

/** An app in a folder of its own. */
class FreshApp {
  #folder = mkdtempSync(join(tmpdir(), 'fresh-app-'));
  #env = bareEnvironment(join(this.#folder, 'bin'));

  /**
   * Installs tarballs, from no registry and without install scripts.
   *
   * @param {string[]} tarballs
   * @param {string[]} [options] further ones of `npm install`
   */
  install(tarballs, options = []) {
    writeFileSync(join(this.#folder, 'package.json'), '{"private": true}');
    const always = ['--ignore-scripts', '--offline', '--no-audit', '--no-fund'];
    execFileSync('npm', ['install', ...always, ...options, ...tarballs], {
      cwd: this.#folder,
      env: this.#env,
      shell,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  }

  /** Starts a program in the app. */
  start(source, name = 'app.js', ...args) {
    writeFileSync(join(this.#folder, name), source);
    return spawn(process.execPath, [name, ...args], {
      cwd: this.#folder,
      env: this.#env,
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: LIMIT_MS,
    });
  }

  /** Runs the usage example of the README, until it printed three connections. */
  async runUsageExample() {
    const servers = [net.createServer(), net.createServer()];
    const slots = servers.map((server) => giveSlots(server));
    try {
      const ports = [];
      for (const server of servers) {
        await once(server.listen(0), 'listening');
        ports.push(server.address().port);
      }
      const app = this.start(usageExample(ports));
      let connections = 0;
      for await (const line of createInterface(app.stdout)) {
        console.log(`  ${line}`);
        if (/new connection with slot \d+/.test(line) && ++connections === 3) app.kill();
      }
      assert.equal(connections, 3, 'the usage example of the README printed no connections');
    } finally {
      for (const server of servers) server.close();
      await Promise.all(slots.map((one) => one.drain({ over: 0, grace: 1000 })));
    }
  }

  /** Runs the quick start of the README, until its client has heard from all three servers. */
  async runQuickStart() {
    const ports = [];
    for (let n = 0; n < 3; n++) {
      const server = net.createServer().listen(0);
      await once(server, 'listening');
      ports.push(server.address().port);
      await once(server.close(), 'close');
    }
    const { 'client.js': client, 'server.js': server } = quickStart(ports);
    const programs = ports.map((port) => this.start(server, 'server.js', String(port)));
    programs.push(this.start(client, 'client.js'));
    try {
      await heardFromAll(createInterface(programs.at(-1).stdout), ports);
    } finally {
      for (const program of programs) program.kill();
    }
  }

  /** Runs the demo of the package in an empty folder, until it has drawn its picture. */
  runDemo() {
    const folder = join(this.#folder, 'empty');
    mkdirSync(folder);
    // What npx does. Its own way there asks the registry, even for what is installed.
    const command = join(this.#folder, 'node_modules', readManifest(ROOT).name, readManifest(ROOT).bin.callosum);
    const printed = execFileSync(process.execPath, [command, 'demo'], { cwd: folder, env: this.#env, encoding: 'utf8' });
    assert.match(printed, /^ {2}F started .* to 1\.\d\d$/m);
    assert.deepEqual(readdirSync(folder), ['balance.svg']);
    console.log(printed.replace(/^/gm, '  '));
  }

  /** The names of the packages that are installed. */
  installed() {
    return readdirSync(join(this.#folder, 'node_modules')).filter((name) => !name.startsWith('.'));
  }

  /** Removes the folder. */
  remove() {
    rmSync(this.#folder, { recursive: true });
  }
}

module.exports = { FreshApp };
