'use strict';

// Gives the platform packages and the crate the version of package.json. `npm version` runs this, between
// changing package.json and making the commit.

const { execFileSync } = require('node:child_process');
const { readFileSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');

const { ROOT, readManifest } = require('../packing');

const CRATE = join(ROOT, 'Cargo.toml');

function run(command, ...args) {
  execFileSync(command, args, { cwd: ROOT, stdio: 'inherit' });
}

const { version } = readManifest(ROOT);
run('npx', 'napi', 'version');
// The first version is that of the package; those of dependencies stand further down.
writeFileSync(CRATE, readFileSync(CRATE, 'utf8').replace(/^version = ".*"$/m, `version = "${version}"`));
run('cargo', 'update', '--workspace', '--offline');
run('git', 'add', 'npm', 'Cargo.toml', 'Cargo.lock');
