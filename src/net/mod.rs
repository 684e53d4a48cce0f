//! The way to a server: look-up, addresses raced, one connection. Knows no rover.

pub mod connect;
pub mod dial;
pub mod endpoint;
pub mod error;
pub mod exhaustion;
pub mod literal;
pub mod lookup;
pub mod reuse;
mod unix;

/// What differs from system to system.
use unix as platform;
