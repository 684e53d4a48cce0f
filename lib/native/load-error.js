'use strict';

// The error where no binary could be loaded. Nothing else reads this file.

const { createRequire } = require('node:module');

const { description } = require('./platform');

const NAME = 'callosum-client-tcp-rover';

const PREBUILT =
  'Linux (with glibc 2.17 or later: x64, arm64, arm, s390x; 2.19: ppc64; 2.27: riscv64; with musl: x64, arm64), macOS ' +
  '(x64, arm64), Windows (x64, arm64) and FreeBSD (x64)';
const INSTALL_AGAIN =
  'install again on this machine, without --omit=optional or --no-optional, and without a lockfile or ' +
  'node_modules made on another platform';
const BUILD = 'build one in a checkout: npm install && npm run build (needs Rust)';
const BUNDLE =
  `This is a bundle without a binary: mark ${NAME} as external and install it beside the bundle, or have the bundler ` +
  'copy the binary; docs/bundling.md of the package says how';

/** What the systems' loaders say of a file that is damaged, or for another platform. */
const NOT_FOR_HERE = /ELF|Mach-O|mach-o|file too short|wrong architecture|incompatible|Win32/;

/**
 * What came of looking for the binary.
 *
 * @typedef {object} Search
 * @property {boolean} isBundled whether this code is part of a bundle
 * @property {string} place the file or package
 * @property {string} [wanted] the target, where it is the package that was looked for
 * @property {string} [variable] the environment variable that names the file
 * @property {unknown} [exports] of the binary, where one was loaded
 * @property {any} [error] where there is something that does not load
 */

/** The name of the package with its version, which a bundle does not know. */
function title() {
  try {
    return `${NAME} ${createRequire(/** @type {NodeModule} */ (module).filename)('../../package.json').version}`;
  } catch {
    return NAME;
  }
}

function failure(message, cause) {
  const error = cause === undefined ? new Error(message) : new Error(message, { cause });
  return Object.assign(error, { code: 'ERR_CALLOSUM_NO_BINARY' });
}

/**
 * Node's words for an error, without the `Require stack` behind them.
 *
 * @param {Search} search
 */
function reasonOf({ error, exports }) {
  if (error === undefined) return exports === undefined ? 'it exports nothing' : 'it is not the binary of this package';
  return `${error?.message ?? error}`.split('\nRequire stack')[0].trim().replace(/\.?\s*\n\s*/g, '. ').replace(/\.$/, '');
}

/**
 * Whether there is nothing to load, as against something that does not load.
 *
 * @param {Search} search
 */
function isMissing({ error, exports, isBundled, wanted }) {
  if (wanted === undefined) return false;
  // What a bundle says, or has, in place of a binary depends on its bundler and format.
  if (isBundled) return !/^ERR_DLOPEN/.test(error?.code);
  return exports === undefined && (error === undefined || error.code === 'MODULE_NOT_FOUND');
}

/**
 * What helps where the runtime was told not to load it; undefined where it was not.
 *
 * @param {Search} search
 */
function flagFor({ error }) {
  if (error?.code === 'ERR_DLOPEN_DISABLED') {
    return process.permission ? 'Start Node.js with --allow-addons' : 'Start Node.js without --no-addons';
  }
  if (error?.name === 'NotCapable') return 'Start Deno with --allow-ffi, --allow-env and --allow-read';
  if (error?.code === 'ERR_ACCESS_DENIED') return `Start Node.js with --allow-fs-read for ${error.resource}`;
}

/** @param {Search} search */
function adviceWhereMissing({ error, exports, isBundled }) {
  // There is no `require` for a target that has no package.
  if (error === undefined && exports === undefined) return `Binaries are published for ${PREBUILT}. For this one, ${BUILD}`;
  return isBundled ? BUNDLE : `To mend it, ${INSTALL_AGAIN}`;
}

/** @param {Search} search */
function adviceWhereBad({ error, variable, wanted }) {
  if (variable !== undefined) return `It is what ${variable} names`;
  const isDamaged = error === undefined || NOT_FOR_HERE.test(error.message);
  return `To mend it, ${wanted !== undefined && isDamaged ? `${INSTALL_AGAIN}, or ` : ''}${BUILD}`;
}

/**
 * The error where no binary was found, or one that does not load: what was looked for, why it failed, and what
 * helps.
 *
 * @param {Search} search
 */
function loadError(search) {
  const { error, place, wanted } = search;
  if (isMissing(search)) {
    return failure(
      `${title()} found no binary for this platform (${description()}): neither the package ${place} nor the file ` +
        `${NAME}.${wanted}.node is there. ${adviceWhereMissing(search)}.`,
      error,
    );
  }
  return failure(
    `${title()} cannot load its binary on this platform (${description()}): ${place}: ${reasonOf(search)}. ` +
      `${flagFor(search) ?? adviceWhereBad(search)}.`,
    error,
  );
}

/** The error where a startup snapshot is being made. */
function snapshotError() {
  return failure(
    `${NAME} cannot be a part of a startup snapshot, as no addon can. Require it when the snapshot has been ` +
      'started, in the function given to v8.startupSnapshot.setDeserializeMainFunction().',
  );
}

module.exports = { loadError, snapshotError };
