//! The native side of `callosum-client-tcp-rover`: a rover for Callosum that lives on Tokio and calls JavaScript only
//! with outcomes.
//!
//! How an attempt lives, from its admission to its event: docs/architecture.md.
//!
//! Layers point one way: binding -> rover -> runtime, env, servers, stats -> attempt -> net. Only [`binding`] knows
//! napi. Of attempts, [`servers`] and [`stats`] know only [`attempt::outcome`]. [`failpoints`] is for tests.

mod attempt;
mod binding;
mod env;
mod failpoints;
mod net;
mod rover;
mod runtime;
mod servers;
mod stats;
