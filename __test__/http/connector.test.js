'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');

const { connector } = require('../../lib/http');
const { makeCertificate } = require('../helpers/certificate.js');
const { cleanup } = require('../helpers/cleanup.js');
const { full, makePool } = require('../helpers/pool.js');
const { skip } = require('../helpers/skip.js');
const { refusedAddress, slotServer } = require('../helpers/slot-server.js');
const { until } = require('../helpers/wait.js');
const { makeAgent, send, webServer } = require('../helpers/web-server.js');

/** What undici asks for: an origin of any name. */
const ORIGIN = { hostname: 'slot.test', host: 'slot.test', protocol: 'http:', port: '' };

/** What a connector gives to its callback. */
function connected(connect, options) {
  return new Promise((resolve, reject) => {
    let isCalling = true;
    connect({ ...ORIGIN, ...options }, (error, socket) => {
      assert.equal(isCalling, false, 'called back at once');
      if (error) reject(error);
      else resolve(socket);
    });
    isCalling = false;
  });
}

describe('connector()', () => {
  it('gives a connection of the pool, and not from inside of the call (row 71)', async () => {
    const server = await webServer();
    const pool = makePool({ size: 1, servers: { a: server.address } });
    await full(pool);
    const socket = await connected(connector(pool));
    assert.deepEqual([socket, pool.lent], [pool.sockets[0], 1]);
    socket.destroy();
    await once(socket, 'close');
    assert.equal(pool.lent, 0);
  });

  it('gives up after its timeout, which is the error\'s cause (row 71)', async () => {
    const pool = makePool({ servers: { a: await refusedAddress() } });
    const failure = await connected(connector(pool, { timeout: 20 })).catch((error) => error);
    assert.deepEqual([failure.name, failure.cause.name, pool.waiting], ['AbortError', 'TimeoutError', 0]);
  });

  it('throws for a timeout that no timer takes, and waits for ever with 0 (row 71)', async () => {
    const pool = makePool({ size: 1 });
    for (const timeout of [Infinity, 2 ** 31, -1, NaN]) assert.throws(() => connector(pool, { timeout }), { name: 'RangeError' });
    assert.throws(() => connector(pool, { timeout: '10' }), { name: 'TypeError' });
    const connecting = connected(connector(pool, { timeout: 0 }));
    pool.rover.addServer('late', (await webServer()).address);
    (await connecting).destroy();
  });

  it('gives up a handshake after its timeout (row 71)', async () => {
    const server = await slotServer({ then: (socket) => socket.resume() });
    const pool = makePool({ size: 1, servers: { a: server.address } });
    await full(pool);
    const connecting = connected(connector(pool, { timeout: 50 }), { protocol: 'https:' });
    await assert.rejects(connecting, { name: 'TimeoutError' });
    await server.nextClosed();
  });

  it('tells of a pool that is closed (row 71)', async () => {
    const pool = makePool({});
    await pool.close();
    await assert.rejects(connected(connector(pool)), { code: 'ERR_CALLOSUM_POOL_CLOSED' });
  });

  it('does not give a connection on which somebody has begun TLS (row 71)', async function () {
    const tls = makeCertificate(this);
    const server = await webServer(undefined, { tls });
    const pool = makePool({ size: 1, servers: { a: server.address } });
    const first = await connected(connector(pool, { ca: tls.cert }), { protocol: 'https:' });
    assert.ok(first.authorized);
    const agent = makeAgent(pool, { protocol: 'https:', ca: tls.cert });
    const request = send(agent);
    first.end();
    await request.response;
    const socket = await connected(connector(pool));
    assert.notEqual(socket.localPort, request.socket.localPort);
    socket.destroy();
  });
});

describe('undici, by a connector', () => {
  let undici;

  before(function () {
    try {
      undici = require('undici');
    } catch {
      skip(this, 'no undici that runs on this runtime');
    }
  });

  function dispatcher(pool, options, of = {}) {
    const agent = new undici.Agent({ connect: connector(pool, options), ...of });
    cleanup(() => agent.destroy());
    return agent;
  }

  it('sends its requests over the pool, and keeps the connections (row 71)', async () => {
    const used = new Set();
    const server = await webServer((request, response) => {
      used.add(request.socket);
      request.pipe(response);
    });
    const pool = makePool({ size: 2, servers: { a: server.address } });
    await full(pool);
    const agent = dispatcher(pool, undefined, { connections: 2 });
    const bodies = Array.from({ length: 20 }, (_, n) => `body ${n}`);
    const echoed = await Promise.all(
      bodies.map(async (body) => {
        const response = await undici.request('http://slot.test/', { method: 'POST', body, dispatcher: agent });
        return response.body.text();
      }),
    );
    assert.deepEqual(echoed, bodies);
    assert.deepEqual([used.size, pool.lent], [2, 2]);
    await agent.close();
    await until(() => pool.lent === 0);
  });

  it('works with fetch() (row 71)', async () => {
    const pool = makePool({ size: 1, servers: { a: (await webServer()).address } });
    const response = await undici.fetch('http://slot.test/', { dispatcher: dispatcher(pool) });
    assert.equal(await response.text(), 'hello');
  });

  it('checks the name of https behind the slot (row 71)', async function () {
    const tls = makeCertificate(this);
    const pool = makePool({ size: 2, servers: { a: (await webServer(undefined, { tls })).address } });
    const agent = dispatcher(pool, { ca: tls.cert });
    const response = await undici.request('https://slot.test/', { dispatcher: agent });
    assert.equal(await response.body.text(), 'hello');
    await assert.rejects(undici.request('https://wrong.test/', { dispatcher: agent }), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
  });

  it('goes on with another connection when one has died (row 71)', async () => {
    const server = await webServer();
    const pool = makePool({ size: 1, servers: { a: server.address } });
    const agent = dispatcher(pool);
    for (let n = 0; n < 3; n++) {
      const response = await undici.request('http://slot.test/', { dispatcher: agent });
      assert.equal(await response.body.text(), 'hello');
      const dropped = once(pool, 'drop');
      (await server.nextSocket()).destroy();
      await dropped;
    }
  });
});
