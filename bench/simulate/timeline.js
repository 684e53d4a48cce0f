'use strict';

/** What happens to the fleet, and when. Both modes play the same. */

/** Seconds of each phase, at the usual pace. */
const SECONDS = {
  cold: 6,
  restart: 6,
  dropped: 4,
  'dropped-back': 5,
  listed: 5,
  'listed-back': 5,
  'servers-double': 6,
  'clients-double': 5,
  rolling: 11,
  drain: 4,
};

/** The part of the servers that is deployed at a time. */
const BATCH = 0.1;

/** The part of its phase that the rolling deploy itself takes; the rest is for settling. */
const ROLLING = 0.65;

/**
 * @typedef {object} Event
 * @property {number} time in ms
 * @property {'servers' | 'clients' | 'stop' | 'start' | 'drop' | 'list' | 'drain' | 'end'} verb
 * @property {number[]} numbers as in bench/fleet-sim/src/script.rs: how many, or ids, or ms and ids
 */

/**
 * @typedef {object} Phase
 * @property {string} name
 * @property {string[]} title in two short lines
 * @property {number} start in ms
 * @property {number} changed when the last event of it happens, in ms
 * @property {number} end in ms
 */

/**
 * The events of a run.
 *
 * @param {object} fleet
 * @param {number} fleet.clients at the beginning
 * @param {number} fleet.servers at the beginning
 * @param {number} [fleet.pace] multiplies all times
 * @param {string[]} [fleet.only] the phases to play, `cold` always among them; default: all
 * @returns {{ events: Event[], phases: Phase[] }}
 */
function timeline({ clients, servers, pace = 1, only = Object.keys(SECONDS) }) {
  const events = [];
  const phases = [];
  const ids = (from, to) => Array.from({ length: to - from }, (_, index) => from + index);
  let listening = servers;
  let begin = 0;

  function phase(name, title, write) {
    if (name !== 'cold' && !only.includes(name)) return;
    const length = SECONDS[name] * 1000 * pace;
    let changed = begin;
    write((offset, verb, numbers) => {
      const time = Math.round(begin + offset);
      events.push({ time, verb, numbers });
      changed = Math.max(changed, time);
    }, length);
    phases.push({ name, title, start: Math.round(begin), changed, end: Math.round(begin + length) });
    begin += length;
  }

  const third = ids(0, Math.floor(servers / 3));
  phase('cold', ['cold', 'start'], (at) => {
    at(0, 'servers', [servers]);
    at(0, 'clients', [clients]);
  });
  phase('restart', ['1 restarts', 'empty'], (at) => {
    at(0, 'stop', [0]);
    at(500 * pace, 'start', [0]);
  });
  phase('dropped', ['⅓ dies,', 'dropped'], (at) => {
    at(0, 'stop', third);
    at(0, 'drop', third);
  });
  phase('dropped-back', ['it is', 'back'], (at) => {
    at(0, 'start', third);
    at(0, 'list', third);
  });
  phase('listed', ['⅓ dies,', 'still listed'], (at) => at(0, 'stop', third));
  phase('listed-back', ['it is', 'back'], (at) => at(0, 'start', third));
  phase('servers-double', ['servers', 'double'], (at) => {
    at(0, 'servers', [servers]);
    listening *= 2;
  });
  phase('clients-double', ['clients', 'double'], (at) => at(0, 'clients', [clients]));
  phase('rolling', ['rolling', 'deploy'], (at, length) => {
    const size = Math.max(1, Math.ceil(listening * BATCH));
    const gap = (length * ROLLING) / Math.ceil(listening / size);
    for (let first = 0, offset = 0; first < listening; first += size, offset += gap) {
      const batch = ids(first, Math.min(first + size, listening));
      at(offset, 'drain', [Math.round(gap * 0.5), ...batch]);
      at(offset + gap * 0.7, 'stop', batch);
      at(offset + gap * 0.9, 'start', batch);
    }
  });
  phase('drain', ['1 drains', 'for good'], (at, length) => {
    at(0, 'drain', [Math.round(length * 0.4), 0]);
    at(length * 0.45, 'drop', [0]);
    at(length * 0.45, 'stop', [0]);
  });
  events.push({ time: Math.round(begin), verb: 'end', numbers: [] });
  // Those of one time stay in their order.
  events.sort((a, b) => a.time - b.time);
  return { events, phases };
}

module.exports = { PHASES: Object.keys(SECONDS), timeline };
