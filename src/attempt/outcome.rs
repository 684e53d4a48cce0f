//! The outcome of an attempt, which all layers above may name. It owns a connection, or errors of [`net`](crate::net).

use std::time::Duration;

use socket2::Socket;

use crate::net::error::{ConnectError, SyscallError};

/// How an attempt ended.
#[derive(Debug)]
pub enum Outcome {
    /// The server gave a slot.
    Connection {
        /// The slot number.
        slot: u64,
        /// The connection, non-blocking, unread behind the slot line. `None` where JavaScript has dialled, and has it.
        socket: Option<Socket>,
    },
    /// The server gave a slot above the limit; the connection is closed.
    Rejected {
        /// The slot number.
        slot: u64,
    },
    /// The server could not be connected to, or reset the connection before a slot came, or a time limit passed.
    Unreachable(ConnectError),
    /// The server accepted, and closed before it sent anything.
    Closed,
    /// The server sent something else than a slot line: its beginning.
    Protocol(Vec<u8>),
    /// This machine ran out of something; the server is not to blame.
    Exhausted(SyscallError),
    /// JavaScript could not use the server, and knows why: it is bad, or this machine ran out of something.
    Invalid,
    /// What JavaScript did in our place failed, and it knows how: the app's own `lookup`, or dialling a named pipe.
    LookupFailed,
    /// There was no server to pick.
    NoServers,
    /// A bug of ours: the message of a panic.
    Internal(String),
}

/// What an outcome says of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It gave this slot.
    GaveSlot(u64),
    /// It failed.
    Failed(Failure),
    /// Nothing: the server did not get its turn.
    None,
}

/// How a server failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// A system call failed, with this error in libuv's numbering.
    Syscall(i32),
    /// It closed before it gave a slot.
    Closed,
    /// It sent something else than a slot line.
    Protocol,
    /// What JavaScript did in our place failed: see [`Outcome::LookupFailed`].
    Lookup,
}

/// How long the parts of an attempt took, as far as it got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// The look-up and connecting.
    pub connect: Option<Duration>,
    /// From connected to the end of the slot line.
    pub slot: Option<Duration>,
}

impl Outcome {
    /// The outcome of an attempt that could not connect.
    pub fn from_connect_error(error: ConnectError) -> Self {
        match error.exhaustion() {
            Some(cause) => Self::Exhausted(cause.clone()),
            None => Self::Unreachable(error),
        }
    }

    /// What it says of the server.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Connection { slot, .. } | Self::Rejected { slot } => Verdict::GaveSlot(*slot),
            Self::Unreachable(error) => Verdict::Failed(Failure::Syscall(error.errno())),
            Self::Closed => Verdict::Failed(Failure::Closed),
            Self::Protocol(_) => Verdict::Failed(Failure::Protocol),
            Self::LookupFailed => Verdict::Failed(Failure::Lookup),
            Self::Exhausted(_) | Self::Invalid | Self::NoServers | Self::Internal(_) => {
                Verdict::None
            }
        }
    }
}
