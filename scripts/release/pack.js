'use strict';

// Packs a release from the binaries in npm/, all of which have to be there, into target/packages.

const { mkdirSync, rmSync } = require('node:fs');
const { join } = require('node:path');

const { ROOT, packRelease } = require('../packing');

const PACKAGES = join(ROOT, 'target', 'packages');

/** Packs a release, as `packRelease` does. */
function packAfresh(only) {
  rmSync(PACKAGES, { recursive: true, force: true });
  mkdirSync(PACKAGES, { recursive: true });
  packRelease(PACKAGES, only);
}

if (require.main === module) packAfresh();

module.exports = { PACKAGES, packAfresh };
