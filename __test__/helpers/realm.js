'use strict';

const fs = require('node:fs');
const path = require('node:path');
const vm = require('node:vm');

/** What a test runner gives to each context. */
const GLOBALS = {
  AbortController,
  Buffer,
  clearInterval,
  clearTimeout,
  performance,
  process,
  queueMicrotask,
  setImmediate,
  setInterval,
  setTimeout,
};

/**
 * Loads JavaScript into a new `vm` context, with all that it requires by a path, but binaries: a process loads those
 * once. That is how a test runner gives each test file modules of its own.
 *
 * @param {string} file From the directory of the package.
 * @returns {{ context: vm.Context, exports: any }}
 */
function loadInRealm(file) {
  const context = vm.createContext({ ...GLOBALS });
  /** @type {Map<string, { exports: any }>} */
  const loaded = new Map();

  function load(name) {
    const known = loaded.get(name);
    if (known !== undefined) return known.exports;
    const module = { exports: {} };
    loaded.set(name, module);
    const load = (id) => requireFrom(name, id);
    load.resolve = require.resolve;
    const source = `(function (exports, require, module, __filename, __dirname) { ${fs.readFileSync(name, 'utf8')}\n})`;
    const run = vm.runInContext(source, context, { filename: name });
    run(module.exports, load, module, name, path.dirname(name));
    return module.exports;
  }

  function requireFrom(name, id) {
    if (!id.startsWith('.')) return require(id);
    const found = require.resolve(path.resolve(path.dirname(name), id));
    return path.extname(found) === '.js' ? load(found) : require(found);
  }

  return { context, exports: load(path.resolve(__dirname, '../..', file)) };
}

module.exports = { loadInRealm };
