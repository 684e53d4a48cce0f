'use strict';

const assert = require('node:assert/strict');
const { setTimeout: delay } = require('node:timers/promises');

const { makeRover, track } = require('../helpers/rover.js');
const { refusedAddress, slotServer } = require('../helpers/slot-server.js');
const { until } = require('../helpers/wait.js');

const NO_TIMES = { count: 0, min: 0, mean: 0, max: 0, p50: 0, p90: 0, p99: 0 };

const NOTHING = {
  attempts: 0,
  connections: 0,
  rejected: 0,
  unreachable: 0,
  closed: 0,
  errors: 0,
  pending: 0,
  failures: 0,
  lastError: null,
  lastSlot: null,
  isDown: false,
  connectTime: NO_TIMES,
  slotTime: NO_TIMES,
};

/** What is counted of the server `a`, after so many roves, whatever they end in. */
async function statsAfter(count, server, options) {
  const rover = makeRover({ ...options, servers: { a: server } });
  await roves(rover, count);
  return { rover, stats: rover.stats({ servers: true }).servers.get('a') };
}

async function roves(rover, count) {
  for (let n = 0; n < count; n++) {
    await rover.rove().then(({ socket }) => track(socket).destroy(), () => {});
  }
}

/** Asserts what was counted; the times by how many there are, and that they are in order. */
function assertStats({ connectTime, slotTime, ...counts }, { connected = 0, slots = 0, ...expected }) {
  const { connectTime: _, slotTime: __, ...nothing } = NOTHING;
  assert.deepEqual(counts, { ...nothing, ...expected });
  for (const [times, count] of [[connectTime, connected], [slotTime, slots]]) {
    assert.deepEqual(Object.keys(times), Object.keys(NO_TIMES));
    assert.equal(times.count, count);
    const { min, mean, max, p50, p90, p99 } = times;
    assert.ok(min <= p50 && p50 <= p90 && p90 <= p99 && p99 <= max && min <= mean && mean <= max, JSON.stringify(times));
    assert.equal(count === 0, max === 0);
  }
}

describe('stats({ servers: true })', () => {
  it('adds a Map by id to the totals, and stats() does not (row 46)', async () => {
    const { address } = await slotServer();
    const rover = makeRover({ servers: { b: address, a: address } });
    const { servers, ...totals } = rover.stats({ servers: true });
    assert.deepEqual(totals, rover.stats());
    assert.deepEqual(rover.stats({ servers: false }), rover.stats({}));
    assert.ok(servers instanceof Map);
    assert.deepEqual([...servers], [['b', NOTHING], ['a', NOTHING]]);
    assert.equal(Object.getPrototypeOf(servers.get('a')), Object.prototype);
    assert.equal(Object.getPrototypeOf(servers.get('a').slotTime), Object.prototype);
  });

  it('counts connections, the last slot and the times (row 46)', async () => {
    const { address } = await slotServer({ greeting: (n) => `${n + 5}\r\n` });
    const { stats } = await statsAfter(3, address);
    assertStats(stats, { attempts: 3, connections: 3, lastSlot: 7, connected: 3, slots: 3 });
  });

  it('counts rejected slots, which are the load of the fleet (rows 29 and 46)', async () => {
    const { address } = await slotServer({ greeting: (n) => `${n + 100}\r\n` });
    const rover = makeRover({ ROVING_INTERVAL: 5, MAX_SLOT: 9, servers: { a: address } });
    rover.start();
    await until(() => rover.stats().rejected >= 5);
    clearInterval(rover.intervalId);
    await until(() => rover.stats().pending === 0);
    const stats = rover.stats({ servers: true }).servers.get('a');
    const { rejected } = stats;
    assertStats(stats, {
      attempts: rejected,
      rejected,
      lastSlot: 99 + rejected,
      connected: rejected,
      slots: rejected,
    });
  });

  const FAILURES = {
    unreachable: ['ECONNREFUSED', refusedAddress, { unreachable: 2 }],
    closed: ['ERR_CALLOSUM_CLOSED', async () => (await slotServer({ greeting: '', then: 'close' })).address, { connected: 2 }],
    errors: ['ERR_CALLOSUM_PROTOCOL', async () => (await slotServer({ greeting: 'x\r\n' })).address, { connected: 2 }],
  };

  for (const [counter, [code, start, more]] of Object.entries(FAILURES)) {
    it(`counts failures in a row, and the last code: ${code} (row 46)`, async () => {
      const { stats } = await statsAfter(2, await start());
      const expected = { attempts: 2, failures: 2, lastError: code, isDown: true, ...more };
      assertStats(stats, { ...expected, [counter]: 2 });
    });
  }

  it('forgets failures at the next slot, but not what the last one was (row 46)', async () => {
    const { address } = await slotServer({ greeting: (n) => (n < 2 ? 'x\r\n' : '0\r\n') });
    const { rover, stats } = await statsAfter(2, address);
    assert.deepEqual([stats.failures, stats.isDown, stats.lastSlot], [2, true, null]);
    await roves(rover, 1);
    const { failures, isDown, lastError, lastSlot } = rover.stats({ servers: true }).servers.get('a');
    assert.deepEqual(
      { failures, isDown, lastError, lastSlot },
      { failures: 0, isDown: false, lastError: 'ERR_CALLOSUM_PROTOCOL', lastSlot: 0 },
    );
  });

  it('says the code that the app\'s own lookup failed with (row 46)', async () => {
    const lookup = (host, options, callback) => callback(Object.assign(new Error('gone'), { code: 'EGONE' }));
    const { stats } = await statsAfter(1, { host: 'slots.test', port: 1, lookup });
    assert.deepEqual([stats.unreachable, stats.lastError, stats.isDown], [1, 'EGONE', true]);
  });

  it('keeps the code of the last failure where the server is bad since, which is none (rows 6 and 46)', async () => {
    const lookup = (host, options, callback) => callback(Object.assign(new Error('gone'), { code: 'EGONE' }));
    const server = { host: 'slots.test', port: 1, lookup };
    const { rover } = await statsAfter(1, server);
    // Behind the back of the table.
    server.port = 65536;
    await roves(rover, 1);
    const { errors, failures, lastError } = rover.stats({ servers: true }).servers.get('a');
    assert.deepEqual({ errors, failures, lastError }, { errors: 1, failures: 1, lastError: 'EGONE' });
  });

  it('counts a lookup of the server\'s own as part of connecting (rows 5 and 46)', async () => {
    const { port } = await slotServer();
    const lookup = (host, options, callback) => setTimeout(callback, 60, null, [{ address: '127.0.0.1', family: 4 }]);
    const { stats } = await statsAfter(2, { host: 'slots.test', port, lookup });
    assert.ok(stats.connectTime.min >= 50 && stats.connectTime.max < 10_000, JSON.stringify(stats.connectTime));
  });

  it('measures connecting and the slot line apart, in ms (row 46)', async () => {
    const { address } = await slotServer({ greeting: () => delay(60, '13\r\n') });
    const { stats } = await statsAfter(2, address);
    assert.ok(stats.slotTime.min >= 50 && stats.slotTime.max < 10_000, JSON.stringify(stats.slotTime));
    assert.ok(stats.connectTime.min < stats.slotTime.min, JSON.stringify(stats.connectTime));
  });

  it('counts what is pending, by server (row 46)', async () => {
    const silent = await slotServer({ greeting: '' });
    const rover = makeRover({ servers: { a: silent.address } });
    rover.connect();
    rover.connect();
    rover.addServer('b', (await slotServer()).address);
    const { servers } = rover.stats({ servers: true });
    assert.deepEqual([servers.get('a').attempts, servers.get('a').pending, servers.get('b').pending], [2, 2, 0]);
    rover.stop();
    assert.deepEqual(rover.stats({ servers: true }).servers.get('a'), NOTHING);
  });

  for (const [how, abandon] of Object.entries({
    'stop()': (rover) => rover.stop(),
    'the signal of a rove()': (_rover, controller) => controller.abort(),
  })) {
    it(`leaves out what was abandoned by ${how} (row 46)`, async () => {
      const server = await slotServer({ greeting: (n) => (n === 0 ? '13\r\n' : '') });
      const { rover } = await statsAfter(1, server.address);
      const controller = new AbortController();
      const roved = rover.rove({ signal: controller.signal });
      await until(() => server.accepted === 2);
      abandon(rover, controller);
      await assert.rejects(roved, { name: 'AbortError' });
      assertStats(rover.stats({ servers: true }).servers.get('a'), {
        ...{ attempts: 1, connections: 1, lastSlot: 13, connected: 1, slots: 1 },
      });
      assert.equal(rover.stats().abandoned, 1);
    });
  }

  it('adds up to the totals, as long as no server goes (rows 31 and 46)', async () => {
    const servers = {
      good: (await slotServer()).address,
      full: (await slotServer({ greeting: '', then: 'close' })).address,
      wrong: (await slotServer({ greeting: 'x\r\n' })).address,
      busy: (await slotServer({ greeting: '99\r\n' })).address,
      refused: await refusedAddress(),
    };
    const rover = makeRover({ MAX_SLOT: 50, servers });
    await roves(rover, 100);
    const { servers: each, skipped: _, abandoned: __, ...totals } = rover.stats({ servers: true });
    for (const [name, total] of Object.entries(totals)) {
      assert.equal([...each.values()].reduce((sum, one) => sum + one[name], 0), total, name);
    }
  });

  it('begins anew for a server that is replaced, and forgets one that is dropped (row 46)', async () => {
    const { rover } = await statsAfter(2, await refusedAddress());
    rover.addServer('a', { ...rover.servers.a });
    assert.deepEqual(rover.stats({ servers: true }).servers.get('a'), NOTHING);
    rover.dropServer('a');
    assert.deepEqual(rover.stats({ servers: true }).servers, new Map());
    assert.equal(rover.stats().attempts, 2);
  });

  it('takes any id (rows 4 and 46)', async () => {
    const { address } = await slotServer();
    const rover = makeRover();
    for (const id of ['', '__proto__', 'constructor']) rover.addServer(id, address);
    assert.deepEqual([...rover.stats({ servers: true }).servers.keys()], ['', '__proto__', 'constructor']);
  });

  it('is a snapshot that stays as it is (row 46)', async () => {
    const { rover, stats } = await statsAfter(1, (await slotServer()).address);
    const before = structuredClone(stats);
    await roves(rover, 1);
    assert.deepEqual(stats, before);
  });
});
