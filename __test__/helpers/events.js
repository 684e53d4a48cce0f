'use strict';

const { track } = require('./rover.js');

/** All that a rover emits. */
const NAMES = ['connection', 'unreachable', 'closed', 'error', 'down', 'up'];

/**
 * Writes down every event from now on, those of `up` and `down` included. Sockets are destroyed at the end of the test.
 *
 * @param {import('node:events')} rover
 * @returns {[string, ...any[]][]} Name and arguments of each, in order.
 */
function recordAll(rover) {
  const events = [];
  for (const name of NAMES) {
    rover.on(name, (...args) => {
      if (name === 'connection') track(args[1]);
      events.push([name, ...args]);
    });
  }
  return events;
}

module.exports = { recordAll };
