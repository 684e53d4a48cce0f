'use strict';

// What a user does: packs this checkout, installs the tarball in a fresh folder, with neither Rust nor
// install scripts, and runs the usage example of the README there against two real servers.

const assert = require('node:assert/strict');
const { execFileSync, spawn } = require('node:child_process');
const { once } = require('node:events');
const { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { delimiter, join } = require('node:path');
const { createInterface } = require('node:readline');

const { SlotServer } = require('../examples/slot-server');

const ROOT = join(__dirname, '..');
const LIMIT_MS = 20_000;

/** The PATH without the folders that hold Rust's tools. */
function pathWithoutRust() {
  const folders = process.env.PATH.split(delimiter);
  return folders.filter((folder) => !existsSync(join(folder, 'cargo'))).join(delimiter);
}

/** The first JavaScript block of the README, with its ports replaced by real ones. */
function usageExample(ports) {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const [, example] = /```js\n(.*?)```/s.exec(readme);
  return ports.reduce((text, port, index) => text.replaceAll(String(4040 + index), String(port)), example);
}

async function main() {
  const folder = mkdtempSync(join(tmpdir(), 'try-package-'));
  const servers = [new SlotServer(), new SlotServer()];
  try {
    const ports = [];
    for (const server of servers) {
      await once(server.listen(0), 'listening');
      ports.push(server.address().port);
    }

    const packed = execFileSync('npm', ['pack', '--json', '--pack-destination', folder], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    // Lifecycle scripts print before it, on some versions of npm.
    const [{ filename, size, unpackedSize }] = JSON.parse(packed.subarray(packed.indexOf('[\n')));
    console.log(`${filename}: ${size} bytes packed, ${unpackedSize} unpacked`);

    const env = { ...process.env, PATH: pathWithoutRust() };
    assert.throws(() => execFileSync('cargo', ['--version'], { env, stdio: 'ignore' }), { code: 'ENOENT' });
    writeFileSync(join(folder, 'package.json'), '{"private": true}');
    execFileSync('npm', ['install', '--ignore-scripts', join(folder, filename)], {
      cwd: folder,
      env,
      stdio: 'ignore',
    });
    writeFileSync(join(folder, 'app.js'), usageExample(ports));

    const app = spawn(process.execPath, ['app.js'], { cwd: folder, env, stdio: ['ignore', 'pipe', 'inherit'] });
    const timer = setTimeout(() => app.kill(), LIMIT_MS);
    let connections = 0;
    for await (const line of createInterface(app.stdout)) {
      console.log(`  ${line}`);
      if (/new connection with slot \d+/.test(line) && ++connections === 3) app.kill();
    }
    clearTimeout(timer);
    assert.equal(connections, 3, 'the usage example of the README printed no connections');
    console.log('The README example ran from the packed tarball.');
  } finally {
    await Promise.all(servers.map((server) => server.shutdown()));
    rmSync(folder, { recursive: true });
  }
}

main();
