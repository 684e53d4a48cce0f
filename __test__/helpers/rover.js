'use strict';

const assert = require('node:assert/strict');

const ClientRover = require('../../index.js');

const { cleanup } = require('./cleanup.js');
const { refusedAddress, slotServer } = require('./slot-server.js');

/**
 * A rover that is stopped at the end of the test.
 *
 * @param {object} [options] As for `ClientRover`.
 * @param {Function} [Class=ClientRover] What to construct.
 */
function makeRover(options, Class = ClientRover) {
  const rover = new Class(options);
  // With what is in flight: subscribers of the next test would hear of it. As it is here, whatever a test overrides.
  cleanup(() => ClientRover.prototype.stop.call(rover));
  return rover;
}

/**
 * Sees to it that a socket is destroyed at the end of the test.
 *
 * @param {import('node:net').Socket} socket
 */
function track(socket) {
  cleanup(() => {
    socket.on('error', () => {});
    socket.destroy();
  });
  return socket;
}

/** The arguments of every event that ends an attempt, by their names. */
const OUTCOMES = {
  connection: (slot, socket, id, server) => ({ event: 'connection', slot, socket: track(socket), id, server }),
  unreachable: (id, server, error) => ({ event: 'unreachable', id, server, error }),
  closed: (id, server, error) => ({ event: 'closed', id, server, error }),
  error: (error) => ({ event: 'error', error }),
};

/**
 * Writes down every outcome from now on, and destroys every socket at the end of the test.
 *
 * @returns `outcomes`, in order; `until(count)`, a promise of the first so many; `events()`, their
 *   names; `stop()`, which takes the listeners off again.
 */
function record(rover) {
  const outcomes = [];
  const waiting = [];
  const listeners = Object.entries(OUTCOMES).map(([event, named]) => [
    event,
    (...args) => {
      outcomes.push(named(...args));
      for (const check of waiting) check();
    },
  ]);
  for (const [event, listener] of listeners) rover.on(event, listener);
  return {
    outcomes,
    events: () => outcomes.map(({ event }) => event),
    until: (count) =>
      new Promise((resolve) => {
        const check = () => {
          if (outcomes.length >= count) resolve(outcomes.slice(0, count));
        };
        waiting.push(check);
        check();
      }),
    stop() {
      for (const [event, listener] of listeners) rover.removeListener(event, listener);
    },
  };
}

/**
 * One attempt, or whatever `act` sets off, and its first outcome: `{event, …}` with the arguments
 * by name (`slot`, `socket`, `id`, `server`; `id`, `server`, `error`; `error`).
 */
async function attempt(rover, act = () => rover.connect()) {
  const log = record(rover);
  try {
    act();
    const [outcome] = await log.until(1);
    return outcome;
  } finally {
    log.stop();
  }
}

/** `count` attempts at the same time, all their outcomes in the order in which they came. */
async function attempts(rover, count) {
  const log = record(rover);
  for (let i = 0; i < count; i++) rover.connect();
  await log.until(count);
  log.stop();
  return log.outcomes;
}

/** The outcome of one attempt by a new rover at this one server. */
function attemptAt(server, options) {
  return attempt(makeRover({ ...options, servers: { only: server } }));
}

/**
 * Lets another rover make a whole rove that succeeds. What a rover could still have emitted for
 * something that is over has come by then: this is the later event that shows an absence.
 */
async function settle() {
  const { address } = await slotServer();
  await attemptAt(address);
}

/**
 * Lets another rover beat so many times: by then one with the same interval would have, too.
 *
 * @param {number} count
 * @param {number} ROVING_INTERVAL In ms.
 */
async function beats(count, ROVING_INTERVAL) {
  const rover = makeRover({ ROVING_INTERVAL, servers: { refused: await refusedAddress() } });
  const log = record(rover);
  rover.start();
  await log.until(count);
  clearInterval(rover.intervalId);
}

/**
 * Asserts that no more connections come to a server.
 *
 * @param {{accepted: number}} server As `slotServer` gives it.
 * @param {number} ROVING_INTERVAL In ms, of the rovers that could still bring some.
 */
async function assertQuiet(server, ROVING_INTERVAL) {
  // An attempt that was in flight already comes to the server within these beats, and is accepted
  // in the turns of the event loop that a whole rove takes: the beats may come all in one.
  await beats(3, ROVING_INTERVAL);
  await settle();
  const { accepted } = server;
  await beats(5, ROVING_INTERVAL);
  await settle();
  assert.equal(server.accepted, accepted, 'connections accepted');
}

module.exports = {
  ClientRover,
  OUTCOMES,
  assertQuiet,
  attempt,
  attemptAt,
  attempts,
  beats,
  makeRover,
  record,
  settle,
  track,
};
