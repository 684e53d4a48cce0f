'use strict';

const { addAbortListener } = require('node:events');

// The signals of rovers and of `rove()`.

/**
 * What is called when a signal is aborted. A signal has one listener for all calls: more than ten would make Node warn.
 *
 * @type {WeakMap<AbortSignal, { callbacks: Set<() => void>, listener: () => void }>}
 */
const listening = new WeakMap();

/**
 * Calls a function once a signal is aborted.
 *
 * @param {AbortSignal} signal
 * @param {() => void} callback Must not throw.
 */
function onAbort(signal, callback) {
  const { callbacks } = listening.get(signal) ?? listen(signal);
  callbacks.add(callback);
}

/**
 * Takes back what `onAbort` was given.
 *
 * @param {AbortSignal} signal
 * @param {() => void} callback
 */
function offAbort(signal, callback) {
  const record = listening.get(signal);
  if (!record?.callbacks.delete(callback) || record.callbacks.size > 0) return;
  listening.delete(signal);
  signal.removeEventListener('abort', record.listener);
}

/**
 * By Node's own function, where there is one (Node 20.5): another listener could keep the event from ours by
 * `stopImmediatePropagation()`.
 *
 * @param {AbortSignal} signal
 */
function listen(signal) {
  const callbacks = /** @type {Set<() => void>} */ (new Set());
  const listener = () => {
    for (const callback of callbacks) callback();
  };
  const record = { callbacks, listener };
  listening.set(signal, record);
  // Nothing follows where it is aborted already, but `addAbortListener` would call it.
  if (signal.aborted) return record;
  if (typeof addAbortListener === 'function') addAbortListener(signal, listener);
  else signal.addEventListener('abort', listener, { once: true });
  return record;
}

/**
 * Makes the error of what was aborted, as Node's own: its `code` is `ABORT_ERR`.
 *
 * @param {unknown} [cause]
 */
function abortError(cause) {
  const error = new Error('The operation was aborted', cause === undefined ? undefined : { cause });
  return Object.assign(error, { code: 'ABORT_ERR', name: 'AbortError' });
}

module.exports = { abortError, offAbort, onAbort };
