//! The native side of `callosum-client-tcp-rover`: a rover for Callosum that lives on Tokio and calls JavaScript only
//! with outcomes.
//!
//! The life of an attempt:
//!
//! 1. [`rover`] admits it, on a tick of its schedule or on `connect()`: it picks a server from its [`servers`] table and
//!    adds a record to what is in flight;
//! 2. [`attempt`] connects ([`net`]: look-up, addresses raced, one connection) and reads the slot line and not a byte
//!    more; until the line has come, the attempt waits in [`runtime::slot_waiters`];
//! 3. `settle`, in `rover/delivery.rs`, takes every outcome: statistics, state of the server, interval, delivery;
//! 4. it waits in the outbox of the [`env`](mod@env), which owns the descriptor meanwhile;
//! 5. [`binding`] is woken on the JavaScript thread, takes it and calls `lib/environment.js` with it.
//!
//! Layers point one way: binding -> rover -> runtime, env, servers, stats -> attempt -> net. Only [`binding`] knows
//! napi; the slot line, [`servers`] and [`stats`] know neither Tokio nor sockets. [`failpoints`] is for tests.

mod attempt;
mod binding;
mod env;
mod failpoints;
mod net;
mod rover;
mod runtime;
mod servers;
mod stats;
