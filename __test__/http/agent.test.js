'use strict';

const assert = require('node:assert/strict');
const { AsyncLocalStorage } = require('node:async_hooks');
const { once } = require('node:events');
const http = require('node:http');
const { setImmediate: turn } = require('node:timers/promises');

const { full, makePool } = require('../helpers/pool.js');
const { listening, refusedAddress, slotServer } = require('../helpers/slot-server.js');
const { until } = require('../helpers/wait.js');
const { RoverAgent, makeAgent, send, webServer } = require('../helpers/web-server.js');

/** A server that answers when it is told to: `answers` has a function for each request that waits. */
async function slowServer(options) {
  const answers = [];
  const server = await webServer((request, response) => answers.push(() => response.end('slow')), options);
  return { answers, server };
}

describe('new RoverAgent()', () => {
  it('is an http.Agent whose connections are those of a pool (row 71)', async () => {
    const server = await webServer();
    const pool = makePool({ size: 2, servers: { a: server.address } });
    const agent = makeAgent(pool);
    assert.ok(agent instanceof http.Agent);
    assert.equal(agent.pool, pool);
    const request = send(agent);
    assert.deepEqual(await request.response, { text: 'hello', statusCode: 200 });
    assert.ok(pool.sockets.some(({ localPort }) => localPort === request.socket.localPort));
    assert.deepEqual([pool.lent, agent.sockets, agent.requests, agent.freeSockets].map((one) => ({ ...one })), [{}, {}, {}, {}]);
  });

  it('makes a pool of its own, which destroy() closes (row 71)', async () => {
    const server = await webServer();
    const agent = makeAgent({ size: 3, servers: { a: server.address } });
    await send(agent).response;
    assert.equal(agent.pool.size, 3);
    const { pool } = agent;
    agent.destroy();
    await pool.close();
    assert.deepEqual(pool.sockets, []);
  });

  it('leaves the pool of somebody else alone in destroy() (row 71)', async () => {
    const server = await webServer();
    const pool = makePool({ size: 1, servers: { a: server.address } });
    makeAgent(pool).destroy();
    const { text } = await send(makeAgent(pool)).response;
    assert.equal(text, 'hello');
  });

  it('throws for another protocol than HTTP (row 71)', () => {
    assert.throws(() => new RoverAgent({}, { protocol: 'ftp:' }), /^TypeError: protocol must be/);
  });

  it('throws for a timeout that no timer takes (row 71)', () => {
    assert.throws(() => new RoverAgent({}, { timeout: Infinity }), /^RangeError: timeout must be/);
  });
});

describe('a request', () => {
  it('borrows the connection with the lowest slot, and gives it back (row 71)', async () => {
    const server = await webServer(undefined, await serverOptions([5, 2, 9]));
    const pool = makePool({ size: 3, servers: { a: server.address } });
    await full(pool);
    const agent = makeAgent(pool);
    const requests = [];
    for (let n = 0; n < 3; n++) {
      requests.push(send(agent));
      await requests[n].response;
      await until(() => pool.lent === 0);
    }
    assert.deepEqual(requests.map(({ socket }) => socket), Array(3).fill(pool.sockets[0]));
    assert.deepEqual(requests.map(({ reusedSocket }) => reusedSocket), [false, true, true]);
  });

  it('waits for a connection to come (row 71)', async () => {
    const agent = makeAgent({ size: 1 });
    const request = send(agent);
    await turn();
    assert.equal(Object.values(agent.requests).flat().length, 1);
    agent.pool.rover.addServer('late', (await webServer()).address);
    assert.equal((await request.response).text, 'hello');
    assert.deepEqual({ ...agent.requests }, {});
  });

  it('waits where all connections are lent, in order, with no limit of sockets (row 71)', async () => {
    const { answers, server } = await slowServer();
    const pool = makePool({ size: 2, servers: { a: server.address } });
    await full(pool);
    const agent = makeAgent(pool);
    const done = [];
    const requests = [0, 1, 2, 3, 4].map((n) => send(agent, { path: `/${n}` }));
    for (const [n, { response }] of requests.entries()) response.then(() => done.push(n));
    for (let n = 0; n < 5; n++) {
      await until(() => answers.length > 0);
      await turn();
      assert.ok(answers.length <= 2);
      answers.shift()();
      await until(() => done.length === n + 1);
    }
    assert.deepEqual(done, [0, 1, 2, 3, 4]);
    // Two at a time. A better slot that came meanwhile may have taken the place of one of them.
    assert.ok(new Set(requests.map(({ socket }) => socket)).size <= 3);
  });

  it('waits where maxSockets are in use, though the pool has more (row 71)', async () => {
    const { answers, server } = await slowServer();
    const pool = makePool({ size: 4, servers: { a: server.address } });
    await full(pool);
    const agent = makeAgent(pool, { maxSockets: 2 });
    const responses = [0, 1, 2, 3].map(() => send(agent).response);
    await until(() => answers.length === 2);
    assert.deepEqual([pool.lent, Object.values(agent.sockets)[0].length, Object.values(agent.requests)[0].length], [2, 2, 2]);
    answers.shift()();
    await until(() => answers.length === 2);
    assert.equal(pool.lent, 2);
    while (answers.length > 0) {
      answers.shift()();
      await turn();
      if (answers.length === 0) await Promise.race([Promise.all(responses), until(() => answers.length > 0)]);
    }
    await Promise.all(responses);
  });

  it('waits where maxTotalSockets are in use, whatever the host (row 71)', async () => {
    const { answers, server } = await slowServer();
    const pool = makePool({ size: 4, servers: { a: server.address } });
    await full(pool);
    const agent = makeAgent(pool, { maxTotalSockets: 1 });
    const [one, other] = [send(agent, { host: 'one.test' }), send(agent, { host: 'other.test' })];
    await until(() => answers.length === 1);
    await turn();
    assert.equal(pool.lent, 1);
    answers.shift()();
    await one.response;
    await until(() => answers.length === 1);
    answers.shift()();
    await other.response;
  });

  it('has the async context of whoever made it, where it had to wait, too (row 71)', async () => {
    const { answers, server } = await slowServer();
    const pool = makePool({ size: 1, servers: { a: server.address } });
    await full(pool);
    const agent = makeAgent(pool);
    const storage = new AsyncLocalStorage();
    const names = ['first', 'second', 'third'];
    const seen = names.map((name) =>
      storage.run(name, () => {
        const request = send(agent);
        const storeAt = (event) => new Promise((resolve) => request.on(event, () => resolve(storage.getStore())));
        return Promise.all([storeAt('socket'), storeAt('response')]);
      }),
    );
    for (let n = 0; n < 3; n++) {
      await until(() => answers.length > 0);
      answers.shift()();
    }
    assert.deepEqual(await Promise.all(seen), names.map((name) => [name, name]));
  });

  it('fails where the pool is closed, before it has a socket (row 71)', async () => {
    const agent = makeAgent({ servers: { a: await refusedAddress() } });
    const request = send(agent);
    await agent.pool.close();
    await assert.rejects(request.response, { code: 'ERR_CALLOSUM_POOL_CLOSED' });
    assert.deepEqual([request.reusedSocket, request.socket], [false, null]);
  });
});

describe('an aborted request', () => {
  it('that waits for a connection is told so soon, and takes no turn (row 71)', async () => {
    const { answers, server } = await slowServer();
    const pool = makePool({ size: 1, servers: { a: server.address } });
    await full(pool);
    const agent = makeAgent(pool);
    const requests = ['/first', '/aborted', '/last'].map((path) => send(agent, { path }));
    requests[1].destroy(new Error('enough'));
    await assert.rejects(requests[1].response, { message: 'enough' });
    assert.equal(Object.values(agent.requests)[0].length, 1);
    for (const request of [requests[0], requests[2]]) {
      await until(() => answers.length === 1);
      answers.shift()();
      await request.response;
    }
    assert.equal(requests[0].socket, requests[2].socket);
    assert.equal(requests[1].socket, null);
    await until(() => pool.lent === 0);
  });

  it('is so by a signal, too (row 71)', async () => {
    const agent = makeAgent({ size: 1 });
    const request = send(agent, { signal: AbortSignal.timeout(10) });
    await assert.rejects(request.response, { name: 'AbortError' });
  });

  it('in the same turn gives its connection back unused (row 71)', async () => {
    const server = await webServer();
    const pool = makePool({ size: 1, servers: { a: server.address } });
    await full(pool);
    const [socket] = pool.sockets;
    const agent = makeAgent(pool);
    const aborted = send(agent);
    aborted.destroy();
    await assert.rejects(aborted.response, { code: 'ECONNRESET' });
    const request = send(agent);
    assert.equal((await request.response).text, 'hello');
    assert.equal(request.socket, socket);
  });

  it('in flight closes its connection, for which the server is not to blame (row 71)', async () => {
    const { answers, server } = await slowServer();
    const pool = makePool({ size: 1, servers: { a: server.address, b: server.address } });
    await full(pool);
    pool.rover.rest = () => assert.fail('rested');
    const request = send(makeAgent(pool));
    await until(() => answers.length === 1);
    request.destroy();
    await once(pool, 'drop');
    await full(pool);
    await assert.rejects(request.response, { code: 'ECONNRESET' });
  });
});

describe('the timeout of a request', () => {
  for (const [name, options] of Object.entries({ 'its own': { request: { timeout: 20 } }, "the agent's": { agent: { timeout: 20 } } })) {
    it(`tells of one that waits for a connection, ${name} (row 71)`, async () => {
      const agent = makeAgent({ size: 1 }, options.agent);
      const request = send(agent, options.request);
      await once(request, 'timeout');
      request.destroy();
      await assert.rejects(request.response, { code: 'ECONNRESET' });
    });

    it(`tells of one that waits for its answer, ${name}, and of no later one (row 71)`, async () => {
      const { answers, server } = await slowServer();
      const pool = makePool({ size: 1, servers: { a: server.address } });
      await full(pool);
      const agent = makeAgent(pool, options.agent);
      const request = send(agent, options.request);
      await once(request, 'timeout');
      answers.shift()();
      await request.response;
      await until(() => pool.lent === 0);
      assert.equal(pool.sockets[0].timeout, 0);
    });
  }
});

describe('keep-alive', () => {
  it('keeps a request from a connection that the server has closed (row 71)', async () => {
    const server = await webServer(undefined, { greeting: (n) => `${n}\r\n` });
    const pool = makePool({ size: 2, servers: { a: server.address } });
    await full(pool);
    const agent = makeAgent(pool);
    await send(agent).response;
    await until(() => pool.lent === 0);
    const [idle] = pool.sockets;
    const peer = await server.nextSocket();
    assert.equal(peer.remotePort, idle.localPort);
    peer.end();
    await once(idle, 'end');
    const request = send(agent);
    assert.equal((await request.response).text, 'hello');
    assert.notEqual(request.socket, idle);
  });

  for (const [isReused, requestsBefore] of [[false, 0], [true, 1]]) {
    it(`tells of a server that closes as the request is written, on a ${isReused ? 'used' : 'fresh'} connection (row 71)`, async () => {
      let count = 0;
      const server = await webServer((request, response) => {
        if (count++ === requestsBefore) request.socket.destroy();
        else response.end();
      });
      const pool = makePool({ size: 1, servers: { a: server.address } });
      await full(pool);
      const agent = makeAgent(pool);
      for (let n = 0; n < requestsBefore; n++) await send(agent).response;
      await until(() => pool.lent === 0);
      const request = send(agent);
      await assert.rejects(request.response, { code: 'ECONNRESET' });
      assert.equal(request.reusedSocket, isReused);
      // What an app does that may repeat the request.
      assert.equal((await send(agent).response).statusCode, 200);
    });
  }

  it('does not outlast what the server has promised (row 71)', async () => {
    const server = await webServer((request, response) => {
      response.setHeader('Keep-Alive', `timeout=${request.url.slice(1)}`);
      response.end();
    });
    const pool = makePool({ size: 1, servers: { a: server.address } });
    await full(pool);
    const agent = makeAgent(pool);
    const sockets = [];
    for (const path of ['/30', '/2', '/1']) {
      const request = send(agent, { path });
      await request.response;
      sockets.push(request.socket);
      await until(() => pool.lent === 0);
      if (path === '/30') assert.equal(request.socket.timeout, 29_000);
      // A second before its time.
      if (path === '/2') await once(pool, 'drop');
    }
    assert.equal(sockets[0], sockets[1]);
    assert.notEqual(sockets[1], sockets[2]);
    await until(() => sockets[2].closed);
  });

  for (const [what, interfere] of Object.entries({
    // The agent gets the connection, and finds nobody.
    'a request that waited for it was aborted': async (agent, { answers }) => {
      const request = send(agent, { path: '/2' });
      await until(() => answers.length === 1);
      const aborted = send(agent);
      aborted.destroy();
      await until(() => Object.keys(agent.requests).length === 0);
      answers.shift()();
      await request.response;
    },
    'a request was aborted as it got it': async (agent, { answers }) => {
      const request = send(agent, { path: '/2' });
      await until(() => answers.length === 1);
      answers.shift()();
      await request.response;
      await until(() => agent.pool.lent === 0);
      send(agent).destroy();
    },
  })) {
    it(`does not outlast that where ${what} (row 71)`, async () => {
      const answers = [];
      const server = await webServer((request, response) => {
        response.setHeader('Keep-Alive', `timeout=${request.url.slice(1)}`);
        answers.push(() => response.end());
      });
      const pool = makePool({ size: 1, servers: { a: server.address } });
      await full(pool);
      const [socket] = pool.sockets;
      await interfere(makeAgent(pool), { answers });
      await until(() => pool.lent === 0);
      assert.ok(socket.timeout > 0 && socket.timeout <= 1000, `${socket.timeout}`);
      // A second before its time.
      const began = performance.now();
      await once(pool, 'drop');
      assert.ok(performance.now() - began < 1500);
      assert.ok(socket.destroyed);
    });
  }

  it('is not believed in where somebody else had the connection until then (row 71)', async () => {
    const server = await webServer((request, response) => response.setHeader('Keep-Alive', 'timeout=2').end('hello'));
    const pool = makePool({ size: 1, servers: { a: server.address } });
    const agent = makeAgent(pool);
    const first = send(agent);
    await first.response;
    const lease = await pool.acquire();
    await new Promise((resolve) => setTimeout(resolve, 1100));
    lease.release();
    const second = send(agent);
    await second.response;
    assert.notEqual(second.socket, first.socket);
  });

  it('is for ever where the server promises more than a timer takes (row 71)', async () => {
    const server = await webServer((request, response) => response.setHeader('Keep-Alive', `timeout=${request.url.slice(1)}`).end());
    const pool = makePool({ size: 1, servers: { a: server.address } });
    const agent = makeAgent(pool);
    for (const [seconds, timeout] of [['9'.repeat(8), 2 ** 31 - 1], ['9'.repeat(400), 0]]) {
      const request = send(agent, { path: `/${seconds}` });
      await request.response;
      await until(() => pool.lent === 0);
      assert.equal(request.socket.timeout, timeout);
    }
  });

  it('ends where the server says so, for which it is not to blame (row 71)', async () => {
    const server = await webServer((request, response) => response.setHeader('Connection', 'close').end());
    const pool = makePool({ size: 1, servers: { a: server.address, b: server.address } });
    await full(pool);
    pool.rover.rest = () => assert.fail('rested');
    const agent = makeAgent(pool);
    const sockets = [];
    for (let n = 0; n < 3; n++) {
      const request = send(agent);
      await request.response;
      sockets.push(request.socket);
    }
    assert.equal(new Set(sockets).size, 3);
  });

  it('ends where the server says so and leaves the connection open (row 71)', async () => {
    const answer = 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok';
    const server = await slotServer({ then: (socket) => socket.on('data', () => socket.write(answer)) });
    const pool = makePool({ size: 1, servers: { a: server.address } });
    const request = send(makeAgent(pool));
    assert.equal((await request.response).text, 'ok');
    await until(() => request.socket.closed);
  });

  for (const [what, isComplete] of [['all of an answer that nobody has read yet', true], ['half of an answer', false]]) {
    it(`ends behind ${what}, for which the server is ${isComplete ? 'not ' : ''}to blame (row 71)`, async () => {
      const server = await webServer((request, response) => {
        response.writeHead(200, { 'Connection': 'close', 'Content-Length': 4 });
        if (isComplete) response.end('done');
        else response.write('ha', () => request.socket.destroy());
      });
      const pool = makePool({ size: 1, servers: { a: server.address, b: server.address } });
      await full(pool);
      const rests = [];
      pool.rover.rest = (id, ms) => rests.push(ms);
      const dropped = once(pool, 'drop');
      const request = http.get({ agent: makeAgent(pool) });
      const [response] = await once(request, 'response');
      response.on('error', () => {});
      await dropped;
      assert.deepEqual(rests, isComplete ? [] : [1000]);
      response.resume();
    });
  }

  it('can be turned off (row 71)', async () => {
    const seen = [];
    const server = await webServer((request, response) => {
      seen.push(request.headers.connection);
      response.end();
    });
    const pool = makePool({ size: 1, servers: { a: server.address } });
    await full(pool);
    const request = send(makeAgent(pool, { keepAlive: false }));
    await request.response;
    await until(() => request.socket.closed);
    assert.deepEqual(seen, ['close']);
  });

  it('that is turned off ends behind the last request that waits, where maxSockets is finite (row 71)', async () => {
    const { answers, server } = await slowServer();
    const pool = makePool({ size: 2, servers: { a: server.address, b: server.address } });
    await full(pool);
    pool.rover.rest = () => assert.fail('rested');
    const requests = [];
    const agent = makeAgent(pool, { keepAlive: false, maxSockets: 1 });
    for (let n = 0; n < 3; n++) requests.push(send(agent));
    for (const request of requests) {
      await until(() => answers.length === 1);
      answers.shift()();
      await request.response;
    }
    assert.equal(new Set(requests.map(({ socket }) => socket)).size, 1);
    await until(() => requests[0].socket.closed);
    assert.deepEqual([pool.lent, { ...agent.sockets }], [0, {}]);
    // As of http.Agent, beside it.
    const theirs = new http.Agent({ keepAlive: false, maxSockets: 1 });
    const web = await listening(http.createServer((request, response) => response.end()));
    const request = send(theirs, { host: '127.0.0.1', port: web.address().port });
    await request.response;
    await until(() => request.socket.closed);
  });

  it('that is turned off gives back what was not used, and what the pool wants to be rid of (row 71)', async () => {
    const slots = [9];
    const { answers, server } = await slowServer(await serverOptions(slots));
    const pool = makePool({ size: 1, ROVING_INTERVAL: 10, servers: { a: server.address } });
    await full(pool);
    const [socket] = pool.sockets;
    const agent = makeAgent(pool, { keepAlive: false, maxSockets: 1 });
    send(agent).destroy();
    await until(() => pool.lent === 0);
    const requests = [send(agent), send(agent)];
    await until(() => answers.length === 1);
    slots[0] = 1;
    await once(pool, 'keep');
    answers.shift()();
    await until(() => answers.length === 1);
    assert.deepEqual(requests.map((request) => request.socket === socket), [true, false]);
    answers.shift()();
    await requests[1].response;
  });

  it('does not take bytes that nobody asked for as an answer (row 71)', async () => {
    const server = await webServer();
    const pool = makePool({ size: 1, servers: { a: server.address } });
    const agent = makeAgent(pool);
    await send(agent).response;
    await until(() => pool.lent === 0);
    const dropped = once(pool, 'drop');
    (await server.nextSocket()).write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil');
    await dropped;
    assert.equal((await send(agent).response).text, 'hello');
  });

  it('lets go of a connection that the pool has a better one for (row 71)', async () => {
    const slots = [9];
    const { answers, server } = await slowServer(await serverOptions(slots));
    const pool = makePool({ size: 1, ROVING_INTERVAL: 10, servers: { a: server.address } });
    await full(pool);
    const agent = makeAgent(pool, { maxSockets: 1 });
    const requests = [send(agent), send(agent)];
    await until(() => answers.length === 1);
    slots[0] = 1;
    await once(pool, 'keep');
    answers.shift()();
    await requests[0].response;
    await until(() => answers.length === 1);
    answers.shift()();
    await requests[1].response;
    await until(() => requests[0].socket.closed);
    assert.deepEqual(pool.sockets, [requests[1].socket]);
  });
});

describe('a connection that the app takes over', () => {
  it('by an upgrade stays lent until it is closed (row 71)', async () => {
    const server = await webServer();
    server.web.on('upgrade', (request, socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n');
      socket.pipe(socket);
    });
    const pool = makePool({ size: 1, servers: { a: server.address } });
    await full(pool);
    const agent = makeAgent(pool);
    const request = send(agent, { headers: { Connection: 'Upgrade', Upgrade: 'echo' } });
    const [, socket] = await once(request, 'upgrade');
    assert.deepEqual([pool.lent, { ...agent.sockets }], [1, {}]);
    const waiting = send(agent);
    socket.write('ping');
    assert.equal(`${await once(socket, 'data')}`, 'ping');
    socket.end();
    assert.equal((await waiting.response).text, 'hello');
    assert.notEqual(waiting.socket, socket);
  });

  it('in the middle of a request stays open behind the response (row 71)', async () => {
    const { answers, server } = await slowServer();
    const pool = makePool({ size: 1, servers: { a: server.address } });
    const agent = makeAgent(pool, { maxSockets: 1 });
    const request = send(agent);
    await until(() => answers.length === 1);
    request.socket.emit('agentRemove');
    assert.deepEqual({ ...agent.sockets }, {});
    answers.shift()();
    await request.response;
    await turn();
    assert.deepEqual([pool.lent, request.socket.destroyed], [1, false]);
    const waiting = send(agent);
    request.socket.destroy();
    await until(() => answers.length === 1);
    answers.shift()();
    await waiting.response;
  });

  it('by CONNECT is the raw connection (row 71)', async () => {
    const server = await webServer();
    server.web.on('connect', (request, socket) => socket.end(`HTTP/1.1 200 OK\r\n\r\n${request.url}`));
    const pool = makePool({ size: 1, servers: { a: server.address } });
    const request = send(makeAgent(pool), { method: 'CONNECT', path: 'else.test:443' });
    const [response, socket, head] = await once(request, 'connect');
    assert.equal(response.statusCode, 200);
    let text = `${head}`;
    socket.on('data', (data) => (text += data));
    await once(socket, 'close');
    assert.equal(text, 'else.test:443');
    assert.equal(pool.lent, 0);
  });
});

it('a RoverAgent shares its pool with others (row 71)', async () => {
  const server = await webServer();
  const pool = makePool({ size: 1, servers: { a: server.address } });
  const [one, other] = [makeAgent(pool), makeAgent(pool)];
  const lease = await pool.acquire();
  const requests = [send(one), send(other)];
  lease.release();
  const responses = await Promise.all(requests.map(({ response }) => response));
  assert.deepEqual(responses.map(({ text }) => text), ['hello', 'hello']);
  assert.deepEqual(requests.map(({ socket }) => socket), [lease.socket, lease.socket]);
});

it('a RoverAgent leaves nothing behind on a connection that somebody else gets (row 71)', async () => {
  const server = await webServer();
  server.web.on('connect', (request, socket) => socket.write('HTTP/1.1 200 OK\r\n\r\n'));
  const pool = makePool({ size: 1, servers: { a: server.address } });
  await send(makeAgent(pool)).response;
  const lease = await pool.acquire();
  lease.socket.write('CONNECT / HTTP/1.1\r\nHost: slot.test\r\n\r\n');
  assert.match(`${await once(lease.socket, 'data')}`, /^HTTP\/1.1 200 OK/);
  assert.equal(lease.socket.destroyed, false);
});

it('a RoverAgent survives a server that does not speak HTTP (row 71)', async () => {
  const other = await slotServer({ greeting: '0\r\n', then: (socket) => socket.once('data', () => socket.end('not HTTP\r\n')) });
  const pool = makePool({ size: 1, servers: { a: other.address } });
  const agent = makeAgent(pool);
  await assert.rejects(send(agent).response, { code: /^HPE_/ });
  const server = await webServer();
  pool.rover.addServer('a', server.address);
  await once(pool, 'keep');
  assert.equal((await send(agent).response).text, 'hello');
});

/** Options of `webServer` for the slots of a list, which may be changed: see `serverGiving`. */
function serverOptions(slots) {
  return { greeting: () => `${slots.length > 1 ? slots.shift() : slots[0]}\r\n` };
}
