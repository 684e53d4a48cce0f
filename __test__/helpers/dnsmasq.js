'use strict';

const { once } = require('node:events');
const net = require('node:net');
const os = require('node:os');

const { restartable } = require('./daemon.js');
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
  const { start, stop } = restartable(file, { ready: /: started, / });
  return {
    address: `127.0.0.1:${port}`,
    stop,
    serve(records) {
      const options = [
        ...['no-daemon', 'conf-file=/dev/null', 'pid-file=', 'log-facility=-', 'no-resolv', 'no-hosts', 'bind-interfaces'],
        ...[`port=${port}`, 'listen-address=127.0.0.1', `user=${os.userInfo().username}`],
      ];
      return start([...options, ...records].map((option) => `--${option}`));
    },
  };
}

module.exports = { freePort, nameServer };
