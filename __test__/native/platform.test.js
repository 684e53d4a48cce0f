'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');

const { printedBy } = require('../helpers/child.js');
const { temporaryDirectory } = require('../helpers/temporary.js');
const { stageMain } = require('../../scripts/packing.js');
const { name, version } = require('../../package.json');

const MUSL_LOADERS = { arm64: '/lib/ld-musl-aarch64.so.1', s390x: '/lib/ld-musl-s390x.so.1', x64: '/lib/ld-musl-x86_64.so.1' };
const ROOT = path.resolve(__dirname, '../..');

/**
 * Installs this package in a folder of its own, as npm does from a release: without a binary.
 *
 * @returns {(name: string) => string} the paths of files in its node_modules
 */
function install() {
  const pathOf = temporaryDirectory();
  stageMain(pathOf(`node_modules/${name}`));
  return (file) => pathOf(`node_modules/${file}`);
}

/** Adds the package of a target, whose main file has the given text. */
function addPackage(pathOf, target, text, main = 'main.js') {
  const folder = pathOf(`${name}-${target}`);
  fs.mkdirSync(folder);
  fs.writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ main }));
  fs.writeFileSync(path.join(folder, main), text);
}

/**
 * Requires the native side of an installed package in a child process that runs on another platform, or
 * believes so, and says what it got.
 *
 * @param {(name: string) => string} pathOf Of `install`.
 * @param {object} [platform]
 * @param {string} [platform.platform]
 * @param {string} [platform.arch]
 * @param {boolean} [platform.muslLoader] Whether musl's loader lies in /lib.
 * @param {string | null} [platform.glibc] Its version, null for musl; undefined where nobody may ask.
 * @returns {Promise<{exports?: any, error?: {message: string, code: string, cause?: {message: string, code: string}}}>}
 */
async function load(pathOf, { platform = 'linux', arch = 'x64', glibc, muslLoader = glibc === null } = {}) {
  const [result] = await printedBy(
    ({ print }, fake) => {
      Object.defineProperty(process, 'platform', { value: fake.platform });
      Object.defineProperty(process, 'arch', { value: fake.arch });
      process.report.getReport = () => {
        if (fake.glibc === undefined) throw new Error('nobody needs to know the C library');
        return { header: fake.glibc === null ? {} : { glibcVersionRuntime: fake.glibc } };
      };
      const fs = require('node:fs');
      const { existsSync } = fs;
      fs.existsSync = (file) => (file === fake.loader ? fake.muslLoader : existsSync(file));
      const plain = ({ message, code, cause }) => ({ message, code, cause: cause && plain(cause) });
      try {
        print({ exports: require(fake.file) });
      } catch (error) {
        print({ error: plain(error) });
      }
    },
    { platform, arch, glibc, muslLoader, loader: MUSL_LOADERS[arch], file: pathOf(`${name}/lib/native.js`) },
  );
  return result;
}

describe('loading the package', () => {
  const PREBUILT =
    'Binaries are published for Linux (x64 and arm64, with glibc 2.17 or later, or musl) and macOS (x64 and ' +
    'arm64). If this is one of them, install again on this machine, without --omit=optional or ' +
    '--no-optional, and without a lockfile or node_modules made on another platform; if it is not, build ' +
    'one in a checkout: npm install && npm run build (needs Rust).';

  for (const [words, target, platform] of [
    ['linux, x64, without asking for the C library', 'linux-x64-gnu', {}],
    ['linux, x64, glibc beside musl', 'linux-x64-gnu', { glibc: '2.36', muslLoader: true }],
    ['linux, x64, musl', 'linux-x64-musl', { glibc: null }],
    ['linux, arm64, musl', 'linux-arm64-musl', { arch: 'arm64', glibc: null }],
    ['linux, s390x, musl', 'linux-s390x-musl', { arch: 's390x', glibc: null }],
    ['darwin, arm64', 'darwin-arm64', { platform: 'darwin', arch: 'arm64' }],
    ['freebsd, x64', 'freebsd-x64', { platform: 'freebsd' }],
  ]) {
    it(`finds the binary in the package for ${words}`, async () => {
      const pathOf = install();
      addPackage(pathOf, target, `module.exports = 'the package for ${target}';`);
      assert.deepEqual(await load(pathOf, platform), { exports: `the package for ${target}` });
    });
  }

  it('prefers a binary that lies beside it', async () => {
    const pathOf = install();
    addPackage(pathOf, 'darwin-x64', "module.exports = 'the package';");
    fs.mkdirSync(pathOf(`${name}/${name}.darwin-x64.node`));
    fs.writeFileSync(pathOf(`${name}/${name}.darwin-x64.node/index.js`), "module.exports = 'beside';");
    assert.deepEqual(await load(pathOf, { platform: 'darwin' }), { exports: 'beside' });
  });

  for (const [words, target, platform] of [
    ['linux, x64, glibc 2.36', 'linux-x64-gnu', { glibc: '2.36' }],
    ['linux, arm64, musl', 'linux-arm64-musl', { arch: 'arm64', glibc: null }],
    ['darwin, arm64', 'darwin-arm64', { platform: 'darwin', arch: 'arm64' }],
    ['freebsd, x64', 'freebsd-x64', { platform: 'freebsd' }],
    ['linux, s390x, glibc 2.36', 'linux-s390x-gnu', { arch: 's390x', glibc: '2.36' }],
  ]) {
    it(`says in one error that there is no binary, on ${words}`, async () => {
      const { error } = await load(install(), platform);
      assert.equal(
        error.message,
        `${name} ${version} found no binary for this platform (${words}): neither the package ` +
          `${name}-${target} nor the file ${name}.${target}.node is there. ${PREBUILT}`,
      );
      assert.equal(error.code, 'ERR_CALLOSUM_NO_BINARY');
      assert.equal(error.cause.code, 'MODULE_NOT_FOUND');
      assert.ok(error.cause.message.startsWith(`Cannot find module '${name}-${target}'`), error.cause.message);
    });
  }

  it('takes no binary for glibc on musl, whether or not it would load', async () => {
    const pathOf = install();
    addPackage(pathOf, 'linux-x64-gnu', "module.exports = 'gnu';");
    const { error } = await load(pathOf, { glibc: null });
    assert.match(error.message, /found no binary for this platform \(linux, x64, musl\): .* package .*-linux-x64-musl /);
  });

  it('says in one error that the package of this platform lost its binary', async () => {
    const pathOf = install();
    addPackage(pathOf, 'linux-x64-gnu', '', 'rover.node');
    fs.rmSync(pathOf(`${name}-linux-x64-gnu/rover.node`));
    const { error } = await load(pathOf, { glibc: '2.36' });
    assert.match(error.message, /found no binary for this platform \(linux, x64, glibc 2\.36\)/);
    assert.match(error.cause.message, /Cannot find module '.*rover\.node'/);
  });

  it('says in one error why a binary does not load', async () => {
    const pathOf = install();
    addPackage(pathOf, 'linux-x64-gnu', 'not a binary', 'rover.node');
    const { error } = await load(pathOf, { glibc: '2.36' });
    const binary = fs.realpathSync(pathOf(`${name}-linux-x64-gnu/rover.node`));
    assert.ok(
      error.message.startsWith(
        `${name} ${version} cannot load its binary on this platform (linux, x64, glibc 2.36): ${binary}: ` +
          `${error.cause.message}. To mend it, install again on this machine, `,
      ),
      error.message,
    );
    assert.equal(error.code, 'ERR_CALLOSUM_NO_BINARY');
    assert.equal(error.cause.code, 'ERR_DLOPEN_FAILED');
  });

  it('says in one error that it does not run on Windows', async () => {
    const { error } = await load(install(), { platform: 'win32' });
    assert.deepEqual(error, {
      code: 'ERR_CALLOSUM_NO_BINARY',
      message:
        `${name} does not run on Windows: a socket is not a file descriptor there, so it cannot be handed ` +
        'over to Node.js. Linux and macOS are supported.',
    });
  });

  it('loads what NAPI_RS_NATIVE_LIBRARY_PATH names, or says that it is to blame', async () => {
    const pathOf = install();
    const given = pathOf('given.js');
    fs.writeFileSync(given, "module.exports = 'given';");
    const printed = await printedBy(
      ({ print }, { file, given }) => {
        process.env.NAPI_RS_NATIVE_LIBRARY_PATH = given;
        print(require(file));
        delete require.cache[require.resolve(file)];
        process.env.NAPI_RS_NATIVE_LIBRARY_PATH = '/nowhere.node';
        try {
          require(file);
        } catch ({ message }) {
          print(message);
        }
      },
      { file: pathOf(`${name}/lib/native.js`), given },
    );
    assert.equal(printed[0], 'given');
    assert.match(printed[1], /: \/nowhere\.node: Cannot find module .*\. It is what NAPI_RS_NATIVE_LIBRARY_PATH names\.$/);
  });

  it('asks for the C library without looking up the names of peers, and leaves that setting as it was', async () => {
    const printed = await printedBy(
      ({ print }, file) => {
        const { getReport } = process.report;
        process.report.excludeNetwork = false;
        process.report.getReport = () => {
          print(process.report.excludeNetwork);
          return getReport.call(process.report);
        };
        print(require(file).glibcVersion() === getReport.call(process.report).header.glibcVersionRuntime);
        print(process.report.excludeNetwork);
      },
      path.join(ROOT, 'lib/platform.js'),
    );
    assert.deepEqual(printed, [true, true, false]);
  });
});
