'use strict';

// The native side: a binary beside this package, as a build in a checkout leaves it, or the package of
// this platform, which npm installs along. Where neither is there or loads, lib/no-binary.js makes the one
// error that says why.

const { existsSync } = require('node:fs');
const { join } = require('node:path');

const NAME = 'callosum-client-tcp-rover';

/** Where the binary of a target lies, or null. */
function locate(target) {
  const built = join(__dirname, '..', `${NAME}.${target}.node`);
  if (existsSync(built)) return built;
  try {
    return require.resolve(`${NAME}-${target}`);
  } catch {
    return null;
  }
}

/** The path of the binary to load; null where there is none. */
function choose() {
  // napi-rs's own way to put another binary in its place: that of a test, or one that an app built.
  const { NAPI_RS_NATIVE_LIBRARY_PATH: given } = process.env;
  if (given) return given;

  const target = `${process.platform}-${process.arch}`;
  if (process.platform !== 'linux') return locate(target);
  const gnu = locate(`${target}-gnu`);
  const musl = locate(`${target}-musl`);
  if (gnu === null || musl === null) return gnu ?? musl;
  // Asked only here, since the answer takes longer than all the rest: npm installs no more than what fits,
  // and of a single binary the system's linker knows best whether it does.
  return require('./platform').glibcVersion() === null ? musl : gnu;
}

function load() {
  if (process.platform === 'win32') throw require('./no-binary').noWindows();
  const path = choose();
  if (path === null) throw require('./no-binary').noBinary();
  try {
    return require(path);
  } catch (error) {
    throw require('./no-binary').badBinary(path, error);
  }
}

/** @type {typeof import('../binding')} */
module.exports = load();
