'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');

const { ROOT, readManifest } = require('../../scripts/packing.js');

const LIB = path.join(ROOT, 'lib');
const manifest = readManifest(ROOT);

/** The folders of the subpaths and of the command. */
const FOLDERS = ['server', 'pool', 'http', 'dns', 'cli'].filter((name) => fs.existsSync(path.join(LIB, name)));

/** What files of a folder require and where, those in its own folder aside. */
function requiredFromElsewhere(folder) {
  const files = fs.readdirSync(folder, { recursive: true }).filter((name) => name.endsWith('.js'));
  assert.ok(files.length > 0, folder);
  return files.flatMap((file) => {
    const source = fs.readFileSync(path.join(folder, file), 'utf8');
    const names = Array.from(source.matchAll(/\b(?:require|import)\(\s*(.*?)\s*\)/g), ([, argument]) => argument);
    const isOwn = (name) => {
      const [, relative] = /^'(\.[^']*)'$/.exec(name) ?? [];
      return relative !== undefined && path.resolve(folder, path.dirname(file), relative).startsWith(folder + path.sep);
    };
    return names.filter((name) => !isOwn(name)).map((name) => [file, name]);
  });
}

/** The files that an app gets by requiring the package or a subpath of it. */
const PUBLIC = Object.values(manifest.exports).map((target) => path.join(ROOT, target.default ?? target));

/** Whether what a file of a folder requires is the public API of the package. */
function isPublic(folder, file, required) {
  const target = path.resolve(folder, path.dirname(file), required);
  return PUBLIC.some((one) => [target, `${target}.js`, path.join(target, 'index.js')].includes(one));
}

describe('the subpaths', () => {
  const published = Object.keys(manifest.exports).map((name) => name.replace(/^\./, manifest.name));

  for (const name of FOLDERS) {
    it(`require nothing of lib/ but files in their own folder: ${name}`, () => {
      for (const [file, required] of requiredFromElsewhere(path.join(LIB, name))) {
        const [, module] = /^'([^']*)'$/.exec(required) ?? [];
        // JSDoc of the package's own files names types by import('node:…') as well.
        const isAllowed =
          module !== undefined &&
          (module.startsWith('node:') || published.includes(module) || isPublic(path.join(LIB, name), file, module));
        assert.ok(isAllowed, `lib/${name}/${file} requires ${required}`);
      }
    });
  }

  it('are published with their types, and with their files', () => {
    for (const [name, target] of Object.entries(manifest.exports)) {
      if (typeof target === 'string') continue;
      for (const file of Object.values(target)) {
        assert.ok(fs.existsSync(path.join(ROOT, file)), `${name}: ${file}`);
        const [top] = file.replace('./', '').split('/');
        assert.ok(manifest.files.includes(top), `${file} is not packed`);
      }
    }
  });

  it('are complete without the native part', () => {
    for (const name of ['server', 'dns']) require(`${manifest.name}/${name}`);
    assert.deepEqual(Object.keys(require(`${manifest.name}/server`)), ['giveSlots']);
    assert.deepEqual(Object.keys(require(`${manifest.name}/dns`)), ['follow']);
  });

  it('come with a command that can be run', () => {
    for (const file of new Set(Object.values(manifest.bin))) {
      assert.match(fs.readFileSync(path.join(ROOT, file), 'utf8'), /^#!\/usr\/bin\/env node\n/);
      if (process.platform !== 'win32') fs.accessSync(path.join(ROOT, file), fs.constants.X_OK);
    }
  });
});
