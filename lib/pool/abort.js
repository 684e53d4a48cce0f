'use strict';

const events = require('node:events');

/**
 * What is called when a signal is aborted. A signal has one listener for all calls: more than ten would make Node warn.
 *
 * @type {WeakMap<AbortSignal, { callbacks: Set<() => void>, unlisten: () => void }>}
 */
const listening = new WeakMap();

/**
 * Calls a function once a signal is aborted.
 *
 * @param {AbortSignal} signal One that is not aborted yet.
 * @param {() => void} callback Must not throw.
 * @returns {() => void} Takes that back.
 */
function onAbort(signal, callback) {
  const { callbacks, unlisten } = listening.get(signal) ?? listen(signal);
  callbacks.add(callback);
  return () => {
    if (!callbacks.delete(callback) || callbacks.size > 0) return;
    listening.delete(signal);
    unlisten();
  };
}

/** @param {AbortSignal} signal */
function listen(signal) {
  const callbacks = /** @type {Set<() => void>} */ (new Set());
  const listener = () => {
    for (const callback of callbacks) callback();
  };
  const record = { callbacks, unlisten: addListener(signal, listener) };
  listening.set(signal, record);
  return record;
}

/** Node.js 20.5 and later have a listener that `stopImmediatePropagation()` does not keep from hearing. */
function addListener(signal, listener) {
  if (events.addAbortListener !== undefined) {
    const added = events.addAbortListener(signal, listener);
    return () => added[Symbol.dispose]();
  }
  signal.addEventListener('abort', listener, { once: true });
  return () => signal.removeEventListener('abort', listener);
}

/** @param {unknown} cause */
function abortError(cause) {
  const error = new Error('The operation was aborted', { cause });
  return Object.assign(error, { code: 'ABORT_ERR', name: 'AbortError' });
}

module.exports = { abortError, onAbort };
