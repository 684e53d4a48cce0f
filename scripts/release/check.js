'use strict';

// A release on a small scale: builds what this machine can build, packs it, asserts that the binary runs on
// every glibc that Node runs on, and tries the packages as a user would.

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');

const platform = require('../../lib/native/platform');
const { binaryOf } = require('../packing');
const { build } = require('./build');
const { packAfresh } = require('./pack');
const { tryRelease } = require('./try');

/** What Node's own binaries need: https://github.com/nodejs/node/blob/main/BUILDING.md#platform-list */
const NEWEST_GLIBC = '2.28';

const inOrder = new Intl.Collator('en', { numeric: true }).compare;

/** The newest version of glibc that a binary wants symbols of. */
function glibcNeeded(binary) {
  const needs = execFileSync('readelf', ['--version-info', '--wide', binary], { encoding: 'utf8' });
  const versions = [...needs.matchAll(/Name: GLIBC_([\d.]+)/g)].map(([, version]) => version);
  return versions.sort(inOrder).at(-1);
}

function checkGlibc(target) {
  const needed = glibcNeeded(binaryOf(target));
  console.log(`The highest symbol version that the binary needs: GLIBC_${needed}`);
  assert.ok(inOrder(needed, NEWEST_GLIBC) <= 0, `the binary needs more than glibc ${NEWEST_GLIBC}`);
}

async function main() {
  const target = platform.target();
  build(target);
  packAfresh([target]);
  if (target.endsWith('-gnu')) checkGlibc(target);
  await tryRelease();
}

main();
