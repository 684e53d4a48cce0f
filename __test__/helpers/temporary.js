'use strict';

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const { cleanup } = require('./cleanup.js');

/** Makes a directory that is removed at the end of the test, and gives the paths of files in it. */
function temporaryDirectory() {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'rover-'));
  cleanup(() => fs.rmSync(directory, { recursive: true }));
  return (name) => path.join(directory, name);
}

/**
 * A path for a server to listen at: of a Unix socket, which is removed at the end of the test, or of a named pipe of
 * Windows.
 */
function temporaryPath(name) {
  const file = temporaryDirectory()(name);
  if (process.platform !== 'win32') return file;
  return `\\\\.\\pipe\\${path.basename(path.dirname(file))}-${name}`;
}

module.exports = { temporaryDirectory, temporaryPath };
