'use strict';

// The words for whoever has no binary that works. Nobody else reads this file.

const { description, target } = require('./platform');
const { name, version } = require('../package.json');

const PREBUILT = 'Linux (x64 and arm64, with glibc 2.17 or later, or musl) and macOS (x64 and arm64)';
const INSTALL_AGAIN =
  'install again on this machine, without --omit=optional or --no-optional, and without a lockfile or ' +
  'node_modules made on another platform';
const BUILD = 'build one in a checkout: npm install && npm run build (needs Rust)';

/** What Node says of the package that it cannot find. */
function causeOfAbsence(wanted) {
  try {
    require.resolve(`${name}-${wanted}`);
  } catch (error) {
    return error;
  }
}

function failure(message, options) {
  return Object.assign(new Error(message, options), { code: 'ERR_CALLOSUM_NO_BINARY' });
}

/** The error where there can be no binary. */
function noWindows() {
  return failure(
    `${name} does not run on Windows: a socket is not a file descriptor there, so it cannot be handed ` +
      'over to Node.js. Linux and macOS are supported.',
  );
}

/** The error where no binary was found. */
function noBinary() {
  const wanted = target();
  return failure(
    `${name} ${version} found no binary for this platform (${description()}): neither the package ` +
      `${name}-${wanted} nor the file ${name}.${wanted}.node is there. Binaries are published for ` +
      `${PREBUILT}. If this is one of them, ${INSTALL_AGAIN}; if it is not, ${BUILD}.`,
    { cause: causeOfAbsence(wanted) },
  );
}

/** The error where one was found that does not load. */
function badBinary(path, cause) {
  const isGiven = path === process.env.NAPI_RS_NATIVE_LIBRARY_PATH;
  const advice = isGiven ? 'It is what NAPI_RS_NATIVE_LIBRARY_PATH names' : `To mend it, ${INSTALL_AGAIN}, or ${BUILD}`;
  // Node's messages may go on with a `Require stack`.
  const [reason] = cause.message.split('\n', 1);
  return failure(
    `${name} ${version} cannot load its binary on this platform (${description()}): ${path}: ` +
      `${reason}. ${advice}.`,
    { cause },
  );
}

module.exports = { badBinary, noBinary, noWindows };
