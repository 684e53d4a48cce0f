/**
 * An app of today: an ES module, `using`, an `AbortSignal`, and events as a loop. It looks at some
 * connections, and keeps the best one.
 *
 *     node examples/modern.mjs 4040 4041        the ports of slot servers, such as server.js
 *
 * Needs Node.js 24 or later, whose syntax has `using`. Before that, call `rover.stop()` in a `finally`.
 */

import { on } from 'node:events';

import ClientRover from 'callosum-client-tcp-rover';

const LOOKS = 5;

/**
 * Looks for one connection, the lower its slot the better.
 *
 * @param {ClientRover.Servers} servers
 * @param {AbortSignal} signal gives up the search, which then rejects with an `AbortError`
 * @returns {Promise<{slot: number, socket: import('node:net').Socket}>}
 */
async function bestConnection(servers, signal) {
  // At the end of this block, however it ends, the rover stops.
  using rover = new ClientRover({ ROVING_INTERVAL: 50, servers, signal });
  rover.on('unreachable', (id, _server, error) => {
    console.log(`${id} is unreachable: ${error.code}`);
    delete rover.servers[id];
  });
  rover.start();

  let best = null;
  let looks = 0;
  try {
    // The body does not wait for anything. Where it does, connections queue up behind it, and those that
    // are left in the queue at the `break` stay open.
    for await (const [slot, socket] of on(rover, 'connection', { signal })) {
      // A socket error that nobody listens for ends the process.
      socket.on('error', () => {});
      const isBetter = best === null || slot < best.slot;
      const worse = isBetter ? best?.socket : socket;
      worse?.end();
      if (isBetter) best = { slot, socket };
      if (++looks === LOOKS) break;
    }
  } catch (error) {
    best?.socket.destroy();
    throw error;
  }
  return best;
}

const ports = process.argv.slice(2);
const servers = Object.fromEntries(ports.map((port) => [`port ${port}`, { host: '127.0.0.1', port }]));
try {
  const { slot, socket } = await bestConnection(servers, AbortSignal.timeout(10_000));
  console.log(`slot ${slot} at port ${socket.remotePort}`);
  socket.end();
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
