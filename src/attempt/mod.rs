//! One attempt: from a server to exactly one outcome.

pub mod handshake;
pub mod slot;

use std::future::poll_fn;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use socket2::Socket;
use tokio::time::Instant;

use crate::attempt::handshake::{Handshake, HandshakeError, Reply, discard};
use crate::failpoints;
use crate::net::connect::connect;
use crate::net::error::{ConnectError, SyscallError, Target};
use crate::net::lookup::Lookups;
use crate::servers::{AddressPolicy, Server};

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
    Unreachable(ConnectError),
    /// No slot came, since this machine ran out of something.
    LocalFault(SyscallError),
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

/// How far an attempt is.
#[derive(Debug)]
pub enum Stage {
    /// It has ended.
    Ended(Outcome),
    /// It is connected, and the slot line has not come.
    Waiting(Waiting),
}

/// An attempt that is connected, without its slot line. Dropping it closes the connection; the server sees an end,
/// or a reset where it has sent bytes that were not read.
#[derive(Debug)]
pub struct Waiting {
    socket: Socket,
    place: Target,
    handshake: Handshake,
    deadline: Option<Instant>,
}

/// Connects to `server`, and looks whether the slot line is there.
///
/// # Cancel safety
/// Dropping the future closes the connection.
pub async fn attempt(server: &Server, limits: &Limits, lookups: &Arc<Lookups>) -> Stage {
    failpoints::hit(failpoints::Failpoint::Attempt, server);
    // Boxed, so that attempts whose turn has not come take a fraction of the memory: many may begin at once.
    let connecting = Box::pin(connect(
        &server.peer,
        AddressPolicy::default(),
        lookups,
        deadline(limits.connect_timeout),
    ));
    let (socket, place) = match connecting.await {
        Ok(connected) => connected,
        Err(failure) => return Stage::Ended(failure.into()),
    };
    let mut waiting = Waiting::new(socket, place, deadline(limits.slot_timeout));
    // The server has it ready while others have their turn: that saves asking in vain.
    let_others_go_first().await;
    match waiting.advance() {
        Some(reply) => Stage::Ended(waiting.conclude(Some(reply), limits)),
        None => Stage::Waiting(waiting),
    }
}

impl Waiting {
    /// A connection, which does not block, to `place`, and until when the slot line has to come.
    pub fn new(socket: Socket, place: Target, deadline: Option<Instant>) -> Self {
        Self { socket, place, handshake: Handshake::default(), deadline }
    }

    /// The connection.
    pub fn socket(&self) -> &Socket {
        &self.socket
    }

    /// When its time is over.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Reads what has come of the slot line: see [`Handshake::advance`].
    pub fn advance(&mut self) -> Option<Reply> {
        self.handshake.advance(&self.socket)
    }

    /// The outcome: by what the server said, or by `None` that its time is over.
    ///
    /// # How a rejection is closed
    /// Plainly, after what has come was read, so that the server sees an end and no error. We are the first to close, so
    /// the port stays taken on this side for the minute of TIME_WAIT, and only towards this server's address: with
    /// the 28,232 ports that Linux has by default that allows for 470 rejections in a second of one server from one
    /// source address (fewer are left by what else connects there), where one rover makes one in a second. Towards
    /// loopback Linux takes such ports again after a second (`tcp_tw_reuse`). Where they do run out the outcome is
    /// an exhaustion, see [`ConnectError::exhaustion`], which blames nobody.
    ///
    /// A reset (SO_LINGER 0) would leave nothing behind. But the server would have ECONNRESET on a socket that it has just
    /// greeted, and a Node server without an `error` listener on its sockets, which this protocol never needed, ends by
    /// it: too high a price for each rejection.
    pub fn conclude(self, reply: Option<Reply>, limits: &Limits) -> Outcome {
        let Self { socket, place, .. } = self;
        match reply {
            Some(Ok(slot)) if limits.max_slot.admits(slot) => {
                Outcome::Connection { slot, descriptor: socket.into() }
            }
            Some(Ok(_)) => {
                discard(&socket, &mut Vec::new());
                Outcome::Rejected
            }
            Some(Err(HandshakeError::Protocol(mut received))) => {
                discard(&socket, &mut received);
                Outcome::Protocol(received)
            }
            Some(Err(HandshakeError::Broken(error))) => {
                ConnectError::from(SyscallError::from_io("read", &error, place)).into()
            }
            // To the app this is a connection that was lost, whichever way the server closed it.
            Some(Err(HandshakeError::Closed)) => {
                let errno = -libc::ECONNRESET;
                ConnectError::from(SyscallError { syscall: "read", errno, place }).into()
            }
            None => ConnectError::from(SyscallError::timed_out("read", place)).into(),
        }
    }
}

impl From<ConnectError> for Outcome {
    fn from(failure: ConnectError) -> Self {
        match failure.exhaustion() {
            Some(fault) => Self::LocalFault(fault.clone()),
            None => Self::Unreachable(failure),
        }
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

fn deadline(limit: Option<Duration>) -> Option<Instant> {
    limit.map(|limit| Instant::now() + limit)
}
