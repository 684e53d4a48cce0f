'use strict';

const { channel } = require('node:diagnostics_channel');

// The channels that an app can subscribe to, one for each kind of outcome and one for attempts as they are made.
// Messages: `{ rover, id, server }`, and what the outcome has besides.

const NAMES = ['attempt', 'connection', 'rejected', 'unreachable', 'closed', 'error'];

// Held here: node:diagnostics_channel itself holds channels weakly.
const channels = Object.fromEntries(NAMES.map((name) => [name, channel(`callosum-client-tcp-rover:${name}`)]));

/** What the native side is told of only where somebody subscribes, as `Environment.observe()` takes it. */
const OBSERVABLES = { attempt: 1, rejected: 2 };

/**
 * Publishes a message, if anybody subscribes.
 *
 * @param {string} name
 * @param {object} rover
 * @param {{ id: string, server: unknown } | undefined} entry
 * @param {object} [details]
 */
function publish(name, rover, entry, details) {
  if (channels[name].hasSubscribers) {
    channels[name].publish({ rover, id: entry?.id, server: entry?.server, ...details });
  }
}

/** The sum of the observables that somebody subscribes to. */
function observed() {
  let sum = 0;
  for (const name in OBSERVABLES) {
    if (channels[name].hasSubscribers) sum += OBSERVABLES[name];
  }
  return sum;
}

/**
 * Calls a function whenever somebody may have begun or ceased to subscribe to an observable. There is no event for
 * that: the methods of our own channels are wrapped, and whoever gets around them is noticed by the next look.
 *
 * @param {() => void} onChange
 */
function watchSubscriptions(onChange) {
  for (const name in OBSERVABLES) {
    for (const method of ['subscribe', 'unsubscribe', 'bindStore', 'unbindStore']) {
      Object.defineProperty(channels[name], method, {
        __proto__: null,
        configurable: true,
        writable: true,
        value(...args) {
          // On the prototype as it is now: a channel changes it with its first subscriber.
          const result = Object.getPrototypeOf(this)[method].apply(this, args);
          onChange();
          return result;
        },
      });
    }
  }
}

module.exports = { observed, publish, watchSubscriptions };
