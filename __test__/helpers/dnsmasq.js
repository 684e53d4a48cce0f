'use strict';

const { spawn } = require('node:child_process');
const { once } = require('node:events');
const net = require('node:net');
const os = require('node:os');
const { createInterface } = require('node:readline');

const { cleanup } = require('./cleanup.js');
const { program } = require('./program.js');
const { listen } = require('./slot-server.js');

/** A port of 127.0.0.1 that is free for TCP and, most likely, for UDP, of which fewer are in use. */
async function freePort() {
  const server = net.createServer();
  await listen(server);
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** Resolves when it says that it has started; rejects with all that it said where it ends instead. */
function hasStarted(child) {
  const log = [];
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', () => reject(new Error(`dnsmasq has ended:\n${log.join('\n')}`)));
    createInterface(child.stderr).on('line', (line) => {
      log.push(line);
      if (/: started, /.test(line)) resolve();
    });
  });
}

/**
 * A real name server, dnsmasq, on a port of its own. It knows nothing of a name that it was not told of: with
 * `/slots.test/` among its `local` domains it says NXDOMAIN, and else REFUSED.
 *
 * @param {Mocha.Context} test Skipped where there is no dnsmasq.
 * @returns `address`, as `dns.setServers` takes it; `serve(records)`, which has it answer with these from now on, each
 *   an option of dnsmasq without its dashes; `stop()`, after which nothing answers.
 */
async function nameServer(test) {
  const file = program(test, 'dnsmasq');
  const port = await freePort();
  let child = null;
  const stop = async () => {
    const last = child;
    child = null;
    if (last?.kill('SIGKILL')) await once(last, 'exit');
  };
  cleanup(stop);
  return {
    address: `127.0.0.1:${port}`,
    stop,
    async serve(records) {
      await stop();
      const options = [
        ...['no-daemon', 'conf-file=/dev/null', 'pid-file=', 'log-facility=-', 'no-resolv', 'no-hosts', 'bind-interfaces'],
        ...[`port=${port}`, 'listen-address=127.0.0.1', `user=${os.userInfo().username}`],
      ];
      const args = [...options, ...records].map((option) => `--${option}`);
      child = spawn(file, args, { stdio: ['ignore', 'ignore', 'pipe'] });
      await hasStarted(child);
    },
  };
}

module.exports = { freePort, nameServer };
