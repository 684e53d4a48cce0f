'use strict';

const events = require('node:events');

/** @type {WeakMap<AbortSignal, { callbacks: Set<() => void>, unlisten: () => void }>} */
const listened = new WeakMap();

/**
 * Calls back when a signal is aborted. However many callbacks a signal has, it has one listener: Node.js warns of the
 * eleventh.
 *
 * @param {AbortSignal} signal
 * @param {() => void} callback
 * @returns {() => void} takes it back
 */
function onAbort(signal, callback) {
  const entry = listened.get(signal) ?? listenTo(signal);
  entry.callbacks.add(callback);
  return () => {
    entry.callbacks.delete(callback);
    if (entry.callbacks.size > 0) return;
    entry.unlisten();
    listened.delete(signal);
  };
}

function listenTo(signal) {
  const callbacks = new Set();
  const listener = () => {
    for (const callback of callbacks) callback();
  };
  const entry = { callbacks, unlisten: addListener(signal, listener) };
  listened.set(signal, entry);
  return entry;
}

function addListener(signal, listener) {
  // Not there before Node.js 20.5. No listener of the app can keep it from being called.
  if (typeof events.addAbortListener === 'function') {
    const listening = events.addAbortListener(signal, listener);
    return () => listening[Symbol.dispose]();
  }
  signal.addEventListener('abort', listener, { once: true });
  return () => signal.removeEventListener('abort', listener);
}

module.exports = { onAbort };
