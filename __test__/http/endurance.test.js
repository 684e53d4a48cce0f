'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');

const { full, makePool } = require('../helpers/pool.js');
const { makeAgent, send, webServer } = require('../helpers/web-server.js');

const REQUESTS = 10_000;
const IN_FLIGHT = 32;

/** One answer of so many takes longer. */
const SLOW_EVERY = 4;

/** One server is killed, and another one added, at every so many responses. */
const KILL_EVERY = 200;

/** A server that writes down what it was asked for; after `kill()` it accepts connections, and destroys them. */
async function mortalServer() {
  const seen = new Set();
  let isDead = false;
  const server = await webServer(
    (request, response) => {
      seen.add(request.url);
      // Some take their time, so that there are always answers outstanding.
      const answer = () => response.end(request.url);
      request.resume().on('end', seen.size % SLOW_EVERY === 0 ? () => setTimeout(answer, 2) : answer);
    },
    { greeting: (n) => `${isDead ? 0 : n % 16}\r\n` },
  );
  const open = new Set();
  server.web.prependListener('connection', (socket) => {
    if (isDead) return socket.destroy();
    open.add(socket);
    socket.on('close', () => open.delete(socket));
  });
  return Object.assign(server, {
    seen,
    kill() {
      isDead = true;
      for (const socket of open) socket.destroy();
    },
  });
}

describe('10,000 requests while servers are killed and added', () => {
  it('fail only where their bytes were on a connection that died, and say so (row 71)', async function () {
    this.timeout(120_000);
    const alive = new Map();
    const killed = new Map();
    const pool = makePool({ size: 8, ROVING_INTERVAL: 20 });
    let next = 0;
    const add = async () => {
      const server = await mortalServer();
      alive.set(`server-${next}`, server);
      pool.rover.addServer(`server-${next++}`, server.address);
    };
    await Promise.all([add(), add(), add(), add()]);
    await full(pool);
    const agent = makeAgent(pool);

    const killOne = async () => {
      const [id, server] = [...alive][Math.floor(Math.random() * alive.size)];
      alive.delete(id);
      killed.set(server.port, server);
      await add();
      server.kill();
      // It is known to be gone some requests later.
      await once(pool, 'drop');
      pool.rover.dropServer(id);
    };

    const failures = [];
    let [begun, answered] = [0, 0];
    const kills = [];
    const one = async () => {
      while (begun < REQUESTS) {
        const path = `/${begun++}`;
        const request = send(agent, { path, method: 'POST', body: path });
        let isThere = false;
        request.on('socket', (socket) => (isThere = !socket.destroyed));
        try {
          assert.equal((await request.response).text, path);
          if (++answered % KILL_EVERY === 0) kills.push(killOne());
        } catch (error) {
          failures.push({ error, isThere, path, request, port: request.socket?.remotePort ?? request.port });
        }
      }
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, one));
    await Promise.all(kills);

    assert.equal(answered + failures.length, REQUESTS);
    assert.ok(killed.size >= 40 && failures.length > 0, `${killed.size} killed, ${failures.length} failed`);
    for (const { error, isThere, request } of failures) {
      assert.match(error.code, /^(ECONNRESET|EPIPE)$/);
      // It had a socket that was open then, and so its bytes were written to one that died under it.
      assert.ok(isThere && request.socket.destroyed, `${error.stack}`);
      assert.equal(typeof request.reusedSocket, 'boolean');
    }
    // At most those that were on the connections of the pool when one of its servers was killed.
    assert.ok(failures.length <= 8 * killed.size, `${failures.length}`);
  });
});
