'use strict';

/**
 * Servers from a JSON file, such as a ConfigMap of Kubernetes or what a deployment writes:
 *
 *     { "a": { "host": "10.0.0.1", "port": 4040 }, "b": { "host": "10.0.0.2", "port": 4040 } }
 *
 *     node examples/discovery/file.js client servers.json
 *
 * The file has no leases: a server that died stays in the table, and the rover tries it now and then.
 */

const fs = require('node:fs');

const { runClient } = require('./programs.js');
const { Table } = require('./table.js');

/** ms between two looks at the file. */
const INTERVAL = 1000;

/**
 * Keeps the servers of a rover in step with a file. While it is missing or broken, the last good ones stay.
 *
 * @param {import('callosum-client-tcp-rover')} rover
 * @param {string} file
 * @param {object} [options]
 * @param {number} [options.interval] ms between two looks at the file
 * @param {(error: Error) => void} [options.onError] says why it can't be read
 * @returns {{ close: () => void }}
 */
function follow(rover, file, { interval = INTERVAL, onError = () => {} } = {}) {
  const table = new Table(rover);
  const read = () => {
    try {
      table.replace(checked(JSON.parse(fs.readFileSync(file, 'utf8'))));
    } catch (error) {
      onError(error);
    }
  };
  // It asks for the time of change again and again. `fs.watch` would miss files that are replaced by a rename, as
  // editors and Kubernetes do, and network file systems. A file that is half written is read again when it changes.
  fs.watchFile(file, { interval, persistent: false }, read);
  read();
  return { close: () => fs.unwatchFile(file, read) };
}

function checked(servers) {
  if (servers === null || typeof servers !== 'object' || Array.isArray(servers)) {
    throw new TypeError('the file must have an object of servers by id');
  }
  return servers;
}

if (require.main === module) {
  const [, file] = process.argv.slice(2);
  runClient((rover, onError) => follow(rover, file, { onError }));
}

module.exports = { follow };
