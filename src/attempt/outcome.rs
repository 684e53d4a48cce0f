//! The outcome of an attempt: a leaf that everything else may name.

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
        /// The connection, non-blocking, unread behind the slot line.
        socket: Socket,
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
    /// JavaScript could not use the server, and knows why.
    Invalid,
    /// The app's own `lookup` failed, and JavaScript knows how.
    LookupFailed,
    /// There was no server to pick.
    NoServers,
    /// A bug of ours: the message of a panic.
    Internal(String),
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

    /// The slot that the server gave, if it gave one.
    pub fn slot(&self) -> Option<u64> {
        match self {
            Self::Connection { slot, .. } | Self::Rejected { slot } => Some(*slot),
            _ => None,
        }
    }
}
