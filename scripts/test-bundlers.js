'use strict';

// Runs the recipes of docs/bundling.md: builds an app that has this package as npm installs it from a release,
// moves what came out to an empty folder, and runs it there, against a real server. `npm run test:bundlers` runs
// all of them, `npm run test:bundlers -- esbuild ncc` these two. The bundlers come from the npm registry, and are
// kept in target/bundlers. Needs the binary of a build in this checkout.

const assert = require('node:assert/strict');
const { execFile, execFileSync } = require('node:child_process');
const { once } = require('node:events');
const { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } = require('node:fs');
const net = require('node:net');
const { tmpdir } = require('node:os');
const path = require('node:path');
const { promisify } = require('node:util');

const { giveSlots } = require('callosum-client-tcp-rover/server');

const { target } = require('../lib/native/platform');
const { BUNDLERS } = require('./bundlers');
const { ROOT, builtBinaryOf, packRelease, readManifest, releaseTarballs, unpack } = require('./packing');
const { find, installInto } = require('./runtimes');

const { name: NAME } = readManifest(ROOT);
const FOLDER = path.join(ROOT, 'target', 'bundlers');
const LIMIT_MS = 20_000;

const APP = `
const ClientRover = require('${NAME}');
const rover = new ClientRover({ servers: { only: { host: '127.0.0.1', port: process.env.SLOT_PORT } } });
rover.once('connection', (slot, socket) => {
  console.log('slot', slot);
  rover.stop();
  socket.destroy();
});
rover.start();
`;

/** The blocks of a recipe: the files that it needs, by their names, and its commands. */
function recipe(heading) {
  const page = readFileSync(path.join(ROOT, 'docs/bundling.md'), 'utf8');
  const section = page.split(/^## /m).find((text) => text.startsWith(`${heading}\n`));
  assert.ok(section !== undefined, `docs/bundling.md has no ${heading}`);
  const files = {};
  let commands = '';
  for (const [, info, text] of section.matchAll(/^```(.*)\n([^]*?)^```$/gm)) {
    const [language, file] = info.split(' ');
    if (language === 'sh') commands += text;
    else files[file] = text;
  }
  assert.notEqual(commands, '', `docs/bundling.md says nothing to run for ${heading}`);
  return { files, commands };
}

/** Makes an app, and installs its bundler and this package. */
function makeApp(folder, { packages }, { files }, { main, binary }) {
  const specs = Object.entries(packages).map(([name, version]) => `${name}@${version}`);
  const kept = path.join(folder, 'kept.json');
  // It takes long, and the versions are exact.
  if (!existsSync(kept) || readFileSync(kept, 'utf8') !== specs.join()) {
    rmSync(folder, { recursive: true, force: true });
    installInto(folder, specs);
    writeFileSync(kept, specs.join());
  }
  for (const [name, tarball] of [
    [NAME, main],
    [`${NAME}-${target()}`, binary],
  ]) {
    const installed = path.join(folder, 'node_modules', name);
    rmSync(installed, { recursive: true, force: true });
    unpack(tarball, installed);
  }
  for (const output of ['build', 'dist']) rmSync(path.join(folder, output), { recursive: true, force: true });
  mkdirSync(path.join(folder, 'dist'));
  writeFileSync(path.join(folder, 'package.json'), '{"private": true}');
  writeFileSync(path.join(folder, 'app.js'), APP);
  for (const [file, text] of Object.entries(files)) writeFileSync(path.join(folder, file), text);
}

/** The environment of a recipe, whose programs are those of the bundler and of its runtime. */
function environment(folder, { runtime }) {
  const folders = [path.join(folder, 'node_modules/.bin')];
  folders.push(path.dirname(runtime === undefined ? process.execPath : find(...runtime).binary));
  return { ...process.env, NODE_ENV: undefined, PATH: [...folders, process.env.PATH].join(path.delimiter) };
}

/** Runs the commands of a recipe. What it installs from the registry is what was packed here. */
function build(folder, { commands }, { main, binary }, env) {
  const ours = commands.replace(/^(npm install .*) callosum-client-tcp-rover$/m, `$1 --offline ${main} ${binary}`);
  execFileSync('sh', ['-euc', ours], { cwd: folder, env, stdio: ['ignore', 'ignore', 'pipe'] });
}

/** Runs what was built, alone: in an empty folder, while the app is away. */
async function runAlone(folder, { starts: [program, ...args] }, env) {
  const alone = mkdtempSync(path.join(tmpdir(), 'bundle-'));
  const away = `${folder}.away`;
  const server = net.createServer();
  giveSlots(server);
  try {
    renameSync(folder, away);
    execFileSync('cp', ['-R', `${away}/dist/.`, alone]);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const options = { cwd: alone, env: { ...env, SLOT_PORT: server.address().port }, timeout: LIMIT_MS };
    const { stdout } = await promisify(execFile)(program, args, options);
    assert.equal(stdout, 'slot 0\n');
  } finally {
    renameSync(away, folder);
    rmSync(alone, { recursive: true });
    server.close();
  }
}

async function test(heading, tarballs) {
  const bundler = BUNDLERS[heading];
  const folder = path.join(FOLDER, heading.replaceAll(/\W+/g, '-'));
  const env = environment(folder, bundler);
  makeApp(folder, bundler, recipe(heading), tarballs);
  build(folder, recipe(heading), tarballs, env);
  await runAlone(folder, bundler, env);
}

async function main() {
  const wanted = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(BUNDLERS);
  const packages = path.join(FOLDER, 'packages');
  rmSync(packages, { recursive: true, force: true });
  mkdirSync(packages, { recursive: true });
  packRelease(packages, [target()], builtBinaryOf);
  const tarballs = releaseTarballs(packages, target());
  for (const heading of wanted) {
    if (BUNDLERS[heading] === undefined) throw new Error(`What is ${heading}? One of: ${Object.keys(BUNDLERS).join(', ')}`);
    try {
      await test(heading, tarballs);
      console.log(`${heading}: the app ran on its own`);
    } catch (error) {
      console.log(`${heading}: ${error.message}`);
      process.exitCode = 1;
    }
  }
}

main();
