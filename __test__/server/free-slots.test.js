'use strict';

const assert = require('node:assert/strict');

const { FreeSlots } = require('../../lib/server/free-slots.js');

describe('FreeSlots', () => {
  it('takes the lowest free slot, as a plain list does, through 20,000 random steps (row 61)', () => {
    const slots = new FreeSlots();
    const taken = [];
    for (let step = 0; step < 20_000; step++) {
      // Grows to some hundreds, and shrinks to nothing, several times.
      const isGrowing = Math.random() < (Math.floor(step / 2000) % 2 === 0 ? 0.6 : 0.35);
      if (isGrowing || taken.length === 0) {
        const held = new Set(taken);
        const lowest = Array.from({ length: taken.length + 1 }, (_, slot) => slot).find((slot) => !held.has(slot));
        assert.equal(slots.take(), lowest);
        taken.push(lowest);
      } else {
        const [slot] = taken.splice(Math.floor(Math.random() * taken.length), 1);
        slots.giveBack(slot);
      }
    }
  });
});
