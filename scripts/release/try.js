'use strict';

// Tries the packages of a release on this platform, as a user would: the usage example of the README runs
// with them. Without the package of the platform, as after `npm install --omit=optional`, one error says so. And
// npm installs them on every other system, where there may be no binary, but an app may be that does not need one.

const assert = require('node:assert/strict');
const { text } = require('node:stream/consumers');

const { target } = require('../../lib/native/platform');
const { FreshApp } = require('../fresh-app');
const { readManifest, releaseTarballs, ROOT } = require('../packing');
const { PACKAGES } = require('./pack');

const { name } = readManifest(ROOT);

/** Two that have binaries of their own, and one that has none. */
const OTHER_SYSTEMS = ['win32', 'freebsd', 'openbsd'];

async function withFreshApp(tarballs, body, options) {
  const app = new FreshApp();
  try {
    app.install(tarballs, options);
    await body(app);
  } finally {
    app.remove();
  }
}

/** Tries the tarballs in target/packages. */
async function tryRelease() {
  const { main, binary } = releaseTarballs(PACKAGES, target());
  for (const os of OTHER_SYSTEMS) {
    await withFreshApp([main], (app) => assert.deepEqual(app.installed(), [name]), [`--os=${os}`]);
    console.log(`npm install --os=${os}: done`);
  }
  await withFreshApp([main, binary], async (app) => {
    await app.runUsageExample();
    await app.runQuickStart();
    app.runDemo();
  });
  console.log('The quick start, the example of the README and the demo ran from the packed release.');

  await withFreshApp([main], async (app) => {
    const source = `try { require('${name}'); } catch ({ code, message }) { console.log(code, message); }`;
    const printed = await text(app.start(source).stdout);
    assert.match(printed, /^ERR_CALLOSUM_NO_BINARY .* found no binary for this platform/);
    console.log(`Without the package of the platform: ${printed.trim()}`);
  });
}

if (require.main === module) tryRelease();

module.exports = { tryRelease };
