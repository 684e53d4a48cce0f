'use strict';

// What users of TypeScript do: puts the files that are published into an app's node_modules, compiles the
// apps of __test__/types there, with each compiler and each of its configurations, and runs what came out.
//
// The tree is built in target/types. What is compiled finds the published files; what is run finds the
// checkout, since the binary need not be among them.

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');

const { ROOT, pack, readManifest, unpack } = require('./packing');

const APPS = join(ROOT, '__test__', 'types');
const TREE = join(ROOT, 'target', 'types');
const APP = join(TREE, 'app');
const PACKAGE = join(APP, 'node_modules', readManifest(ROOT).name);

const COMPILERS = ['typescript54', 'typescript', 'typescript6', 'typescript7'];
/** Compiled only: it roves, and calls what must not be called. */
const COMPILED_ONLY = 'api.js';

/**
 * Compiles the apps of a configuration, without a look at the declarations themselves and with one, and says which
 * programs came out. Both ways find the deliberate mistakes of the apps.
 */
function compile(compiler, config) {
  const out = join(TREE, 'out', compiler, config);
  const tsc = join(ROOT, 'node_modules', compiler, 'bin', 'tsc');
  for (const options of [['--skipLibCheck', '--noEmit'], ['--outDir', out]]) {
    execFileSync(process.execPath, [tsc, '--project', config, ...options], { cwd: APP, stdio: 'inherit' });
  }
  return readdirSync(out).map((name) => join(out, name));
}

rmSync(TREE, { recursive: true, force: true });
mkdirSync(TREE, { recursive: true });
unpack(pack(ROOT, TREE), PACKAGE);
cpSync(APPS, APP, { recursive: true });
// Without one, the app would be a part of the checkout, and its imports would not look into node_modules.
writeFileSync(join(APP, 'package.json'), '{"private": true}');

for (const compiler of COMPILERS) {
  const { version } = require(`${compiler}/package.json`);
  for (const config of readdirSync(APPS).filter((name) => name.endsWith('.json'))) {
    const programs = compile(compiler, config).filter((program) => !program.endsWith(COMPILED_ONLY));
    assert.ok(programs.length > 0, `${config} has no app that can be run`);
    for (const program of programs) {
      const printed = execFileSync(process.execPath, [program], { encoding: 'utf8', timeout: 10_000 });
      assert.equal(printed, 'true 0\n', program);
    }
    console.log(`TypeScript ${version}, ${config}: compiled, ${programs.length} run`);
  }
}
