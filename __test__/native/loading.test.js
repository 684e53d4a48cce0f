'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');

const { printedBy } = require('../helpers/child.js');
const { addPackage, installPackage } = require('../helpers/installed-package.js');
const { temporaryDirectory } = require('../helpers/temporary.js');
const { ROOT, targets } = require('../../scripts/packing.js');
const { name, version } = require('../../package.json');

const MUSL_LOADERS = { arm: 'armhf', arm64: 'aarch64', ppc64: 'powerpc64le', x64: 'x86_64' };
const VARIABLE = 'CALLOSUM_CLIENT_TCP_ROVER_BINARY';
const INSTALL_AGAIN =
  'install again on this machine, without --omit=optional or --no-optional, and without a lockfile or node_modules ' +
  'made on another platform';
const BUILD = 'build one in a checkout: npm install && npm run build (needs Rust)';

/** What stands for a binary: it has what is looked for in one, and a name. */
const binaryCalled = (label) => `module.exports = { ClientRover: class {}, label: ${JSON.stringify(label)} };`;

/**
 * Requires a file, the native side of an installed package, in a child process that runs on another platform, or
 * believes so, and says what it got.
 *
 * @param {string} file
 * @param {object} [platform]
 * @param {string} [platform.platform]
 * @param {string} [platform.arch]
 * @param {boolean} [platform.muslLoader] Whether musl's loader lies in /lib.
 * @param {string | null} [platform.glibc] Its version, null for musl; undefined where nobody may ask.
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<{label?: string, error?: {message: string, code: string, cause?: {message: string, code: string}}}>}
 */
async function load(file, { platform = 'linux', arch = 'x64', glibc, muslLoader = glibc === null } = {}, env = {}) {
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
      Object.assign(process.env, fake.env);
      try {
        print({ label: require(fake.file).label });
      } catch (error) {
        print({ error: plain(error) });
      }
    },
    { platform, arch, glibc, muslLoader, env, file, loader: `/lib/ld-musl-${MUSL_LOADERS[arch] ?? arch}.so.1` },
  );
  return result;
}

const nativeOf = (pathOf) => pathOf(`${name}/lib/native`);

/** The platform of which `load` can pretend to be for a target, where musl and glibc are named as they are. */
function platformOf(target) {
  const [platform, arch, abi] = target.split('-');
  return { platform, arch, glibc: abi?.startsWith('musl') ? null : undefined };
}

describe('loading the package', () => {
  it('knows a target for each package of a release', () => {
    assert.ok(targets().length >= 12);
  });

  for (const target of targets()) {
    it(`finds the binary in the package for ${target} (row 36)`, async () => {
      const pathOf = installPackage();
      addPackage(pathOf, target, binaryCalled(`the package for ${target}`));
      assert.deepEqual(await load(nativeOf(pathOf), platformOf(target)), { label: `the package for ${target}` });
    });

    it(`requires the package for ${target} by a literal, in a try of its own, which bundlers follow (row 36)`, () => {
      const source = fs.readFileSync(path.join(ROOT, 'lib/native/index.js'), 'utf8');
      assert.match(source, new RegExp(`try \\{\\s*[^{}]*\\{ exports: require\\('${name}-${target}'\\) \\};\\s*\\} catch`));
    });
  }

  it('takes the package for glibc where musl is there besides', async () => {
    const pathOf = installPackage();
    addPackage(pathOf, 'linux-x64-gnu', binaryCalled('gnu'));
    assert.deepEqual(await load(nativeOf(pathOf), { glibc: '2.36', muslLoader: true }), { label: 'gnu' });
  });

  it('takes no binary for glibc on musl, whether or not it would load', async () => {
    const pathOf = installPackage();
    addPackage(pathOf, 'linux-x64-gnu', binaryCalled('gnu'));
    const { error } = await load(nativeOf(pathOf), { glibc: null });
    assert.match(error.message, /found no binary for this platform \(linux, x64, musl\): .* package .*-linux-x64-musl /);
  });

  it('prefers a binary that lies beside it', async () => {
    const pathOf = installPackage();
    addPackage(pathOf, 'darwin-x64', binaryCalled('the package'));
    fs.mkdirSync(pathOf(`${name}/${name}.darwin-x64.node`));
    fs.writeFileSync(pathOf(`${name}/${name}.darwin-x64.node/index.js`), binaryCalled('beside'));
    assert.deepEqual(await load(nativeOf(pathOf), { platform: 'darwin' }), { label: 'beside' });
  });

  it(`prefers the one that ${VARIABLE} names, also by a relative path`, async () => {
    const pathOf = installPackage();
    addPackage(pathOf, 'darwin-x64', binaryCalled('the package'));
    fs.writeFileSync(pathOf('given.js'), binaryCalled('given'));
    for (const given of [pathOf('given.js'), path.relative(ROOT, pathOf('given.js'))]) {
      assert.deepEqual(await load(nativeOf(pathOf), { platform: 'darwin' }, { [VARIABLE]: given }), { label: 'given' });
    }
  });

  it('does not care for the NAPI_RS_NATIVE_LIBRARY_PATH of another package', async () => {
    const pathOf = installPackage();
    addPackage(pathOf, 'darwin-x64', binaryCalled('the package'));
    fs.writeFileSync(pathOf('other.js'), 'module.exports = { Other: class {} };');
    const env = { NAPI_RS_NATIVE_LIBRARY_PATH: pathOf('other.js') };
    assert.deepEqual(await load(nativeOf(pathOf), { platform: 'darwin' }, env), { label: 'the package' });
  });
});

describe('the error where no binary loads (row 36)', () => {
  for (const [words, target, platform] of [
    ['linux, x64, glibc 2.36', 'linux-x64-gnu', { glibc: '2.36' }],
    ['linux, arm64, musl', 'linux-arm64-musl', { arch: 'arm64', glibc: null }],
    ['linux, arm, glibc 2.36', 'linux-arm-gnueabihf', { arch: 'arm', glibc: '2.36' }],
    ['darwin, arm64', 'darwin-arm64', { platform: 'darwin', arch: 'arm64' }],
    ['win32, x64', 'win32-x64-msvc', { platform: 'win32' }],
  ]) {
    it(`says to install again where one is published and none is there: ${words}`, async () => {
      const { error } = await load(nativeOf(installPackage()), platform);
      assert.equal(
        error.message,
        `${name} ${version} found no binary for this platform (${words}): neither the package ` +
          `${name}-${target} nor the file ${name}.${target}.node is there. To mend it, ${INSTALL_AGAIN}.`,
      );
      assert.equal(error.code, 'ERR_CALLOSUM_NO_BINARY');
      assert.equal(error.cause.code, 'MODULE_NOT_FOUND');
      assert.ok(error.cause.message.startsWith(`Cannot find module '${name}-${target}'`), error.cause.message);
    });
  }

  for (const [words, target, platform] of [
    ['openbsd, x64', 'openbsd-x64', { platform: 'openbsd' }],
    ['linux, s390x, musl', 'linux-s390x-musl', { arch: 's390x', glibc: null }],
    ['win32, ia32', 'win32-ia32-msvc', { platform: 'win32', arch: 'ia32' }],
  ]) {
    it(`says to build one, not to install again, where none is published: ${words}`, async () => {
      const { error } = await load(nativeOf(installPackage()), platform);
      assert.deepEqual(error, {
        code: 'ERR_CALLOSUM_NO_BINARY',
        message:
          `${name} ${version} found no binary for this platform (${words}): neither the package ${name}-${target} nor ` +
          `the file ${name}.${target}.node is there. Binaries are published for Linux (with glibc 2.17 or later: x64, ` +
          'arm64, arm, s390x; 2.19: ppc64; 2.27: riscv64; with musl: x64, arm64), macOS (x64, arm64), Windows (x64, ' +
          `arm64) and FreeBSD (x64). For this one, ${BUILD}.`,
      });
    });
  }

  it('says that the package of this platform lost its binary', async () => {
    const pathOf = installPackage();
    addPackage(pathOf, 'linux-x64-gnu', '', 'rover.node');
    fs.rmSync(pathOf(`${name}-linux-x64-gnu/rover.node`));
    const { error } = await load(nativeOf(pathOf), { glibc: '2.36' });
    assert.match(error.message, /found no binary for this platform \(linux, x64, glibc 2\.36\)/);
    assert.match(error.cause.message, /Cannot find module '.*rover\.node'/);
  });

  it('says why a binary does not load, and to install again where it is damaged', async () => {
    const pathOf = installPackage();
    addPackage(pathOf, 'darwin-x64', "throw Object.assign(new Error('rover.node: file too short'), { code: 'ERR_DLOPEN_FAILED' });");
    const { error } = await load(nativeOf(pathOf), { platform: 'darwin' });
    assert.equal(
      error.message,
      `${name} ${version} cannot load its binary on this platform (darwin, x64): ${name}-darwin-x64: rover.node: file ` +
        `too short. To mend it, ${INSTALL_AGAIN}, or ${BUILD}.`,
    );
    assert.equal(error.code, 'ERR_CALLOSUM_NO_BINARY');
    assert.equal(error.cause.code, 'ERR_DLOPEN_FAILED');
  });

  it('does not say to install again where the system lacks something', async () => {
    const pathOf = installPackage();
    const reason = "rover.node: version `GLIBC_2.17' not found";
    addPackage(pathOf, 'darwin-x64', `throw Object.assign(new Error(${JSON.stringify(reason)}), { code: 'ERR_DLOPEN_FAILED' });`);
    const { error } = await load(nativeOf(pathOf), { platform: 'darwin' });
    assert.ok(error.message.endsWith(`: ${reason}. To mend it, ${BUILD}.`), error.message);
  });

  it(`says so where ${VARIABLE} is to blame`, async () => {
    const pathOf = installPackage();
    fs.writeFileSync(pathOf('other.js'), 'module.exports = { Other: class {} };');
    for (const [given, reason] of [
      ['/nowhere.node', /: \/nowhere\.node: Cannot find module '.*nowhere\.node'\. /],
      [pathOf('other.js'), /other\.js: it is not the binary of this package\. /],
    ]) {
      const { error } = await load(nativeOf(pathOf), { glibc: '2.36' }, { [VARIABLE]: given });
      assert.match(error.message, reason);
      assert.ok(error.message.endsWith(`. It is what ${VARIABLE} names.`), error.message);
    }
  });
});

describe('in a bundle', () => {
  /** The native side in one file, as bundlers make it. */
  function bundle() {
    const modules = ['index', 'load-error', 'platform'].map((file) => {
      const source = fs.readFileSync(path.join(ROOT, `lib/native/${file}.js`), 'utf8');
      return `  './${file}': (module, exports, require) => {\n${source}\n  },`;
    });
    const pathOf = temporaryDirectory();
    const text = [
      'const modules = {',
      ...modules,
      '};',
      'const load = (name) => {',
      '  if (modules[name] === undefined) return require(name);',
      '  const module = { exports: {} };',
      '  modules[name](module, module.exports, load);',
      '  return module.exports;',
      '};',
      "module.exports = load('./index');",
    ];
    fs.writeFileSync(pathOf('app.js'), text.join('\n'));
    return pathOf;
  }

  it('finds the binary beside the bundle (row 36)', async () => {
    const pathOf = bundle();
    fs.mkdirSync(pathOf(`${name}.darwin-x64.node`));
    fs.writeFileSync(pathOf(`${name}.darwin-x64.node/index.js`), binaryCalled('beside'));
    assert.deepEqual(await load(pathOf('app.js'), { platform: 'darwin' }), { label: 'beside' });
  });

  for (const [words, prepare] of [
    ['there is none', () => {}],
    [
      'the bundler put something else there',
      (pathOf) => {
        fs.mkdirSync(pathOf('node_modules'));
        addPackage((file) => pathOf(`node_modules/${file}`), 'darwin-x64', "module.exports = './rover.node';");
      },
    ],
  ]) {
    it(`says where ${words} to mark the package external, not to install again (row 36)`, async () => {
      const pathOf = bundle();
      prepare(pathOf);
      const { error } = await load(pathOf('app.js'), { platform: 'darwin' });
      assert.equal(error.code, 'ERR_CALLOSUM_NO_BINARY');
      assert.equal(
        error.message,
        `${name} found no binary for this platform (darwin, x64): neither the package ${name}-darwin-x64 nor the file ` +
          `${name}.darwin-x64.node is there. This is a bundle without a binary: mark ${name} as external and install it ` +
          'beside the bundle, or have the bundler copy the binary; docs/bundling.md of the package says how.',
      );
    });
  }
});
