'use strict';

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');

const { temporaryDirectory } = require('./temporary.js');

/** A `prefix` for `run` and `runInChild` that runs a line of sh, then the rest of the command. */
function shell(line, ...args) {
  return ['sh', '-c', `${line} && exec "$@"`, 'sh', ...args];
}

/** Whether this command can run here, quietly. */
function succeeds([command, ...args]) {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

/**
 * A `prefix` that gives a child process files of its own in the place of some in /etc, by a mount
 * namespace that nobody else sees: what names mean is decided there.
 *
 * @param {object} options
 * @param {string} [options.hosts] The text of its /etc/hosts.
 * @param {string} [options.resolv] The text of its /etc/resolv.conf. With this the child has a
 *   network of its own as well, which is only a loopback interface.
 * @returns {string[] | null} null where namespaces cannot be had: not on Linux, or not allowed.
 */
function namespace({ hosts, resolv }) {
  if (process.platform !== 'linux') return null;
  const pathOf = temporaryDirectory();
  const steps = [];
  for (const [name, text] of Object.entries({ hosts, 'resolv.conf': resolv })) {
    if (text === undefined) continue;
    fs.writeFileSync(pathOf(name), text);
    steps.push(`mount --bind '${pathOf(name)}' /etc/${name}`);
  }
  const unshare = ['unshare', '--map-root-user', '--mount'];
  if (resolv !== undefined) {
    unshare.push('--net');
    steps.push('ip link set lo up');
  }
  const prefix = [...unshare, ...shell(steps.join(' && '))];
  return succeeds([...prefix, 'true']) ? prefix : null;
}

module.exports = { namespace, shell };
