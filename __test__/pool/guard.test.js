'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');

const { full, makePool } = require('../helpers/pool.js');
const { makeRover } = require('../helpers/rover.js');
const { slotServer } = require('../helpers/slot-server.js');
const { until } = require('../helpers/wait.js');

/** A rover that writes down how long servers are rested. */
function recordingRover(servers) {
  const rover = makeRover({ ROVING_INTERVAL: 5, servers });
  const rests = [];
  const { rest } = rover;
  rover.rest = (id, ms) => {
    rests.push([id, ms]);
    rest.call(rover, id, ms);
  };
  return { rover, rests };
}

const healthy = () => slotServer({ greeting: '5\r\n' });
/** It gives the best slot of all, and dies, once that has arrived. */
const sick = () => slotServer({ greeting: '0\r\n', then: die });
const die = (socket) => void setTimeout(() => socket.destroy(), 5);

describe('a server whose connections die young', () => {
  it('rests for a second, and then for two (row 55)', async () => {
    const servers = { sick: (await sick()).address, well: (await healthy()).address };
    const { rover, rests } = recordingRover(servers);
    makePool(rover, { size: 2 });
    await until(() => rests.length === 2);
    assert.deepEqual(rests, [['sick', 1000], ['sick', 2000]]);
  });

  it('gets one probe when its rest is over, and is trusted when that has outlived the probation (row 55)', async () => {
    let isSick = true;
    const server = await slotServer({ greeting: '0\r\n', then: (socket) => (isSick ? die(socket) : socket.resume()) });
    const servers = { sick: server.address, well: (await healthy()).address };
    const { rover, rests } = recordingRover(servers);
    const pool = makePool(rover, { size: 3, probation: 300 });
    await until(() => rests.length === 1);
    isSick = false;
    const kept = [];
    pool.on('keep', (slot, socket, id) => id === 'sick' && kept.push(performance.now()));
    await until(() => kept.length === 3);
    // The roving, at 5 ms, had picked it some thirty times meanwhile.
    assert.ok(kept[1] - kept[0] > 290, `${kept}`);
    assert.equal(rests.length, 1);
    // From the beginning again.
    isSick = true;
    for (const socket of pool.sockets) socket.destroy();
    await until(() => rests.length === 2);
    assert.deepEqual(rests[1], ['sick', 1000]);
  });

  it('does not rest where more than half of the table would (row 55)', async () => {
    const servers = { alone: (await sick()).address };
    const { rover, rests } = recordingRover(servers);
    const pool = makePool(rover, { size: 1 });
    for (let n = 0; n < 5; n++) await once(pool, 'drop');
    assert.deepEqual(rests, []);
    rover.addServer('well', (await healthy()).address);
    rover.addServer('sick too', (await sick()).address);
    await until(() => rests.length === 1);
    await full(pool);
    assert.equal(new Set(rests.map(([id]) => id)).size, 1);
  });

  it('does not rest where they were of use before (row 55)', async () => {
    const server = await slotServer();
    const { rover, rests } = recordingRover({ a: server.address, b: server.address });
    const pool = makePool(rover, { size: 1 });
    const lease = await pool.acquire();
    lease.release();
    (await server.nextSocket()).destroy();
    await once(pool, 'drop');
    assert.deepEqual(rests, []);
  });

  it('does not rest where they were older than the probation (row 55)', async () => {
    const server = await slotServer();
    const { rover, rests } = recordingRover({ a: server.address, b: server.address });
    const pool = makePool(rover, { size: 1, probation: 20 });
    await full(pool);
    const peer = await server.nextSocket();
    setTimeout(() => peer.destroy(), 30);
    await once(pool, 'drop');
    assert.deepEqual(rests, []);
  });

  it('rests where they die in use (row 55)', async () => {
    const server = await slotServer();
    const { rover, rests } = recordingRover({ a: server.address, b: server.address });
    const pool = makePool(rover, { size: 1 });
    const lease = await pool.acquire();
    (await server.nextSocket()).resetAndDestroy();
    await once(pool, 'drop');
    assert.deepEqual(rests, [[lease.id, 1000]]);
  });

  it('does not rest where the app has closed them, unless it says that the server is to blame (row 55)', async () => {
    const server = await slotServer();
    const { rover, rests } = recordingRover({ a: server.address, b: server.address });
    const pool = makePool(rover, { size: 1 });
    (await pool.acquire()).destroy();
    const lease = await pool.acquire();
    assert.deepEqual(rests, []);
    lease.destroy(new Error('it speaks another language'));
    assert.deepEqual(rests, [[lease.id, 1000]]);
  });

  it('starts afresh when it is replaced (row 55)', async () => {
    const server = await slotServer({ greeting: '0\r\n' });
    const servers = { a: (await sick()).address, b: (await healthy()).address };
    const { rover, rests } = recordingRover(servers);
    const pool = makePool(rover, { size: 1 });
    await until(() => rests.length === 1);
    await full(pool);
    const began = performance.now();
    rover.addServer('a', server.address);
    while (pool.sockets[0]?.remotePort !== server.port) await once(pool, 'keep');
    assert.ok(performance.now() - began < 700, 'before its rest is over');
    assert.equal(rests.length, 1);
  });
});
