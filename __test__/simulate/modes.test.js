'use strict';

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');

const { disagreements } = require('../../bench/simulate/agreement.js');
const { figuresOf } = require('../../bench/simulate/figures.js');
const { build, playInMemory } = require('../../bench/simulate/in-memory.js');
const { playOnSockets } = require('../../bench/simulate/real.js');
const { timeline } = require('../../bench/simulate/timeline.js');
const { skip } = require('../helpers/skip.js');

const FLEET = { clients: 8, servers: 4, pace: 0.45, only: ['cold', 'restart', 'clients-double'] };
const OPTIONS = { size: 8, sampling: 50 };
const SEEDS = 40;

describe('a small fleet', () => {
  before(function hasCargo() {
    if (spawnSync('cargo', ['--version']).status !== 0) skip(this, 'needs Rust');
    this.timeout(60_000);
    build();
  });

  it('does the same on sockets as in memory', async () => {
    const plan = timeline(FLEET);
    const figures = (samples) => figuresOf(samples, plan, OPTIONS.size).phases;
    const inMemory = Array.from({ length: SEEDS }, (_, seed) => {
      return figures(playInMemory(plan.events, { ...OPTIONS, seed }));
    });
    const real = figures(await playOnSockets(plan.events, OPTIONS));
    assert.deepEqual(disagreements(real, inMemory), []);
    assert.ok(real.every(({ cpu }) => cpu > 0));
  });

  it('is the same again in memory with the same seed', () => {
    const { events } = timeline(FLEET);
    const play = (seed) => playInMemory(events, { ...OPTIONS, seed });
    assert.deepEqual(play(1), play(1));
    assert.notDeepEqual(play(1), play(2));
  });
});
