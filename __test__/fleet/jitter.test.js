'use strict';

const assert = require('node:assert/strict');

const { ClientRover, makeRover } = require('../helpers/rover.js');
const { slotServer } = require('../helpers/slot-server.js');
const { until } = require('../helpers/wait.js');

/** So many rovers that are started together, at a server that notes when each attempt comes. */
async function startTogether(count, options, Class) {
  const arrivals = [];
  const { address } = await slotServer({
    greeting: () => (arrivals.push(performance.now()), '13\r\n'),
  });
  const all = { MAX_SLOT: 9, servers: { a: address }, ...options };
  const rovers = Array.from({ length: count }, () => makeRover(all, Class));
  for (const rover of rovers) rover.start();
  return { arrivals, rovers };
}

/** The most arrivals within so many ms. */
function mostWithin(ms, arrivals) {
  let most = 0;
  let first = 0;
  for (const [index, time] of arrivals.entries()) {
    while (time - arrivals[first] > ms) first++;
    most = Math.max(most, index - first + 1);
  }
  return most;
}

/** How close together the second attempts of 100 rovers come, which are started together. */
async function crowdOfSecondAttempts(options, Class) {
  const count = 100;
  const { arrivals, rovers } = await startTogether(count, { ROVING_INTERVAL: 1000, ...options }, Class);
  await until(() => arrivals.length >= count);
  await until(() => arrivals.length >= 2 * count);
  for (const rover of rovers) rover.stop();
  // The first ones come at once, whatever the jitter.
  return mostWithin(100, arrivals.slice(count, 2 * count));
}

describe('JITTER', () => {
  it('cuts the first interval at random: rovers that start together do not rove in step (row 44)', async () => {
    const most = await crowdOfSecondAttempts({ JITTER: 0.1 });
    // Evenly spread, it is 10 of them in 100 ms.
    assert.ok(most < 40, `${most} within 100 ms`);
  });

  class Overridden extends ClientRover {
    connect() {
      super.connect();
    }
  }

  it('counts where connect is overridden as well (rows 7 and 44)', async () => {
    const most = await crowdOfSecondAttempts({ JITTER: 0.1 }, Overridden);
    assert.ok(most < 40, `${most} within 100 ms`);
    const { arrivals, rovers } = await startTogether(1, { ROVING_INTERVAL: 40, JITTER: 1 }, Overridden);
    await until(() => arrivals.length > 30, { timeout: 10_000 });
    rovers[0].stop();
    const intervals = arrivals.slice(2).map((time, index) => time - arrivals[index + 1]);
    const far = intervals.filter((interval) => interval < 20 || interval > 60).length;
    assert.ok(far > 7, `${far} of ${intervals.length}`);
  });

  it('is off by default: rovers that start together rove in step (row 44)', async () => {
    const most = await crowdOfSecondAttempts({});
    assert.ok(most > 60, `${most} within 100 ms`);
  });

  it('makes the first attempt at once all the same (rows 7 and 44)', async () => {
    const { arrivals } = await startTogether(1, { ROVING_INTERVAL: 60_000, JITTER: 1 });
    await until(() => arrivals.length === 1);
  });

  it('leaves the mean of the intervals (row 44)', async () => {
    const [fixed, jittered] = await Promise.all(
      [0, 1].map(async (JITTER) => (await startTogether(20, { ROVING_INTERVAL: 10, JITTER })).rovers),
    );
    const made = (rovers) => rovers.reduce((sum, rover) => sum + rover.stats().attempts, 0);
    await until(() => made(fixed) > 2000, { timeout: 15_000 });
    const ratio = made(jittered) / made(fixed);
    assert.ok(ratio > 0.8 && ratio < 1.25, `${ratio}`);
  });

  it('varies each interval, of one rover as well (row 44)', async () => {
    const intervalsOf = async (JITTER) => {
      const { arrivals, rovers } = await startTogether(1, { ROVING_INTERVAL: 40, JITTER });
      await until(() => arrivals.length > 30, { timeout: 10_000 });
      rovers[0].stop();
      const intervals = arrivals.slice(2).map((time, index) => time - arrivals[index + 1]);
      return intervals.filter((interval) => interval < 20 || interval > 60).length;
    };
    const [off, on] = await Promise.all([intervalsOf(0), intervalsOf(1)]);
    // Half of them, evenly spread between 0 and 80 ms.
    assert.ok(on > 7 && on > off, `${off} and ${on}`);
  });

  for (const bad of [-0.1, 1.1, NaN, 'some', {}]) {
    it(`throws for ${bad} (row 35)`, () => {
      assert.throws(() => makeRover({ JITTER: bad }), { code: /^ERR_(INVALID_ARG_TYPE|OUT_OF_RANGE)$/ });
    });
  }
});
