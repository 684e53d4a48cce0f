'use strict';

const { AsyncLocalStorage, AsyncResource } = require('node:async_hooks');

const { Environment, OutcomeKind } = require('./native');
const { loadBuiltins } = require('./builtins');
const { observed, watchSubscriptions } = require('./diagnostics');
const { defaultAddressPolicy } = require('./net-defaults');
const { answerQuestion, emitOutcome, internalError } = require('./outcomes');

// What all rovers of this JavaScript environment share: the way that outcomes take to them, the calls that asked for
// them, and what keeps the process alive. A rover is referenced from here as long as it roves or has attempts in
// flight, and no longer; and nothing native refers to this realm as long as none does.

/**
 * A call that asked for attempts: of `connect()`, `start()` or `rove()`. Their outcomes are emitted in its
 * asynchronous context.
 *
 * @typedef {object} CallContext
 * @property {number} key What Rust knows it by.
 * @property {import('./client-rover')} rover
 * @property {import('./state').State} state
 * @property {AsyncResource} resource
 * @property {number} left Outcomes to come; Infinity while it roves.
 * @property {Roving | null} roving What made the attempts, and says whether they keep the process alive.
 * @property {Settle | null} settle Takes the outcome in place of an event.
 * @property {number} stops How often the rover had been stopped.
 * @property {Map<number, unknown> | null} failures What the answers to questions left for the outcomes of their attempts,
 *   until they are told: `MAX_PENDING` bounds them.
 */

/** @typedef {import('./roving').Roving} Roving */
/** @typedef {import('./outcomes').Settle} Settle */

/**
 * By key; a vacant one says which is vacant next. As long as the most that were open at a time: 8 bytes each, of what
 * `MAX_PENDING` of the rovers bounds.
 *
 * @type {(CallContext | number)[]}
 */
const contexts = [];
let freeHead = 0;
let open = 0;
/** Outcomes that the process is kept alive for. */
let awaited = 0;

/** @type {Environment | undefined} */
let native;
let isConnected = false;
/** Ends the watch over who subscribes. */
let unwatch = () => {};
let isReferenced = false;
let isSyncing = false;
/** Whose outcome is being delivered. */
let delivering = /** @type {CallContext | null} */ (null);
let observables = 0;
/** What Rust was told of it. */
let policy = { order: -1, headStart: -1 };

/**
 * The roving whose tick JavaScript runs, as seen by all that the tick sets off: an overridden `connect` may call the
 * original one much later. Listeners do not see it. Only used where JavaScript ticks: in Node.js 20 and 22 it makes each
 * promise of the process cost 60 ns more.
 *
 * @type {AsyncLocalStorage<Roving | undefined>}
 */
const ticking = new AsyncLocalStorage();

/** Returns the native environment. The first call makes it. */
function nativeEnvironment() {
  if (native === undefined) {
    native = new Environment();
    loadBuiltins();
  }
  return native;
}

/**
 * Calls what a tick of a roving is to call.
 *
 * @param {Roving} roving
 * @param {() => void} connect
 */
function runTick(roving, connect) {
  ticking.run(roving, connect);
}

/** Returns the roving that is to answer for an attempt which is asked for now. */
function tickingRoving() {
  return ticking.getStore() ?? null;
}

/**
 * Calls what has nothing to do with the tick that it is called in.
 *
 * @template T
 * @param {() => T} callback
 * @returns {T}
 */
function outsideTick(callback) {
  return ticking.getStore() === undefined ? callback() : ticking.run(undefined, callback);
}

/**
 * Opens a context.
 *
 * @param {import('./client-rover')} rover
 * @param {import('./state').State} state
 * @param {number} left
 * @param {Roving | null} roving
 * @param {Settle | null} [settle]
 * @returns {CallContext}
 */
function openContext(rover, state, left, roving, settle = null) {
  const resource = outsideTick(makeResource);
  const key = freeHead;
  freeHead = /** @type {number | undefined} */ (contexts[key]) ?? key + 1;
  /** @type {CallContext} */
  const context = { key, rover, state, resource, left: 0, roving, settle, failures: null, stops: state.stops };
  contexts[key] = context;
  open++;
  setOutstanding(context, left);
  return context;
}

function makeResource() {
  return new AsyncResource('ClientRover', { requireManualDestroy: true });
}

/**
 * Says how many outcomes of a context are still to come. Without any it is closed.
 *
 * @param {CallContext} context
 * @param {number} left
 */
function setOutstanding(context, left) {
  if (!isOpen(context)) return;
  const change = finite(left) - finite(context.left);
  context.left = left;
  const { roving } = context;
  if (roving !== null) roving.outstanding += change;
  if (roving === null || roving.isAwaited) awaited += change;
  if (left === 0) {
    contexts[context.key] = freeHead;
    freeHead = context.key;
    open--;
    // The one that is being delivered is still to be run in.
    if (context !== delivering) context.resource.emitDestroy();
  }
  sync();
}

/**
 * Whether outcomes of a context are still to come.
 *
 * @param {CallContext} context
 */
function isOpen(context) {
  return contexts[context.key] === context;
}

/**
 * Closes contexts, whose attempts were abandoned.
 *
 * @param {Iterable<number>} keys Of attempts: a key may come several times, or be closed already.
 */
function closeAll(keys) {
  for (const key of keys) {
    const context = contexts[key];
    if (typeof context !== 'object') continue;
    setOutstanding(context, 0);
    context.settle?.();
  }
}

/**
 * Says whether what a roving has outstanding keeps the process alive.
 *
 * @param {Roving} roving
 * @param {boolean} isAwaited
 */
function setAwaited(roving, isAwaited) {
  if (roving.isAwaited === isAwaited) return;
  roving.isAwaited = isAwaited;
  awaited += isAwaited ? roving.outstanding : -roving.outstanding;
  sync();
}

/** Called from Rust, once for each outcome, each time as a callback of its own. */
function deliver(kind, key, server, number, detail, change, attempt) {
  const context = contexts[key];
  if (typeof context !== 'object') {
    if (kind === OutcomeKind.Internal) throw internalError(detail);
    return;
  }
  const { resource } = context;
  const before = delivering;
  delivering = context;
  try {
    if (kind === OutcomeKind.Question) {
      resource.runInAsyncScope(answerQuestion, null, context, server, number, attempt);
    } else {
      if (kind !== OutcomeKind.Made && context.left !== Infinity) setOutstanding(context, context.left - 1);
      resource.runInAsyncScope(emitOutcome, null, context, kind, server, number, detail, change, attempt);
    }
  } finally {
    delivering = before;
    if (context.left === 0) resource.emitDestroy();
    sync();
  }
}

/**
 * Opens or closes the way to here, and references it or not, as what is outstanding asks for. Put off to the end of a
 * delivery: its listener may ask for the next attempt.
 */
function sync() {
  if (delivering !== null || isSyncing || native === undefined) return;
  // A hook of async_hooks, which hears of the way when it is opened, may call whatever changes what is outstanding.
  isSyncing = true;
  try {
    if (open > 0 && !isConnected) {
      isConnected = true;
      native.open(deliver);
      unwatch = watchSubscriptions(syncObservables);
      syncObservables();
    }
    if (awaited > 0 !== isReferenced) {
      isReferenced = awaited > 0;
      if (isReferenced) native.ref();
      else native.unref();
    }
    if (open === 0 && isConnected) {
      isConnected = false;
      unwatch();
      native.close();
    }
  } finally {
    isSyncing = false;
  }
}

/** Tells the native side what an app can set for the whole process, and what is subscribed to. */
function syncSettings() {
  const wanted = defaultAddressPolicy();
  if (wanted.order !== policy.order || wanted.headStart !== policy.headStart) {
    policy = wanted;
    nativeEnvironment().setAddressPolicy(wanted.order, wanted.headStart);
  }
  syncObservables();
}

function syncObservables() {
  const wanted = observed();
  if (wanted === observables) return;
  observables = wanted;
  nativeEnvironment().observe(observables);
}

function finite(count) {
  return count === Infinity ? 0 : count;
}

module.exports = {
  closeAll,
  isOpen,
  nativeEnvironment,
  openContext,
  outsideTick,
  runTick,
  setAwaited,
  setOutstanding,
  sync,
  syncSettings,
  tickingRoving,
};
