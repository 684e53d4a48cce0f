'use strict';

const fs = require('node:fs');

/**
 * What this process has open: the targets of its descriptors, as Linux names them.
 *
 * @returns {string[]}
 */
function openDescriptors() {
  // The descriptor of the listing itself is closed by now.
  return readEach('/proc/self/fd', (fd) => fs.readlinkSync(fd));
}

/** How many sockets this process has open. */
function countSockets() {
  return openDescriptors().filter((target) => target.startsWith('socket:')).length;
}

/**
 * Opens files until the process may open no more.
 *
 * @returns {{taken: number[], code: string}} their descriptors, and the code of the error that said so
 */
function takeAllDescriptors() {
  const taken = [];
  try {
    for (;;) taken.push(fs.openSync('/dev/null'));
  } catch ({ code }) {
    return { taken, code };
  }
}

/**
 * The names of the threads of this process.
 *
 * @returns {string[]}
 */
function threadNames() {
  return readEach('/proc/self/task', (task) => fs.readFileSync(`${task}/comm`, 'utf8').trimEnd());
}

/**
 * Whether a thread waits for the next look-up of a name. It ends when none came for ten seconds.
 *
 * @param {string} name
 */
function isLookUp(name) {
  return name === 'rover-lookup';
}

/** Of what is gone in the meantime there is nothing to read. */
function readEach(directory, read) {
  return fs.readdirSync(directory).flatMap((name) => {
    try {
      return [read(`${directory}/${name}`)];
    } catch {
      return [];
    }
  });
}

module.exports = { countSockets, isLookUp, openDescriptors, takeAllDescriptors, threadNames };
