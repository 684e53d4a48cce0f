//! The way to a server: look-up, addresses raced, one connection. Knows no rover.

pub mod connect;
pub mod dial;
pub mod endpoint;
pub mod error;
pub mod exhaustion;
pub mod literal;
pub mod lookup;
pub mod reuse;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

/// What differs from system to system.
#[cfg(unix)]
use unix as platform;
#[cfg(windows)]
use windows as platform;
