'use strict';

const assert = require('node:assert/strict');
const diagnostics = require('node:diagnostics_channel');

const { printedBy, runInChild } = require('../helpers/child.js');
const { cleanup } = require('../helpers/cleanup.js');
const { recordAll } = require('../helpers/events.js');
const { makeRover, settle, track } = require('../helpers/rover.js');
const { closed, refusedAddress, slotServer } = require('../helpers/slot-server.js');
const { until } = require('../helpers/wait.js');

const NAMES = ['attempt', 'connection', 'rejected', 'unreachable', 'closed', 'error'];

/** Subscribes to channels until the end of the test: gives their messages, by the last part of the name. */
function subscribe(...names) {
  const messages = [];
  for (const name of names) {
    const channel = `callosum-client-tcp-rover:${name}`;
    const listener = (message, published) => {
      assert.equal(published, channel);
      messages.push([name, message]);
    };
    diagnostics.subscribe(channel, listener);
    cleanup(() => diagnostics.unsubscribe(channel, listener));
  }
  return messages;
}

/** Makes one attempt, and waits until it has ended. */
async function connect(rover) {
  rover.connect();
  await until(() => rover.stats().pending === 0);
}

describe('the channel callosum-client-tcp-rover', () => {
  it(':connection tells slot and socket, before the event does (row 47)', async () => {
    const { address } = await slotServer();
    const messages = subscribe(...NAMES);
    const rover = makeRover({ servers: { a: address } });
    let before;
    rover.on('connection', () => (before = messages.length));
    const log = recordAll(rover);
    await connect(rover);
    assert.deepEqual(messages.map(([name]) => name), ['attempt', 'connection']);
    assert.equal(before, 2);
    const [[, made], [, message]] = messages;
    assert.deepEqual(Object.keys(made), ['rover', 'id', 'server']);
    assert.deepEqual(Object.keys(message), ['rover', 'id', 'server', 'slot', 'socket']);
    assert.equal(message.rover, rover);
    assert.equal(message.server, address);
    assert.deepEqual([made.id, message.id, message.slot], ['a', 'a', 13]);
    assert.equal(message.socket, log[0][2]);
  });

  const FAILURES = {
    unreachable: refusedAddress,
    closed: async () => (await slotServer({ greeting: '', then: 'close' })).address,
    error: async () => (await slotServer({ greeting: 'foo\r\n' })).address,
  };

  for (const [name, start] of Object.entries(FAILURES)) {
    it(`:${name} tells the error of the event, once (row 47)`, async () => {
      const server = await start();
      const messages = subscribe(...NAMES);
      const rover = makeRover({ servers: { a: server } });
      const log = recordAll(rover);
      await connect(rover);
      assert.deepEqual(messages.map(([each]) => each), ['attempt', name]);
      const [, message] = messages[1];
      assert.deepEqual(Object.keys(message), ['rover', 'id', 'server', 'error']);
      assert.deepEqual([message.rover, message.id, message.server], [rover, 'a', server]);
      assert.equal(message.error, log.at(-1).at(-1));
    });
  }

  it(':error tells that there are no servers (rows 11 and 47)', async () => {
    const messages = subscribe(...NAMES);
    const rover = makeRover();
    rover.on('error', () => {});
    rover.connect();
    await rover.rove().catch(() => {});
    assert.deepEqual(
      messages.map(([name, { id, server, error }]) => [name, id, server, error.code]),
      Array(2).fill(['error', undefined, undefined, 'ERR_CALLOSUM_NO_SERVERS']),
    );
  });

  it('tells of a rove() what no event tells (rows 41 and 47)', async () => {
    const { address } = await slotServer();
    const messages = subscribe(...NAMES);
    const rover = makeRover({ servers: { a: address } });
    const { socket } = await rover.rove();
    assert.equal(messages[1][1].socket, track(socket));
    rover.MAX_SLOT = 12;
    await rover.rove().catch(() => {});
    assert.deepEqual(messages.map(([name]) => name), ['attempt', 'connection', 'attempt', 'rejected']);
  });

  it(':rejected tells each slot of a roving while somebody subscribes, and none afterwards (rows 29 and 47)', async () => {
    const { address } = await slotServer();
    const rover = makeRover({ ROVING_INTERVAL: 2, MAX_SLOT: 12, servers: { a: address } });
    const log = recordAll(rover);
    rover.start();
    await until(() => rover.stats().rejected > 5);
    const told = [];
    const name = 'callosum-client-tcp-rover:rejected';
    const listener = (message) => told.push(message);
    diagnostics.subscribe(name, listener);
    await until(() => told.length >= 5);
    assert.deepEqual(Object.keys(told[0]), ['rover', 'id', 'server', 'slot']);
    assert.deepEqual([told[0].rover, told[0].id, told[0].server, told[0].slot], [rover, 'a', address, 13]);
    diagnostics.unsubscribe(name, listener);
    const { rejected } = rover.stats();
    const before = told.length;
    await until(() => rover.stats().rejected > rejected + 5);
    assert.equal(told.length, before);
    assert.deepEqual(log, []);
  });

  it(':attempt tells each attempt of a roving once, before its outcome (row 47)', async () => {
    const messages = subscribe('attempt', 'unreachable');
    const rover = makeRover({ ROVING_INTERVAL: 2, servers: { a: await refusedAddress() } });
    recordAll(rover);
    rover.start();
    await until(() => rover.stats().unreachable > 5);
    clearInterval(rover.intervalId);
    await until(() => rover.stats().pending === 0);
    const names = messages.map(([name]) => name);
    assert.equal(names.length, 2 * rover.stats().attempts);
    assert.deepEqual(names, names.map((_, index) => (index % 2 === 0 ? 'attempt' : 'unreachable')));
  });

  it('is silent about what was abandoned (rows 30 and 47)', async () => {
    const { address } = await slotServer({ greeting: '' });
    const messages = subscribe(...NAMES);
    const rover = makeRover({ servers: { a: address } });
    rover.connect();
    rover.stop();
    // Has the context, and the server, of the one that was stopped.
    const other = makeRover({ servers: { b: await refusedAddress() } });
    recordAll(other);
    await connect(other);
    await settle();
    assert.deepEqual(
      messages.map(([name, { rover: whose, id }]) => [name, whose === other, id]).slice(0, 2),
      [['attempt', true, 'b'], ['unreachable', true, 'b']],
    );
  });

  it('lets a subscriber stop the rover: no event follows (rows 30 and 47)', async () => {
    const server = await slotServer();
    const rover = makeRover({ servers: { a: server.address } });
    const log = recordAll(rover);
    const listener = () => rover.stop();
    diagnostics.subscribe('callosum-client-tcp-rover:connection', listener);
    cleanup(() => diagnostics.unsubscribe('callosum-client-tcp-rover:connection', listener));
    rover.connect();
    await closed(await server.nextSocket());
    await settle();
    assert.deepEqual(log, []);
  });

  it('does not wake JavaScript for rejections where nobody subscribes (rows 29 and 47)', async () => {
    const { address } = await slotServer();
    const printed = await printedBy(async ({ ClientRover: Rover, print }, server) => {
      const { createHook } = require('node:async_hooks');
      const rover = new Rover({ ROVING_INTERVAL: 2, MAX_SLOT: 12, servers: { a: server } });
      rover.start();
      let entered = 0;
      const types = new Map();
      createHook({
        init: (id, type) => types.set(id, type),
        before: (id) => (entered += types.get(id) === undefined || types.get(id) === 'ClientRover' ? 1 : 0),
      }).enable();
      const turns = new Promise((resolve) => setTimeout(resolve, 300));
      await turns;
      print(rover.stats().rejected > 10, entered);
      rover.stop();
    }, address);
    assert.equal(printed[0][0], true);
    assert.ok(printed[0][1] <= 1, `${printed[0][1]} times`);
  });
});

describe('NODE_DEBUG=callosum', () => {
  const body = async ({ ClientRover: Rover }, servers) => {
    for (const [id, server] of Object.entries(servers)) {
      const rover = new Rover({ MAX_SLOT: 50, servers: { [id]: server } });
      await rover.rove().then(({ socket }) => socket.destroy(), () => {});
    }
    await new Rover().rove().catch(() => {});
    const roving = new Rover({ ROVING_INTERVAL: 1, MAX_SLOT: 50, servers: { roving: servers.busy } });
    roving.start();
    while (roving.stats().rejected < 1) await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    roving.stop();
  };

  const servers = async () => ({
    good: (await slotServer()).address,
    busy: (await slotServer({ greeting: '99\r\n' })).address,
    wrong: (await slotServer({ greeting: 'foo\r\n' })).address,
    full: (await slotServer({ greeting: '', then: 'close' })).address,
    refused: await refusedAddress(),
  });

  it('logs one line for each outcome (row 22)', async () => {
    const all = await servers();
    const { code, stderr } = await runInChild(body, all, { env: { NODE_DEBUG: 'callosum' } });
    const lines = stderr.trimEnd().split('\n').map((line) => line.replace(/^CALLOSUM \d+: /, ''));
    assert.equal(code, 0, stderr);
    assert.deepEqual(lines.slice(0, 7), [
      'connection good: slot 13',
      'rejected busy: slot 99',
      'error wrong: Invalid protocol',
      'closed full: The server closed the connection before it gave a slot',
      `unreachable refused: connect ECONNREFUSED 127.0.0.1:${all.refused.port}`,
      'error: No servers to contact',
      'rejected roving: slot 99',
    ]);
  });

  it('is quiet where it is not asked for', async () => {
    const { code, stderr } = await runInChild(body, await servers(), { env: { NODE_DEBUG: '' } });
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  });
});
