'use strict';

const assert = require('node:assert/strict');

const { disagreements } = require('../../bench/simulate/agreement.js');
const { figuresOf } = require('../../bench/simulate/figures.js');
const { draw } = require('../../bench/simulate/picture.js');
const { PHASES, timeline } = require('../../bench/simulate/timeline.js');

/** Samples of a fleet of 1 client and 2 servers with a pool of 20: what each holds, every 100 ms. */
function samplesOf(...held) {
  const counts = { attempts: 0, kept: 0, swaps: 0, rejected: 0, unreachable: 0 };
  return held.map((each, index) => ({ ...counts, time: (index + 1) * 100, kept: index, held: each }));
}

/** A run of one phase, whose events are at its beginning. */
const plan = (end, ...events) => ({
  events: [
    { time: 0, verb: 'servers', numbers: [2] },
    { time: 0, verb: 'clients', numbers: [1] },
    ...events,
  ],
  phases: [{ name: 'cold', title: ['cold', 'start'], start: 0, changed: 0, end }],
});

describe('the figures of a simulation', () => {
  it('take the time until all servers are even and stay so', () => {
    const samples = samplesOf([10, 10], [14, 6], [12, 8], [11, 9], [9, 11]);
    const [phase] = figuresOf(samples, plan(500), 20).phases;
    assert.equal(phase.evenIn, 400);
    assert.equal(phase.fullIn, 100);
    assert.equal(phase.peak, 1.4);
    assert.equal(phase.worst, 1.1);
    assert.equal(phase.best, 0.9);
    assert.equal(phase.useful, 4);
  });

  it('say so where the fleet is not even at the end, or pools are not full', () => {
    assert.equal(figuresOf(samplesOf([10, 10], [13, 7]), plan(200), 20).phases[0].evenIn, null);
    assert.equal(figuresOf(samplesOf([9, 9]), plan(100), 20).phases[0].evenIn, null);
  });

  it('leave out a server that is down or drains', () => {
    for (const [verb, numbers] of [['stop', [1]], ['drain', [50, 1]]]) {
      const { loads } = figuresOf(samplesOf([20, 0]), plan(100, { time: 10, verb, numbers }), 20);
      assert.deepEqual(loads[0].servers, [1, null]);
      assert.equal(loads[0].isEven, true);
    }
  });

  it('disagree where one is out of all that others give', () => {
    const phase = { name: 'cold', fullIn: 500, evenIn: 900, worst: 1, useful: 100, swaps: 20, rejected: 50, unreachable: 0 };
    assert.deepEqual(disagreements([phase], [[{ ...phase, evenIn: 1200 }], [phase]]), []);
    const [line, ...rest] = disagreements([{ ...phase, useful: 200 }], [[phase]]);
    assert.equal(line, 'cold: useful is 200 on sockets, 100 to 100 in memory');
    assert.deepEqual(rest, []);
    assert.equal(disagreements([{ ...phase, evenIn: null }], [[phase]]).length, 1);
  });
});

describe('the timeline of a simulation', () => {
  it('has all phases, each behind the other, and its events in order', () => {
    const { events, phases } = timeline({ clients: 40, servers: 20 });
    assert.deepEqual(phases.map(({ name }) => name), PHASES);
    for (const [index, { start, changed, end }] of phases.entries()) {
      assert.ok(start <= changed && changed < end);
      assert.equal(start, phases[index - 1]?.end ?? 0);
    }
    assert.ok(events.every(({ time }, index) => index === 0 || time >= events[index - 1].time));
    assert.ok(phases.at(-1).end <= 60_000);
  });

  it('restarts every server in the rolling deploy', () => {
    const { events } = timeline({ clients: 4, servers: 7, only: ['rolling'] });
    const ids = (wanted) => events.filter(({ verb }) => verb === wanted).flatMap(({ numbers }) => numbers);
    assert.deepEqual(ids('stop'), [0, 1, 2, 3, 4, 5, 6]);
    assert.deepEqual(ids('start'), ids('stop'));
  });

  it('is drawn with all that happens', () => {
    const run = plan(300);
    const samples = samplesOf([10, 10], [14, 6], [10, 10]);
    const figures = figuresOf(samples, run, 20);
    const svg = draw({ subtitle: '1 client', samples, phases: run.phases, figures });
    for (const expected of ['>cold<', '>start<', '>0.3 s<', '>1 client<']) assert.ok(svg.includes(expected), expected);
    assert.doesNotMatch(svg, /NaN|undefined|Infinity/);
  });
});
