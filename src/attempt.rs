//! One attempt: from a server to exactly one outcome.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::Instant;

use crate::connect::{connect, within};
use crate::failure::{Failure, Fault};
use crate::faults;
use crate::handshake::{HandshakeError, discard, read_slot};
use crate::lookup::Lookups;
use crate::servers::Server;

/// How an attempt ended.
#[derive(Debug)]
pub enum Outcome {
    /// The server gave a slot. The descriptor is non-blocking, and unread behind the slot line.
    Connection {
        /// The slot number.
        slot: u64,
        /// The connection.
        descriptor: OwnedFd,
    },
    /// The server gave a slot that is too high; the connection is closed.
    Rejected,
    /// No slot came, and the server or the way to it is to blame.
    Unreachable(Failure),
    /// No slot came, since this machine ran out of something.
    LocalFault(Fault),
    /// The server sent something else than a slot line, of which this is the beginning.
    Protocol(Vec<u8>),
    /// There was no server to pick.
    NoServers,
    /// A bug of ours: the message of a panic.
    Internal(String),
}

/// What bounds an attempt.
#[derive(Debug)]
pub struct Limits {
    /// For the look-up and connecting; `None` is no limit.
    pub connect_timeout: Option<Duration>,
    /// From connected to the end of the slot line; `None` is no limit.
    pub slot_timeout: Option<Duration>,
    /// The highest slot that is wanted. Can change while attempts are in flight.
    pub max_slot: MaxSlot,
}

/// The highest slot that is wanted: a JavaScript number, any of them.
#[derive(Debug)]
pub struct MaxSlot(AtomicU64);

impl MaxSlot {
    /// Wants slots up to `slot`; `f64::INFINITY` wants all.
    pub fn new(slot: f64) -> Self {
        Self(AtomicU64::new(slot.to_bits()))
    }

    /// Changes it, for attempts in flight as well.
    pub fn set(&self, slot: f64) {
        self.0.store(slot.to_bits(), Ordering::Relaxed);
    }

    /// The highest slot that is wanted.
    pub fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }

    /// Whether `slot` is wanted.
    pub fn admits(&self, slot: u64) -> bool {
        // Exact, since a slot fits into 53 bits.
        slot as f64 <= self.get()
    }
}

/// Connects to `server` and reads its slot line.
///
/// # Cancel safety
/// Dropping the future closes the connection; the server sees an end, or a reset where it has sent
/// bytes that were not read.
pub fn attempt(
    server: &Server,
    limits: &Limits,
    lookups: &Arc<Lookups>,
) -> impl Future<Output = Outcome> {
    reach(server, limits, lookups).map(|reached| {
        reached.unwrap_or_else(|failure| match failure.local_fault() {
            Some(fault) => Outcome::LocalFault(fault.clone()),
            None => Outcome::Unreachable(failure),
        })
    })
}

async fn reach(
    server: &Server,
    limits: &Limits,
    lookups: &Arc<Lookups>,
) -> Result<Outcome, Failure> {
    faults::strike(faults::Fault::Attempt, server);
    // Boxed, since it is far larger than what follows: most of the time that attempts are pending they
    // wait for the slot line.
    let connecting = Box::pin(connect(&server.peer, lookups, deadline(limits.connect_timeout)));
    let (mut stream, place) = connecting.await?;
    let reading = within(deadline(limits.slot_timeout), read_slot(&mut stream));
    let slot = match reading.await {
        Some(Ok(slot)) => slot,
        Some(Err(HandshakeError::Protocol(mut received))) => {
            discard(stream.socket(), &mut received);
            return Ok(Outcome::Protocol(received));
        }
        Some(Err(HandshakeError::Broken(error))) => {
            return Err(Fault::from_io("read", &error, place).into());
        }
        // To the app this is a connection that was lost, whichever way the server closed it.
        Some(Err(HandshakeError::Closed)) => {
            return Err(Fault { syscall: "read", errno: -libc::ECONNRESET, place }.into());
        }
        None => return Err(Fault::timed_out("read", place).into()),
    };
    if !limits.max_slot.admits(slot) {
        discard(stream.socket(), &mut Vec::new());
        return Ok(Outcome::Rejected);
    }
    Ok(Outcome::Connection { slot, descriptor: stream.into_descriptor() })
}

fn deadline(limit: Option<Duration>) -> Option<Instant> {
    limit.map(|limit| Instant::now() + limit)
}
