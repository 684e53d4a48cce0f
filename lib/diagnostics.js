'use strict';

const { channel } = require('node:diagnostics_channel');
const { debuglog } = require('node:util');

// The channels that an app can subscribe to, one for each kind of outcome and one for attempts as they are made.
// Messages: `{ rover, id, server }`, and what the outcome has besides.

const NAMES = ['attempt', 'connection', 'rejected', 'unreachable', 'closed', 'error'];

// Held here: node:diagnostics_channel itself holds channels weakly.
const channels = Object.fromEntries(NAMES.map((name) => [name, channel(`callosum-client-tcp-rover:${name}`)]));

/** `NODE_DEBUG=callosum` writes a line for each outcome. */
const log = debuglog('callosum');
const isLogging = log.enabled === true;

/** What the native side is told of only where somebody subscribes, as `Environment.observe()` takes it. */
const OBSERVABLES = new Map([['attempt', 1], ['rejected', 2]]);

/**
 * Publishes a message, if anybody subscribes, and logs it.
 *
 * @param {string} name
 * @param {object} rover
 * @param {{ id: string, server: unknown } | undefined} entry
 * @param {{ slot?: number, socket?: object, error?: any }} [details]
 */
function publish(name, rover, entry, details = {}) {
  if (isLogging && name !== 'attempt') log('%s', line(name, entry, details));
  if (channels[name].hasSubscribers) {
    channels[name].publish({ rover, id: entry?.id, server: entry?.server, ...details });
  }
}

/**
 * `unreachable a: connect ECONNREFUSED 127.0.0.1:4042`, `rejected b: slot 20`
 *
 * @param {string} name
 * @param {{ id: string } | undefined} entry
 * @param {{ slot?: number, error?: any }} details
 */
function line(name, entry, { error, slot }) {
  const subject = entry === undefined ? name : `${name} ${entry.id}`;
  return `${subject}: ${slot === undefined ? (error?.message ?? error) : `slot ${slot}`}`;
}

/** The sum of the observables that somebody wants to know of. */
function observed() {
  let sum = isLogging ? (OBSERVABLES.get('rejected') ?? 0) : 0;
  for (const [name, observable] of OBSERVABLES) {
    if (channels[name].hasSubscribers) sum |= observable;
  }
  return sum;
}

/** On a channel: those who watch it. One channel serves all realms of a process. */
const WATCHERS = Symbol.for('callosum-client-tcp-rover:watchers');

/** What stands over the methods of a channel that is watched. */
const watched = /** @type {PropertyDescriptorMap} */ (Object.create(null));
for (const method of ['subscribe', 'unsubscribe', 'bindStore', 'unbindStore']) {
  watched[method] = {
    __proto__: null,
    configurable: true,
    writable: true,
    value(...args) {
      // On the prototype as it is now: a channel changes it with its first subscriber.
      const result = Object.getPrototypeOf(this)[method].apply(this, args);
      for (const { onChange } of this[WATCHERS]) onChange();
      return result;
    },
  };
}

/**
 * Calls a function whenever somebody may have begun or ceased to subscribe to an observable. There is no event for
 * that: the methods of our own channels are replaced, and whoever gets around them is noticed by the next look. A
 * channel outlives a test runner's realms, and holds nothing of one that watches no more.
 *
 * @param {() => void} onChange
 * @returns {() => void} Ends it.
 */
function watchSubscriptions(onChange) {
  const watcher = { onChange, watch };
  for (const name of OBSERVABLES.keys()) watch(channels[name], [...(channels[name][WATCHERS] ?? []), watcher]);
  return () => {
    for (const name of OBSERVABLES.keys()) {
      const left = channels[name][WATCHERS].filter((other) => other !== watcher);
      // The functions and the array are to be those of a realm that stays.
      if (left.length > 0) left[0].watch(channels[name], left);
      else for (const key of [WATCHERS, ...Object.keys(watched)]) delete channels[name][key];
    }
  };
}

function watch(channel, watchers) {
  const value = [...watchers];
  Object.defineProperties(channel, watched);
  Object.defineProperty(channel, WATCHERS, { __proto__: null, configurable: true, value });
}

module.exports = { observed, publish, watchSubscriptions };
