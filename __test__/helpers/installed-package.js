'use strict';

const fs = require('node:fs');
const path = require('node:path');

const { target } = require('../../lib/native/platform.js');
const { builtBinaryOf, stageMain } = require('../../scripts/packing.js');
const { name } = require('../../package.json');

const { temporaryDirectory } = require('./temporary.js');

/**
 * Installs this package in a folder of its own, as npm does from a release: without a binary.
 *
 * @returns {(name: string) => string} The paths of files in its node_modules.
 */
function installPackage() {
  const pathOf = temporaryDirectory();
  stageMain(pathOf(`node_modules/${name}`));
  const folder = fs.realpathSync(pathOf('node_modules'));
  return (file) => path.join(folder, file);
}

/** Adds the package of a target, whose main file has the given text. */
function addPackage(pathOf, target, text, main = 'main.js') {
  const folder = pathOf(`${name}-${target}`);
  fs.mkdirSync(folder);
  fs.writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ main }));
  fs.writeFileSync(path.join(folder, main), text);
}

/** Adds the package of this platform, with the binary of this checkout. */
function addBinary(pathOf) {
  addPackage(pathOf, target(), fs.readFileSync(builtBinaryOf(target())), 'rover.node');
}

module.exports = { addBinary, addPackage, installPackage };
