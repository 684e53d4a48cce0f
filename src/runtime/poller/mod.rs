//! The poller: tells which of many sockets can be read. Knows no attempt.
//!
//! [`Poller::open`] makes one and the [`Registry`] of its sockets, each under a key; [`Poller::run`] calls back with the
//! keys of those that can be read.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub use unix::{Poller, Registry, Watch};
#[cfg(windows)]
pub use windows::{Poller, Registry, Watch};

/// How many sockets are looked at before the other tasks of the thread have a turn.
pub const MAX_EVENTS: usize = 64;
