'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');

const { parseTriple } = require('@napi-rs/cli');

const { target } = require('../../lib/native/platform.js');
const { printedBy } = require('../helpers/child.js');
const { skip } = require('../helpers/skip.js');
const { temporaryDirectory } = require('../helpers/temporary.js');
const {
  ROOT,
  binaryOf,
  builtBinaryOf,
  packRelease,
  readManifest,
  stageMain,
  targets,
  withOwnerFields,
} = require('../../scripts/packing.js');

const LIBC = { gnu: ['glibc'], gnueabihf: ['glibc'], musl: ['musl'] };
/** What npm runs at a user's, if it is there and allowed. */
const INSTALL_SCRIPTS = ['preinstall', 'install', 'postinstall', 'prepare'];

describe('the packages of a release', () => {
  const main = readManifest(ROOT);
  const triples = main.napi.targets.map((triple) => parseTriple(triple));

  it('are one for each target, and this one (row 36)', () => {
    const expected = triples.map(({ platformArchABI }) => platformArchABI);
    assert.deepEqual(targets().sort(), expected.sort());
    for (const target of ['linux-x64-musl', 'win32-x64-msvc', 'win32-arm64-msvc']) assert.ok(expected.includes(target));
  });

  for (const { abi, arch, platform, platformArchABI: target } of triples) {
    it(`have one that npm installs on ${target} only, whatever the version of Node`, () => {
      const manifest = readManifest(path.dirname(binaryOf(target)));
      const binary = `${main.name}.${target}.node`;
      assert.deepEqual(
        { ...manifest, description: main.description, keywords: main.keywords },
        {
          name: `${main.name}-${target}`,
          version: main.version,
          cpu: [arch],
          main: binary,
          files: [binary],
          description: main.description,
          keywords: main.keywords,
          license: main.license,
          // All that have Node-API 8. npm skips an optional dependency that wants another one without a word.
          engines: { node: '>=12.22' },
          os: [platform],
          ...(platform === 'linux' && { libc: LIBC[abi] }),
        },
      );
    });
  }

  it('have no `os` in this one, which would keep an app from being installed on every other system (row 36)', () => {
    assert.equal('os' in main || 'cpu' in main || 'libc' in main, false);
  });

  it('have the version of the crate', () => {
    const crate = fs.readFileSync(path.join(ROOT, 'Cargo.toml'), 'utf8');
    assert.equal(/^version = "(.*)"$/m.exec(crate)[1], main.version);
  });

  it('depend on the binaries of exactly this version, which a checkout does not', () => {
    const pathOf = temporaryDirectory();
    stageMain(pathOf('main'));
    const { optionalDependencies, scripts } = readManifest(pathOf('main'));
    const expected = targets().map((target) => [`${main.name}-${target}`, main.version]);
    assert.deepEqual(optionalDependencies, Object.fromEntries(expected));
    assert.equal(main.optionalDependencies, undefined);
    assert.deepEqual(INSTALL_SCRIPTS.filter((name) => name in scripts), []);
  });

  it('have a binary in those of the platforms only', () => {
    const pathOf = temporaryDirectory();
    stageMain(pathOf('main'));
    const binaries = fs.readdirSync(pathOf('main'), { recursive: true }).filter((file) => file.endsWith('.node'));
    assert.deepEqual(binaries, []);
  });

  it('have the core in one file, which exports what it exports in a checkout', async () => {
    const pathOf = temporaryDirectory();
    stageMain(pathOf('main'));
    const left = fs.readdirSync(pathOf('main/lib'), { recursive: true });
    assert.deepEqual(['client-rover.js', 'servers/table.js', 'native/index.js'].map((file) => left.includes(file)), [false, false, true]);
    const shapes = await printedBy(
      ({ print }, folders) => {
        for (const folder of folders) {
          const Rover = require(folder);
          const rover = new Rover();
          const keys = [Rover, Rover.prototype, rover].map((one) => Reflect.ownKeys(one).map(String));
          print([Rover.name, Rover.length, `${rover}`, ...keys]);
        }
      },
      [pathOf('main'), ROOT],
      { env: { CALLOSUM_CLIENT_TCP_ROVER_BINARY: builtBinaryOf(target()) } },
    );
    assert.equal(shapes[0][0], 'ClientRover');
    assert.deepEqual(shapes[0], shapes[1]);
  });

  it('are not packed where a binary is missing', function () {
    const missing = targets().find((target) => !fs.existsSync(binaryOf(target)));
    if (missing === undefined) return skip(this, 'the binary of every target is in npm/');
    const pathOf = temporaryDirectory();
    assert.throws(() => packRelease(pathOf('packages'), [missing]), { message: `there is no ${binaryOf(missing)}` });
  });

  it('have the repository, bugs and homepage of this one, where its owner has set them', () => {
    const owned = { repository: 'github:owner/name', bugs: 'https://example.org/bugs', homepage: 'https://example.org' };
    const manifest = { name: 'one', version: '1.0.0' };
    assert.deepEqual(withOwnerFields(manifest, { name: 'main', ...owned }), { ...manifest, ...owned });
    assert.deepEqual(withOwnerFields(manifest, { name: 'main' }), manifest);
  });
});
