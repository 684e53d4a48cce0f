'use strict';

const fs = require('node:fs');
const path = require('node:path');

const { target } = require('../../lib/native/platform.js');
const { stageInstalled, stageMain } = require('../../scripts/packing.js');
const { name } = require('../../package.json');

const { temporaryDirectory } = require('./temporary.js');

/**
 * Installs this package in a folder of its own, as npm does from a release.
 *
 * @param {object} [options]
 * @param {boolean} [options.hasBinary=false] Whether the package of this platform is there, too.
 * @returns {(name: string) => string} The paths of files in its node_modules.
 */
function installPackage({ hasBinary = false } = {}) {
  const pathOf = temporaryDirectory();
  if (hasBinary) stageInstalled(pathOf('node_modules'), target());
  else stageMain(pathOf(`node_modules/${name}`));
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

module.exports = { addPackage, installPackage };
