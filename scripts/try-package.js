'use strict';

// Packs this checkout with its binary, and tries the tarball as a user would.

const { mkdtempSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');

const { FreshApp } = require('./fresh-app');
const { packCheckout } = require('./packing');

async function main() {
  const folder = mkdtempSync(join(tmpdir(), 'try-package-'));
  const app = new FreshApp();
  try {
    app.install([packCheckout(folder)]);
    await app.runUsageExample();
    await app.runQuickStart();
    console.log('The quick start and the example of the README ran from the packed tarball.');
    app.runDemo();
    console.log('So did the demo, in an empty folder.');
  } finally {
    app.remove();
    rmSync(folder, { recursive: true });
  }
}

main();
