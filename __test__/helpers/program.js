'use strict';

const fs = require('node:fs');
const path = require('node:path');

const { skip } = require('./skip.js');

/** Where Debian has PostgreSQL's programs, newest version first: not on the PATH. */
function debianFolders() {
  const versions = '/usr/lib/postgresql';
  if (!fs.existsSync(versions)) return [];
  const newestFirst = fs.readdirSync(versions).sort((one, other) => other - one);
  return newestFirst.map((version) => path.join(versions, version, 'bin'));
}

/**
 * The path of a program that a test needs. Where it is not installed the test is skipped; but not in CI on
 * Linux, where .ci/install-programs has installed it.
 *
 * @param {Mocha.Context} test
 * @param {string} name
 * @returns {string}
 */
function program(test, name) {
  for (const folder of [...process.env.PATH.split(path.delimiter), '/usr/sbin', ...debianFolders()]) {
    const file = path.join(folder, name);
    if (fs.existsSync(file)) return file;
  }
  if (process.env.CI && process.platform === 'linux') {
    throw new Error(`${name} is not installed: see .ci/install-programs`);
  }
  return skip(test, `${name} is not installed`);
}

module.exports = { program };
