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

module.exports = { temporaryDirectory };
