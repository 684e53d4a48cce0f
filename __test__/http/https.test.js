'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');

const { makeCertificate } = require('../helpers/certificate.js');
const { full, makePool } = require('../helpers/pool.js');
const { slotServer } = require('../helpers/slot-server.js');
const { until } = require('../helpers/wait.js');
const { makeAgent, send, webServer } = require('../helpers/web-server.js');

describe('a RoverAgent with https', () => {
  /** @type {{ key: Buffer, cert: Buffer }} For `slot.test`. */
  let tls;

  before(function () {
    tls = makeCertificate(this);
  });

  const secureAgent = (pool, options) => makeAgent(pool, { protocol: 'https:', ca: tls.cert, ...options });

  it('checks the name behind the slot, and keeps the connection (row 71)', async () => {
    const server = await webServer(undefined, { tls });
    let handshakes = 0;
    server.web.on('secureConnection', () => handshakes++);
    const pool = makePool({ size: 1, servers: { a: server.address } });
    const agent = secureAgent(pool);
    const requests = [];
    for (let n = 0; n < 3; n++) {
      requests.push(send(agent));
      assert.equal((await requests[n].response).text, 'hello');
    }
    assert.equal(handshakes, 1);
    assert.deepEqual(requests.map(({ reusedSocket }) => reusedSocket), [false, true, true]);
    assert.ok(requests[0].socket.encrypted && requests[0].socket.authorized);
    await until(() => pool.lent === 0);
  });

  for (const [what, options, code] of [
    ['another name', { host: 'wrong.test' }, 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['an address', { host: '127.0.0.1' }, 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['another name in the header', { headers: { Host: 'wrong.test:443' } }, 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['another name that is asked for', { servername: 'wrong.test' }, 'ERR_TLS_CERT_ALTNAME_INVALID'],
  ]) {
    it(`refuses a certificate of ${what}, before a byte of the request was sent (row 71)`, async () => {
      const server = await webServer(() => assert.fail('requested'), { tls });
      const pool = makePool({ size: 1, servers: { a: server.address } });
      const request = send(secureAgent(pool), options);
      await assert.rejects(request.response, { code });
      assert.deepEqual([request.reusedSocket, request.socket, pool.lent], [false, null, 0]);
    });
  }

  it('refuses a certificate that nobody vouches for (row 71)', async () => {
    const server = await webServer(undefined, { tls });
    const pool = makePool({ size: 1, servers: { a: server.address } });
    await assert.rejects(send(secureAgent(pool, { ca: undefined })).response, { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
  });

  it('tells of a server that hangs up during the handshake, and rests it (row 71)', async () => {
    const server = await slotServer({ then: (socket) => socket.once('data', () => socket.destroy()) });
    const pool = makePool({ size: 1, servers: { a: server.address, b: server.address } });
    const rests = [];
    pool.rover.rest = (id, ms) => rests.push(ms);
    const request = send(secureAgent(pool));
    await assert.rejects(request.response, { code: 'ECONNRESET' });
    assert.deepEqual(rests, [1000]);
    assert.equal(request.socket, null);
  });

  it('gives up a handshake whose request is aborted (row 71)', async () => {
    const server = await slotServer({ then: (socket) => socket.resume() });
    const pool = makePool({ size: 1, servers: { a: server.address } });
    await full(pool);
    const request = send(secureAgent(pool));
    assert.equal(pool.lent, 1);
    request.destroy(new Error('enough'));
    await assert.rejects(request.response, { message: 'enough' });
    await server.nextClosed();
    assert.equal(pool.lent, 0);
  });

  for (const isShared of [true, false]) {
    it(`ends handshakes by destroy(), with a pool ${isShared ? 'that others use' : 'of its own'} (row 71)`, async () => {
      const server = await slotServer({ then: (socket) => socket.resume() });
      const options = { size: 1, servers: { a: server.address, b: server.address } };
      const pool = makePool(options);
      const agent = secureAgent(isShared ? pool : options);
      agent.pool.rover.rest = () => assert.fail('rested');
      await full(agent.pool);
      const request = send(agent);
      assert.equal(agent.pool.lent, 1);
      agent.destroy();
      await assert.rejects(request.response, { code: 'ECONNRESET', message: 'socket hang up' });
      assert.equal(agent.pool.lent, 0);
      assert.deepEqual([request.socket, { ...agent.requests }], [null, {}]);
      if (!isShared) return;
      // It is of use to others.
      await full(pool);
      const next = send(agent);
      assert.equal(pool.lent, 1);
      next.destroy();
    });
  }

  it('does not give a request a connection whose server has ended TLS (row 71)', async () => {
    const server = await webServer(undefined, { tls, greeting: (n) => `${n}\r\n` });
    const pool = makePool({ size: 2, servers: { a: server.address } });
    await full(pool);
    const agent = secureAgent(pool);
    const first = send(agent);
    const [peer] = await once(server.web, 'secureConnection');
    await first.response;
    peer.end();
    await once(first.socket, 'end');
    const second = send(agent);
    assert.equal((await second.response).text, 'hello');
    assert.notEqual(second.socket, first.socket);
  });

  it('lets an idle connection go for a better one (row 71)', async () => {
    let slot = 9;
    const server = await webServer(undefined, { tls, greeting: () => `${slot}\r\n` });
    const pool = makePool({ size: 1, ROVING_INTERVAL: 10, servers: { a: server.address } });
    const agent = secureAgent(pool);
    const first = send(agent);
    await first.response;
    slot = 1;
    await once(pool, 'keep');
    const second = send(agent);
    assert.equal((await second.response).text, 'hello');
    await until(() => first.socket.closed);
    assert.notEqual(second.socket, first.socket);
  });

  it('keeps its connections apart from those of plain HTTP in the same pool (row 71)', async () => {
    const plain = await webServer((request, response) => response.end('plain'));
    const secure = await webServer((request, response) => response.end('secure'), { tls });
    const both = await slotServer({
      then: (socket) =>
        socket.once('readable', () => {
          const first = socket.read();
          if (first === null) return;
          socket.unshift(first);
          (first[0] === 22 ? secure : plain).web.emit('connection', socket);
        }),
    });
    const pool = makePool({ size: 1, servers: { a: both.address } });
    const agents = [secureAgent(pool), makeAgent(pool)];
    for (const text of ['secure', 'plain', 'secure']) {
      assert.equal((await send(agents[text === 'secure' ? 0 : 1]).response).text, text);
      await until(() => pool.lent === 0);
    }
  });
});
