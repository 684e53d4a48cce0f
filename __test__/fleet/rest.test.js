'use strict';

const assert = require('node:assert/strict');

const { makeRover, track } = require('../helpers/rover.js');
const { slotServer } = require('../helpers/slot-server.js');
const { until } = require('../helpers/wait.js');

/** Servers by these ids, at which every attempt succeeds. */
async function serversNamed(...ids) {
  const { address } = await slotServer();
  return Object.fromEntries(ids.map((id) => [id, { ...address }]));
}

/** Which servers so many attempts pick, each id once, in order. */
async function picked(rover, count = 60) {
  const ids = new Set();
  for (let n = 0; n < count; n++) {
    const { id, socket } = await rover.rove();
    track(socket).destroy();
    ids.add(id);
  }
  return [...ids].sort();
}

describe('rest', () => {
  it('has a server not be picked, and the others as ever (row 45)', async () => {
    const rover = makeRover({ servers: await serversNamed('a', 'b', 'c') });
    rover.rest('a', 60_000);
    assert.deepEqual(await picked(rover), ['b', 'c']);
  });

  it('is over after its time (row 45)', async () => {
    const rover = makeRover({ servers: await serversNamed('a', 'b') });
    rover.rest('a', 50);
    const begun = performance.now();
    let last;
    while (last !== 'a') [last] = await picked(rover, 1);
    assert.ok(performance.now() - begun >= 50);
  });

  it('is ended by 0, and replaced by another one (row 45)', async () => {
    const rover = makeRover({ servers: await serversNamed('a', 'b') });
    rover.rest('a', 60_000);
    rover.rest('a', 0);
    assert.deepEqual(await picked(rover), ['a', 'b']);
    rover.rest('a', 60_000);
    rover.rest('a', 1);
    let last;
    while (last !== 'a') [last] = await picked(rover, 1);
  });

  it('picks the one whose rest ends first where all rest (row 45)', async () => {
    const rover = makeRover({ servers: await serversNamed('a', 'b', 'c') });
    rover.rest('a', 90_000);
    rover.rest('b', 60_000);
    rover.rest('c', 120_000);
    assert.deepEqual(await picked(rover, 20), ['b']);
    rover.rest('b', 150_000);
    assert.deepEqual(await picked(rover, 20), ['a']);
  });

  it('of the only server does not keep it from being picked (row 45)', async () => {
    const rover = makeRover({ servers: await serversNamed('only') });
    rover.rest('only', 60_000);
    assert.deepEqual(await picked(rover, 3), ['only']);
  });

  it('of an unknown id is a no-op (row 45)', async () => {
    const rover = makeRover({ servers: await serversNamed('a', 'b') });
    for (const id of ['nobody', '', '__proto__', 'constructor']) rover.rest(id, 60_000);
    assert.deepEqual(await picked(rover), ['a', 'b']);
  });

  it('ends where the server is replaced, or dropped and added (row 45)', async () => {
    const servers = await serversNamed('a', 'b');
    const rover = makeRover({ servers });
    rover.rest('a', 60_000);
    rover.addServer('a', { ...servers.a });
    assert.deepEqual(await picked(rover), ['a', 'b']);
    const { b } = servers;
    rover.rest('b', 60_000);
    rover.dropServer('b');
    rover.addServer('b', b);
    assert.deepEqual(await picked(rover), ['a', 'b']);
  });

  it('of a server that is dropped meanwhile leaves nothing behind (row 45)', async () => {
    const rover = makeRover({ servers: await serversNamed('a', 'b') });
    rover.rest('a', 60_000);
    rover.dropServer('a');
    rover.rest('b', 60_000);
    assert.deepEqual(await picked(rover, 5), ['b']);
    rover.dropServer('b');
    await assert.rejects(rover.rove(), { code: 'ERR_CALLOSUM_NO_SERVERS' });
  });

  it('counts for the roving as well (row 45)', async () => {
    const servers = await serversNamed('a', 'b');
    const rover = makeRover({ ROVING_INTERVAL: 2, MAX_SLOT: -1, servers });
    rover.rest('a', 60_000);
    rover.start();
    await until(() => rover.stats().rejected > 40);
    assert.equal(rover.stats({ servers: true }).servers.get('a').attempts, 0);
  });

  it('takes constant time, however many servers rest (row 45)', async () => {
    const { a } = await serversNamed('a');
    const rover = makeRover();
    for (let n = 0; n < 2000; n++) rover.addServer(`${n}`, a);
    for (let n = 0; n < 1999; n++) rover.rest(`${n}`, 60_000 + ((n * 7919) % 2000));
    assert.deepEqual(await picked(rover, 5), ['1999']);
    rover.dropServer('1999');
    // 60,000 ms plus 0, which is that of server 0.
    assert.deepEqual(await picked(rover, 5), ['0']);
  });

  for (const ms of [-1, NaN, Infinity, 2 ** 31, '1s', null, undefined, {}]) {
    it(`throws for ${JSON.stringify(ms) ?? ms}, for an unknown id as well (row 45)`, async () => {
      const rover = makeRover({ servers: await serversNamed('a', 'b') });
      assert.throws(() => rover.rest('a', ms), { code: /^ERR_(INVALID_ARG_TYPE|OUT_OF_RANGE)$/ });
      assert.throws(() => rover.rest('nobody', ms));
      assert.deepEqual(await picked(rover, 30), ['a', 'b']);
    });
  }
});
