'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');

const { run } = require('../helpers/child.js');
const { installPackage } = require('../helpers/installed-package.js');
const { slotServer } = require('../helpers/slot-server.js');
const { skip } = require('../helpers/skip.js');
const { target } = require('../../lib/native/platform.js');
const { name } = require('../../package.json');

const knows = (flag) => process.allowedNodeEnvironmentFlags.has(flag);

/** Turns the permission model on, and lets connect where that needs a permission. */
const PERMISSION = [
  knows('--permission') ? '--permission' : '--experimental-permission',
  ...(knows('--allow-net') ? ['--allow-net'] : []),
];

const APP = `
  const ClientRover = require('${name}');
  const rover = new ClientRover({ servers: { a: { host: '127.0.0.1', port: Number(process.env.SLOT_PORT) } } });
  rover.once('connection', (slot, socket) => {
    console.log('slot', slot);
    rover.stop();
    socket.destroy();
  });
  rover.start();
`;

/** Installs the package with its binary, and an app that prints the slot it got. */
async function installApp() {
  const pathOf = installPackage({ hasBinary: true });
  const app = pathOf('../app.js');
  fs.writeFileSync(app, APP);
  const { port } = await slotServer();
  const env = { APP: app, NODE_NO_WARNINGS: '1', SLOT_PORT: String(port) };
  return { app, pathOf, folder: path.dirname(app), start: (args) => run(args, { env }) };
}

describe('under a flag of Node.js', () => {
  for (const flag of ['--frozen-intrinsics', '--disable-proto=throw', '--disable-proto=delete']) {
    it(`loads and roves: ${flag} (row 36)`, async () => {
      const { app, start } = await installApp();
      const { stdout, stderr } = await start([flag, app]);
      assert.deepEqual({ stdout, stderr }, { stdout: 'slot 13\n', stderr: '' });
    });
  }

  it('loads and roves with permission to read nothing but the app (row 36)', async function () {
    // Before it, nothing loads an addon.
    if (!knows('--allow-addons')) return skip(this, 'this Node.js has no --allow-addons');
    const { app, folder, start } = await installApp();
    const flags = [...PERMISSION, '--allow-addons', `--allow-fs-read=${path.join(folder, '*')}`];
    const { stdout, stderr } = await start([...flags, app]);
    assert.deepEqual({ stdout, stderr }, { stdout: 'slot 13\n', stderr: '' });
  });

  it('loads and roves where it may not look for a binary beside it (row 36)', async function () {
    if (!knows('--allow-addons')) return skip(this, 'this Node.js has no --allow-addons');
    const { app, pathOf, start } = await installApp();
    const files = [`${name}/index.js`, `${name}/package.json`, `${name}/lib/*`, `${name}-${target()}/*`];
    const reads = [app, ...files.map(pathOf)].map((file) => `--allow-fs-read=${file}`);
    const { stdout, stderr } = await start([...PERMISSION, '--allow-addons', ...reads, app]);
    assert.deepEqual({ stdout, stderr }, { stdout: 'slot 13\n', stderr: '' });
  });

  it('says to start with --allow-addons where that is missing (row 36)', async function () {
    if (!knows('--allow-addons')) return skip(this, 'this Node.js has no --allow-addons');
    const { app, start } = await installApp();
    const { stderr } = await start([...PERMISSION, '--allow-fs-read=*', app]);
    assert.match(stderr, /cannot load its binary on this platform .*addons is disabled\. Start Node\.js with --allow-addons\.$/m);
    assert.match(stderr, /code: 'ERR_CALLOSUM_NO_BINARY'/);
  });

  it('says to start without --no-addons (row 36)', async () => {
    const { app, start } = await installApp();
    const { stderr } = await start(['--no-addons', app]);
    assert.match(stderr, /cannot load its binary on this platform .*addons is disabled\. Start Node\.js without --no-addons\.$/m);
  });

  it('says what it has to read where it may not (row 36)', async function () {
    if (!knows('--permission')) return skip(this, 'this Node.js has no --permission');
    const { app, pathOf, start } = await installApp();
    const reads = [app, pathOf(`${name}/*`)].map((file) => `--allow-fs-read=${file}`);
    const { stderr } = await start([...PERMISSION, '--allow-addons', ...reads, app]);
    const folder = pathOf(`${name}-${target()}`);
    assert.ok(stderr.includes(`Start Node.js with --allow-fs-read for ${folder}`), stderr);
  });
});

describe('a startup snapshot', () => {
  // There, Node.js 20.0 knows its modules by these names only.
  const BUILDS = `
    const { createRequire } = require('module');
    try {
      createRequire(__filename)('${name}');
    } catch ({ code, message }) {
      console.log(code, message);
    }
  `;
  const USES = `
    require('v8').startupSnapshot.setDeserializeMainFunction(() => {
      require('module').createRequire(process.env.APP)(process.env.APP);
    });
  `;

  it('is made with one error, and does not end the process (row 36)', async function () {
    const [major, minor] = process.versions.node.split('.').map(Number);
    // The first ones cannot save the modules of Node.js itself.
    if (major === 20 && minor < 19) return skip(this, 'its startup snapshots run no require');
    const { pathOf, start } = await installApp();
    fs.writeFileSync(pathOf('../builds.js'), BUILDS);
    const { code, stdout } = await start(['--snapshot-blob', pathOf('../blob'), '--build-snapshot', pathOf('../builds.js')]);
    assert.equal(code, 0);
    assert.match(stdout, /^ERR_CALLOSUM_NO_BINARY .* cannot be a part of a startup snapshot.*\bsetDeserializeMainFunction\(\)\.$/m);
  });

  it('can use the package as soon as it has started (row 36)', async () => {
    const { pathOf, start } = await installApp();
    fs.writeFileSync(pathOf('../uses.js'), USES);
    const blob = ['--snapshot-blob', pathOf('../blob')];
    await start([...blob, '--build-snapshot', pathOf('../uses.js')]);
    const { stdout, stderr } = await start([...blob, 'app']);
    assert.deepEqual({ stdout, stderr }, { stdout: 'slot 13\n', stderr: '' });
  });
});
