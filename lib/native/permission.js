'use strict';

// The native side connects whatever Node's permission model says; Node.js then refuses to make a socket of
// the connection.

/** Whether this version of Node.js has a permission for the network: 25 and later, by `--allow-net`. */
let isKnown;

/**
 * The error where Node.js runs with `--permission` and without `--allow-net`, as Node's own of `net.connect()`;
 * undefined where connecting is allowed. To be asked before each attempt: an app may give a permission up. Costs
 * next to nothing where there is no permission model.
 *
 * @returns {NodeJS.ErrnoException | undefined}
 */
function netPermissionError() {
  const { permission } = process;
  if (permission === undefined) return undefined;
  // Versions that do not know `net` deny it, and let everybody connect.
  isKnown ??= process.allowedNodeEnvironmentFlags.has('--allow-net');
  if (!isKnown || permission.has('net')) return undefined;
  const message = 'callosum-client-tcp-rover must not connect: start Node.js with --allow-net besides --permission';
  return Object.assign(new Error(message), { code: 'ERR_ACCESS_DENIED', permission: 'Net' });
}

module.exports = { netPermissionError };
