'use strict';

// Loads the binary: the one that an environment variable names, one beside this package or its bundle, or
// that of the package of this platform, which npm installs along. Where none loads, load-error.js makes the
// one error that says why.

const { existsSync } = require('node:fs');
const { dirname, join, resolve } = require('node:path');

const { target } = require('./platform');

const NAME = 'callosum-client-tcp-rover';

/** Names another binary: that of a test, one that an app built, one in a single executable. */
const VARIABLE = 'CALLOSUM_CLIENT_TCP_ROVER_BINARY';

/** Whether a bundler has put this module into another file: Node.js gives every module its file's name. */
const isBundled = /** @type {NodeModule} */ (module).filename === undefined;

/**
 * Where a binary may lie on its own: here, as a build in a checkout leaves it, or beside the bundle. A test runner that
 * makes modules of its own may leave out the name of the file, too.
 */
function besidePaths(wanted) {
  const file = `${NAME}.${wanted}.node`;
  // A bundle that is an ES module has no `__dirname`.
  if (typeof __dirname !== 'string') return [join(dirname(process.argv[1] ?? process.execPath), file)];
  const here = join(__dirname, '..', '..', file);
  return isBundled ? [join(__dirname, file), here] : [here];
}

/** Whether a file is there. Where the permission model forbids to look, it cannot be loaded either. */
function isThere(file) {
  try {
    return existsSync(file);
  } catch {
    return false;
  }
}

/** Requires a file by its path. No bundler follows it, and in a single executable `require` knows no files. */
function requirePath(path) {
  // Not at the top: it takes as long to load as the binary, and an installed release has no use for it.
  const { createRequire } = require('node:module');
  return createRequire(path)(path);
}

/**
 * Requires the package of a target. Bundlers and file tracers find a binary only behind a literal, and take a
 * package that is not installed for a mistake unless its `require` is in a `try` of its own.
 *
 * @param {string} wanted
 * @returns {{ exports?: unknown, error?: unknown }} without either where no binary is published for this target
 */
function requirePackage(wanted) {
  switch (wanted) {
    case 'linux-x64-gnu':
      try {
        return { exports: require('callosum-client-tcp-rover-linux-x64-gnu') };
      } catch (error) {
        return { error };
      }
    case 'linux-arm64-gnu':
      try {
        return { exports: require('callosum-client-tcp-rover-linux-arm64-gnu') };
      } catch (error) {
        return { error };
      }
    case 'linux-x64-musl':
      try {
        return { exports: require('callosum-client-tcp-rover-linux-x64-musl') };
      } catch (error) {
        return { error };
      }
    case 'linux-arm64-musl':
      try {
        return { exports: require('callosum-client-tcp-rover-linux-arm64-musl') };
      } catch (error) {
        return { error };
      }
    case 'linux-arm-gnueabihf':
      try {
        return { exports: require('callosum-client-tcp-rover-linux-arm-gnueabihf') };
      } catch (error) {
        return { error };
      }
    case 'linux-ppc64-gnu':
      try {
        return { exports: require('callosum-client-tcp-rover-linux-ppc64-gnu') };
      } catch (error) {
        return { error };
      }
    case 'linux-riscv64-gnu':
      try {
        return { exports: require('callosum-client-tcp-rover-linux-riscv64-gnu') };
      } catch (error) {
        return { error };
      }
    case 'linux-s390x-gnu':
      try {
        return { exports: require('callosum-client-tcp-rover-linux-s390x-gnu') };
      } catch (error) {
        return { error };
      }
    case 'darwin-x64':
      try {
        return { exports: require('callosum-client-tcp-rover-darwin-x64') };
      } catch (error) {
        return { error };
      }
    case 'darwin-arm64':
      try {
        return { exports: require('callosum-client-tcp-rover-darwin-arm64') };
      } catch (error) {
        return { error };
      }
    case 'win32-x64-msvc':
      try {
        return { exports: require('callosum-client-tcp-rover-win32-x64-msvc') };
      } catch (error) {
        return { error };
      }
    case 'win32-arm64-msvc':
      try {
        return { exports: require('callosum-client-tcp-rover-win32-arm64-msvc') };
      } catch (error) {
        return { error };
      }
    case 'freebsd-x64':
      try {
        return { exports: require('callosum-client-tcp-rover-freebsd-x64') };
      } catch (error) {
        return { error };
      }
    default:
      return {};
  }
}

/** Whether Node.js is making a startup snapshot, which no addon survives: saving it ends the process. */
function isBuildingSnapshot() {
  // Asked in this way first, since it takes a twentieth of the time.
  const mayBe = process.execArgv.some((argument) => argument.includes('snapshot') || argument.includes('sea'));
  return mayBe && Boolean(require('node:v8').startupSnapshot?.isBuildingSnapshot());
}

/** Requires a file that is the binary. */
function tryPath(path) {
  try {
    return { exports: requirePath(path) };
  } catch (error) {
    return { error };
  }
}

/** What there is to load, where it is from, and what came of it. */
function find() {
  const { [VARIABLE]: given } = process.env;
  if (given) return { variable: VARIABLE, place: given, ...tryPath(resolve(given)) };
  const wanted = target();
  const beside = besidePaths(wanted).find(isThere);
  if (beside !== undefined) return { place: beside, ...tryPath(beside) };
  return { wanted, place: `${NAME}-${wanted}`, ...requirePackage(wanted) };
}

function load() {
  if (isBuildingSnapshot()) throw require('./load-error').snapshotError();
  const found = find();
  if (typeof found.exports?.ClientRover === 'function') return found.exports;
  throw require('./load-error').loadError({ isBundled, ...found });
}

/** @type {typeof import('../../binding')} */
module.exports = load();
