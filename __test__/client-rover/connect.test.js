'use strict';

const assert = require('node:assert/strict');

const { attempt, attempts, makeRover } = require('../helpers/rover.js');
const { refusedAddress, slotServer } = require('../helpers/slot-server.js');
const { assertUniform } = require('../helpers/statistics.js');

/** A table of servers that refuse, so that `unreachable` tells which one was picked. */
async function refusingServers(ids) {
  const address = await refusedAddress();
  return Object.fromEntries(ids.map((id) => [id, { ...address }]));
}

/** How often each id comes up in `picks` attempts. */
async function countPicks(rover, ids, picks) {
  const counts = new Map(ids.map((id) => [id, 0]));
  for (let done = 0; done < picks; done += 200) {
    for (const { id } of await attempts(rover, 200)) counts.set(id, counts.get(id) + 1);
  }
  return [...counts.values()];
}

describe('connect', () => {
  it('connects to slot 173 of the only server', async () => {
    const server = await slotServer({ greeting: '173\r\n' });
    const rover = makeRover();
    rover.addServer('a', server.address);
    const { event, slot } = await attempt(rover);
    assert.deepEqual({ event, slot }, { event: 'connection', slot: 173 });
  });

  it('makes one attempt for each call', async () => {
    const server = await slotServer({ greeting: (n) => `${n}\r\n` });
    const outcomes = await attempts(makeRover({ servers: { a: server.address } }), 20);
    const slots = outcomes.map(({ slot }) => slot).sort((one, other) => one - other);
    assert.deepEqual(slots, Array.from({ length: 20 }, (_, n) => n));
    assert.equal(server.accepted, 20);
  });

  it('picks each of three servers as often as the others (row 8)', async () => {
    const ids = ['a', 'b', 'c'];
    const rover = makeRover({ servers: await refusingServers(ids) });
    assertUniform(await countPicks(rover, ids, 3000));
  });

  it('picks uniformly after servers were added, replaced and dropped (row 8)', async () => {
    const servers = await refusingServers(['a', 'b', 'c', 'd', 'e', 'f', 'g']);
    const rover = makeRover({ servers: { a: servers.a, b: servers.b, c: servers.c, d: servers.d } });
    for (let i = 0; i < 5; i++) rover.addServer('a', { ...servers.a });
    rover.dropServer('b');
    rover.addServer('e', servers.e);
    rover.servers.f = servers.f;
    delete rover.servers.a;
    rover.addServer('g', servers.g);
    assertUniform(await countPicks(rover, ['c', 'd', 'e', 'f', 'g'], 3000));
  });

  it('picks each server whatever the one before it was (row 8)', async () => {
    const ids = ['a', 'b', 'c'];
    const rover = makeRover({ servers: await refusingServers(ids) });
    const counts = new Array(9).fill(0);
    for (let i = 0; i < 600; i++) {
      // One after the other: the outcomes of attempts at the same time come in any order.
      const [one, other] = [await attempt(rover), await attempt(rover)];
      counts[ids.indexOf(one.id) * 3 + ids.indexOf(other.id)]++;
    }
    assertUniform(counts);
  });

  it('picks the same sequence for no two rovers (row 8)', async () => {
    const servers = await refusingServers(['a', 'b', 'c', 'd']);
    const sequences = [];
    for (let i = 0; i < 2; i++) {
      const rover = makeRover({ servers });
      const ids = [];
      for (let pick = 0; pick < 50; pick++) ids.push((await attempt(rover)).id);
      sequences.push(ids.join(''));
    }
    assert.notEqual(sequences[0], sequences[1]);
  });

  it('uses a server that is alone in the table every time (row 8)', async () => {
    const rover = makeRover({ servers: await refusingServers(['only']) });
    const outcomes = await attempts(rover, 20);
    assert.ok(outcomes.every(({ id }) => id === 'only'));
  });
});
