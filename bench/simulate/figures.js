'use strict';

/** What a run comes to, phase by phase: the same for both modes. */

/** How far a server may be from its even share, as a part of it; one connection is always allowed. */
const TOLERANCE = 0.1;

/** A pool that lost a connection a moment ago does not make a fleet uneven. */
const FULL = 0.99;

/**
 * A moment of a fleet. Loads are those of the servers that are to have connections: up, and not draining.
 *
 * @typedef {object} Load
 * @property {number} time in ms
 * @property {number} worst the connections of the fullest server, to the mean
 * @property {number} best those of the emptiest
 * @property {number} full connections that pools have, to those that they want
 * @property {boolean} isEven whether pools are full, and each server is within 10 % of its even share
 * @property {(number | null)[]} servers each one's load, null where it is to have none
 */

/**
 * What became of one phase.
 *
 * @typedef {object} PhaseFigures
 * @property {string} name
 * @property {number | null} fullIn ms from the begin of the phase until no pool has room; null for never
 * @property {number | null} evenIn ms from the last event of the phase until the fleet is even and stays so; null for
 *   never
 * @property {number} peak the highest worst/mean
 * @property {number} worst worst/mean at the end
 * @property {number} best best/mean at the end
 * @property {number} useful roves that brought a connection to keep
 * @property {number} rejected
 * @property {number} unreachable
 * @property {number} swaps
 * @property {number | null} cpu of one client, as a part of a core
 */

/**
 * @param {import('./in-memory.js').Sample[]} samples
 * @param {ReturnType<import('./timeline.js').timeline>} timeline
 * @param {number} size of the pools
 * @returns {{ loads: Load[], phases: PhaseFigures[] }}
 */
function figuresOf(samples, { events, phases }, size) {
  const fleet = { up: [], wanted: 0, clients: 0 };
  const pending = [...events];
  const wantedAt = new Map();
  const loads = samples.map((sample) => {
    while (pending.length > 0 && pending[0].time < sample.time) follow(fleet, pending.shift(), size);
    wantedAt.set(sample.time, fleet.clients);
    return loadOf(sample, fleet);
  });
  return { loads, phases: phases.map((phase) => phaseFigures(phase, samples, loads, wantedAt)) };
}

/** Lets an event happen. */
function follow(fleet, { verb, numbers }, size) {
  const set = (ids, isUp) => ids.forEach((id) => (fleet.up[id] = isUp));
  switch (verb) {
    case 'servers':
      fleet.up.push(...Array.from({ length: numbers[0] }, () => true));
      break;
    case 'clients':
      fleet.clients += numbers[0];
      fleet.wanted += numbers[0] * size;
      break;
    case 'stop':
      set(numbers, false);
      break;
    case 'start':
      set(numbers, true);
      break;
    case 'drain':
      set(numbers.slice(1), false);
      break;
  }
}

/** @returns {Load} */
function loadOf({ time, held }, { up, wanted }) {
  const own = held.filter((_, id) => up[id]);
  const sum = own.reduce((total, count) => total + count, 0);
  const mean = sum / own.length;
  const allowed = Math.max(1, TOLERANCE * mean) + 1e-9;
  const servers = up.map((isUp, id) => (isUp && mean > 0 ? (held[id] ?? 0) / mean : null));
  const present = servers.filter((load) => load !== null);
  return {
    time,
    worst: present.length > 0 ? Math.max(...present) : 1,
    best: present.length > 0 ? Math.min(...present) : 1,
    full: sum / wanted,
    isEven: sum >= FULL * wanted && own.every((count) => Math.abs(count - mean) <= allowed),
    servers,
  };
}

/** @returns {PhaseFigures} */
function phaseFigures({ name, start, changed, end }, samples, loads, clientsAt) {
  const isIn = ({ time }) => time > start && time <= end;
  const own = loads.filter(isIn);
  const last = own.at(-1);
  const full = own.find((load) => load.full >= FULL);
  const lastUneven = own.findLast(({ isEven }) => !isEven);
  const firstEven = own.find(({ time }) => time > (lastUneven?.time ?? start));
  const before = samples.findLast(({ time }) => time <= start);
  const after = samples.findLast(isIn);
  const count = (key) => after[key] - (before?.[key] ?? 0);
  const cpu = after.cpu === undefined ? null : count('cpu') / 1000 / (after.time - (before?.time ?? 0));
  return {
    name,
    fullIn: full === undefined ? null : full.time - start,
    evenIn: firstEven === undefined ? null : Math.max(0, firstEven.time - changed),
    peak: Math.max(...own.map(({ worst }) => worst)),
    worst: last.worst,
    best: last.best,
    useful: count('kept'),
    rejected: count('rejected'),
    unreachable: count('unreachable'),
    swaps: count('swaps'),
    cpu: cpu === null ? null : cpu / clientsAt.get(after.time),
  };
}

module.exports = { TOLERANCE, figuresOf };
