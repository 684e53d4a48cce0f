//! One attempt: from an endpoint to its outcome. Knows no rover.

pub mod handshake;
pub mod outcome;
pub mod slot;

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use socket2::Socket;
use tokio::time::Instant;

use crate::failpoints::{self, Failpoint};
use crate::net::connect::connect;
use crate::net::endpoint::{AddressPolicy, Endpoint};
use crate::net::error::{SyscallError, Target};
use crate::net::lookup::Lookups;
use handshake::{Handshake, HandshakeError, Reply, discard};
use outcome::{Outcome, Times};

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

/// The highest slot that is wanted: any JavaScript number.
#[derive(Debug)]
pub struct MaxSlot(AtomicU64);

impl MaxSlot {
    /// Admits slots up to `slot`; `f64::INFINITY` admits all.
    pub fn new(slot: f64) -> Self {
        Self(AtomicU64::new(slot.to_bits()))
    }

    /// Replaces the limit, for attempts in flight as well, and returns the one before.
    pub fn replace(&self, slot: f64) -> f64 {
        f64::from_bits(self.0.swap(slot.to_bits(), Ordering::Relaxed))
    }

    /// Whether `slot` is wanted.
    pub fn admits(&self, slot: u64) -> bool {
        // Exact, since a slot fits into 53 bits.
        slot as f64 <= f64::from_bits(self.0.load(Ordering::Relaxed))
    }
}

/// How far an attempt got.
#[derive(Debug)]
pub enum Progress {
    /// It has ended.
    Ended(Outcome, Times),
    /// It is connected, and the slot line has not come.
    Connected(Connected),
}

/// A connected attempt without its slot line. Dropping it closes the connection; the server sees an end, or a reset
/// where it has sent bytes that were not read.
#[derive(Debug)]
pub struct Connected {
    socket: Socket,
    target: Target,
    handshake: Handshake,
    since: Instant,
    /// In microseconds: thousands of these may wait.
    connect_time: u32,
}

/// Connects to `endpoint`, and looks whether the slot line is there. The time for it began at `since`: a look-up of the
/// app's own may have taken some of it.
///
/// # Cancel safety
/// Dropping the future closes the connection.
pub async fn attempt(
    endpoint: &Endpoint,
    policy: AddressPolicy,
    limits: &Limits,
    lookups: &Arc<Lookups>,
    since: Instant,
) -> Progress {
    failpoints::hit(Failpoint::Attempt, endpoint);
    let deadline = limits.connect_timeout.map(|limit| since + limit);
    // Boxed, so that attempts whose turn has not come take a fraction of the memory: many may begin at once.
    let connecting = Box::pin(connect(endpoint, policy, lookups, deadline));
    let (socket, target) = match connecting.await {
        Ok(connected) => connected,
        Err(error) => {
            return Progress::Ended(Outcome::from_connect_error(error), Times::default());
        }
    };
    let mut connected = Connected::new(socket, target, since.elapsed());
    // The server has the line ready while others have their turn, and is not asked in vain: process CPU of an attempt
    // 55 to 62 -> 42 µs, of a rover at 1 ms.
    let_others_go_first().await;
    match connected.advance() {
        Some(reply) => {
            let (outcome, times) = connected.conclude(Some(reply), limits);
            Progress::Ended(outcome, times)
        }
        None => Progress::Connected(connected),
    }
}

impl Connected {
    /// A connection to `target` that does not block and took `connect_time`.
    pub fn new(socket: Socket, target: Target, connect_time: Duration) -> Self {
        let connect_time = u32::try_from(connect_time.as_micros()).unwrap_or(u32::MAX);
        let handshake = Handshake::default();
        Self { socket, target, handshake, since: Instant::now(), connect_time }
    }

    /// The connection.
    pub fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Since when it is connected.
    pub fn since(&self) -> Instant {
        self.since
    }

    /// Reads what has come of the slot line: see [`Handshake::advance`].
    pub fn advance(&mut self) -> Option<Reply> {
        self.handshake.advance(&self.socket)
    }

    /// The outcome: by the server's reply, or by `None` if the slot deadline passed.
    ///
    /// # How a rejection is closed
    /// Plainly, after what has come was read, so that the server sees an end and no error. We are the first to close, so
    /// the port stays taken on this side for the minute of TIME_WAIT, and only towards this server's address: with
    /// the 28,232 ports that Linux has by default that allows for 470 rejections a second of one server from one
    /// source address, where one rover makes one a second. Towards loopback Linux takes such ports again after a second
    /// (`tcp_tw_reuse`). Where they do run out the outcome is an exhaustion, which blames nobody.
    ///
    /// A reset (SO_LINGER 0) would leave nothing behind. But the server would have ECONNRESET on a socket that it has
    /// just greeted, and a Node server without an `error` listener on its sockets ends by that: too high a price.
    pub fn conclude(self, reply: Option<Reply>, limits: &Limits) -> (Outcome, Times) {
        let Self { socket, target, since, connect_time, .. } = self;
        let connect_time = Duration::from_micros(connect_time.into());
        let mut times = Times { connect: Some(connect_time), slot: None };
        let outcome = match reply {
            Some(Ok(slot)) => {
                times.slot = Some(since.elapsed());
                if limits.max_slot.admits(slot) {
                    Outcome::Connection { slot, socket: Some(socket) }
                } else {
                    discard(&socket, &mut Vec::new());
                    Outcome::Rejected { slot }
                }
            }
            Some(Err(HandshakeError::Closed)) => Outcome::Closed,
            Some(Err(HandshakeError::Protocol(mut received))) => {
                discard(&socket, &mut received);
                Outcome::Protocol(received)
            }
            Some(Err(HandshakeError::Broken(error))) => {
                Outcome::from_connect_error(SyscallError::from_io("read", &error, target).into())
            }
            None => Outcome::Unreachable(SyscallError::timed_out("read", target).into()),
        };
        (outcome, times)
    }
}

async fn let_others_go_first() {
    let mut have_gone = false;
    poll_fn(|context| {
        if std::mem::replace(&mut have_gone, true) {
            return Poll::Ready(());
        }
        // Not `yield_now`, which asks the poller as well.
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
