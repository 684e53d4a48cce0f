'use strict';

// Makes tarballs: of this checkout as it is, and of the packages that a release consists of. Those are this
// package without a binary, and one for each platform with nothing but a binary (npm/).

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');

const { buildSync, stop } = require('esbuild');

const ROOT = join(__dirname, '..');
const PLATFORMS = join(ROOT, 'npm');

/** What npm packs of itself, besides the `files` of package.json. */
const ALWAYS = ['LICENSE', 'README.md'];

function readManifest(folder) {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
}

/** What there are packages for, as in `linux-x64-gnu`. */
function targets() {
  return readdirSync(PLATFORMS);
}

/** Where the binary of a target has to be put, so that its package can be made. */
function binaryOf(target) {
  const folder = join(PLATFORMS, target);
  return join(folder, readManifest(folder).main);
}

/** Where a build in this checkout leaves its binary. */
function builtBinaryOf(target) {
  return join(ROOT, `${readManifest(ROOT).name}.${target}.node`);
}

/** Unpacks a tarball of a package into a folder, which is made. */
function unpack(tarball, folder) {
  mkdirSync(folder, { recursive: true });
  execFileSync('tar', ['-xzf', tarball, '-C', folder, '--strip-components=1']);
}

/**
 * Packs a folder.
 *
 * @param {string} folder of a package
 * @param {string} destination folder of the tarball, which has to exist
 * @param {object} [options]
 * @param {boolean} [options.scripts=false] whether its lifecycle scripts run: those of this checkout build it
 * @returns {string} the path of the tarball
 */
function pack(folder, destination, { scripts = false } = {}) {
  const options = ['--json', '--pack-destination', destination, ...(scripts ? [] : ['--ignore-scripts'])];
  const output = execFileSync('npm', ['pack', ...options], { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] });
  // Lifecycle scripts print before it, on some versions of npm.
  const [{ filename, size, unpackedSize }] = JSON.parse(output.subarray(output.indexOf('[\n')));
  console.log(`${filename}: ${size} bytes packed, ${unpackedSize} unpacked`);
  return join(destination, filename);
}

/** Packs this checkout, which is built for that. */
function packCheckout(destination) {
  return pack(ROOT, destination, { scripts: true });
}

/** Fields of the manifest that are for the owner of the package to set: in package.json, for all packages. */
const OWNER_FIELDS = ['repository', 'bugs', 'homepage'];

/** A manifest with the fields of the owner, as far as the main one has them. */
function withOwnerFields(manifest, main) {
  const fields = OWNER_FIELDS.filter((name) => name in main).map((name) => [name, main[name]]);
  return { ...manifest, ...Object.fromEntries(fields) };
}

function stage(folder, manifest, source, files) {
  mkdirSync(folder, { recursive: true });
  for (const file of files) cpSync(join(source, file), join(folder, file), { recursive: true });
  const complete = withOwnerFields(manifest, readManifest(ROOT));
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(complete, null, 2)}\n`);
}

/**
 * Puts what `index.js` requires into it, in a folder that has this package: one file loads in half the time that thirty
 * take. What finds the binary is left where it is, since it goes by its own place.
 */
function bundleCore(folder) {
  const { metafile } = buildSync({
    absWorkingDir: folder,
    allowOverwrite: true,
    bundle: true,
    external: [join(folder, 'lib', 'native', '*')],
    metafile: true,
    outfile: join(folder, 'index.js'),
    platform: 'node',
    // Not as the entry itself: what that declares would be in the scope of all, and `ClientRover` be renamed there.
    stdin: { contents: "module.exports = require('./index.js');", resolveDir: folder },
    target: 'node20',
  });
  // Its worker, which would stay.
  stop();
  const bundled = Object.keys(metafile.inputs).filter((file) => file.startsWith('lib/'));
  for (const file of bundled) rmSync(join(folder, file));
}

/**
 * Lays out this package as a release has it: without a binary, depending on those of all platforms, and its core in one
 * file.
 *
 * @param {string} folder for it, which is made
 */
function stageMain(folder) {
  const manifest = readManifest(ROOT);
  const files = manifest.files.filter((pattern) => pattern !== '*.node');
  const versions = targets().map((target) => {
    const { name, version } = readManifest(join(PLATFORMS, target));
    return [name, version];
  });
  // Not in the package.json of the checkout: `npm install` there must not look for what is not published.
  const optionalDependencies = Object.fromEntries(versions);
  stage(folder, { ...manifest, files, optionalDependencies }, ROOT, [...ALWAYS, ...files]);
  bundleCore(folder);
}

function stageTarget(folder, target, binary) {
  assert.ok(existsSync(binary), `there is no ${binary}`);
  const source = join(PLATFORMS, target);
  const manifest = readManifest(source);
  stage(folder, manifest, source, ['README.md']);
  cpSync(binary, join(folder, manifest.main));
  cpSync(join(ROOT, 'LICENSE'), join(folder, 'LICENSE'));
}

/**
 * Lays out a release as npm installs it on this machine, with the binary that was built in this checkout.
 *
 * @param {string} folder a `node_modules`
 * @param {string} target of this machine
 * @returns {string} the folder of this package
 */
function stageInstalled(folder, target) {
  const { name } = readManifest(ROOT);
  stageMain(join(folder, name));
  stageTarget(join(folder, `${name}-${target}`), target, builtBinaryOf(target));
  return join(folder, name);
}

/**
 * Packs a release.
 *
 * @param {string} destination folder, which has to exist
 * @param {string[]} [only] the targets to pack, all by default
 * @param {(target: string) => string} [binaryFor] where the binary of a target is, in npm/ by default
 */
function packRelease(destination, only = targets(), binaryFor = binaryOf) {
  const staging = join(destination, 'staging');
  stageMain(join(staging, 'main'));
  for (const target of only) stageTarget(join(staging, target), target, binaryFor(target));
  for (const name of readdirSync(staging)) pack(join(staging, name), destination);
}

/** The tarballs that `packRelease` made: of this package, and of a target. */
function releaseTarballs(folder, target) {
  const main = readManifest(ROOT);
  const { name, version } = readManifest(join(PLATFORMS, target));
  return { main: join(folder, `${main.name}-${main.version}.tgz`), binary: join(folder, `${name}-${version}.tgz`) };
}

module.exports = {
  ALWAYS,
  ROOT,
  binaryOf,
  builtBinaryOf,
  pack,
  packCheckout,
  packRelease,
  readManifest,
  releaseTarballs,
  stageInstalled,
  stageMain,
  targets,
  unpack,
  withOwnerFields,
};
