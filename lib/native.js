'use strict';

// The native side: a binary beside this package, as a build in a checkout leaves it, or the package of
// this platform, which npm installs along. Where neither is there or loads, lib/no-binary.js makes the one
// error that says why.

const { existsSync } = require('node:fs');
const { join } = require('node:path');

const { target } = require('./platform');

const NAME = 'callosum-client-tcp-rover';

/** The path of the binary; null where there is none. */
function locate() {
  // napi-rs's own way to put another binary in its place: that of a test, or one that an app built.
  const { NAPI_RS_NATIVE_LIBRARY_PATH: given } = process.env;
  if (given) return given;

  const wanted = target();
  const built = join(__dirname, '..', `${NAME}.${wanted}.node`);
  if (existsSync(built)) return built;
  try {
    return require.resolve(`${NAME}-${wanted}`);
  } catch {
    return null;
  }
}

function load() {
  const path = locate();
  if (path === null) throw require('./no-binary').noBinary();
  try {
    return require(path);
  } catch (error) {
    throw require('./no-binary').badBinary(path, error);
  }
}

/** @type {typeof import('../binding')} */
module.exports = load();
