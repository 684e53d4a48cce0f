//! The native side of `callosum-client-tcp-rover`: a rover for Callosum that lives on Tokio and
//! bothers JavaScript only with outcomes.
//!
//! The life of one attempt:
//!
//! 1. [`rover`] picks a random server from its [`servers`] table, on each tick or on `connect()`;
//! 2. [`attempt`] connects to it ([`connect`], after a [`lookup`] if it has a name; [`dial`] for one address, with a
//!    socket of [`reuse`] where there is one);
//! 3. [`handshake`] reads the slot line and not a byte more, [`slot`] says what it means; until it has come the
//!    attempt waits in the [`slot_waiters`];
//! 4. the outcome waits in the [`outbox`] of the [`environment`], which owns the descriptor meanwhile;
//! 5. [`binding`] is woken on the JavaScript thread, takes it out and calls `lib/environment.js` with it.
//!
//! Layers point one way: binding, rover, environment and runtime, attempt, then the rest. Only [`binding`]
//! knows napi; [`slot`], [`servers`] and [`stats`] know neither Tokio nor sockets. [`runtime`] owns the one
//! thread, and the [`timers`] of what is to be called on it later. [`gathering`] says which failures may wait
//! for others. [`handoff`] is how a descriptor gets to JavaScript, [`failure`] is why it may not, and [`shortage`]
//! knows when this process itself is to blame. [`faults`] is for tests.

mod attempt;
mod binding;
mod env;
mod failpoints;
mod gathering;
mod net;
mod rover;
mod runtime;
mod servers;
mod stats;
