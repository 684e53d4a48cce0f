//! The binding: the only folder that names napi. Arguments in, outcomes and descriptors out.
//!
//! What is exported here is for `lib/`, which checks what the app hands in and makes events and sockets of what comes
//! out. Methods catch panics, which abort the process otherwise.

mod environment;
mod outcome;
mod rover;
mod server;

use std::time::Duration;

use crate::net::endpoint::Addresses;

/// A number of milliseconds from JavaScript.
fn milliseconds(number: f64) -> Duration {
    Duration::try_from_secs_f64(number / 1000.0).unwrap_or(Duration::MAX)
}

/// Which addresses a head start means, in milliseconds: 0 is the first one only.
fn addresses_of(head_start: f64) -> Addresses {
    match milliseconds(head_start) {
        Duration::ZERO => Addresses::First,
        head_start => Addresses::Raced(head_start),
    }
}

/// `lib/` checks what comes here; this only keeps a slip there from going further.
fn invalid(field: &str) -> napi::Error {
    napi::Error::new(napi::Status::InvalidArg, format!("Invalid {field}"))
}
