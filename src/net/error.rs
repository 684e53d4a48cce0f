//! Why an attempt failed before a slot came.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use crate::net::exhaustion;

/// The errors of `getaddrinfo` as libuv numbers them, so that Node.js knows their names.
pub mod eai {
    /// A temporary failure; the server may answer later.
    pub const AGAIN: i32 = -3001;
    /// Wrong flags.
    pub const BADFLAGS: i32 = -3002;
    /// The look-up failed for good.
    pub const FAIL: i32 = -3004;
    /// The address family is not supported.
    pub const FAMILY: i32 = -3005;
    /// Out of memory.
    pub const MEMORY: i32 = -3006;
    /// The name has no address.
    pub const NODATA: i32 = -3007;
    /// The name is not known.
    pub const NONAME: i32 = -3008;
    /// The service is not known for this kind of socket.
    pub const SERVICE: i32 = -3010;
    /// The kind of socket is not supported.
    pub const SOCKTYPE: i32 = -3011;
}

/// A system call that failed.
#[derive(Clone, Debug, PartialEq)]
pub struct SyscallError {
    /// The call, in Node's words: `getaddrinfo`, `bind`, `connect` or `read`.
    pub syscall: &'static str,
    /// The error in libuv's numbering: a system error number, negated, or one of [`eai`].
    pub errno: i32,
    /// What the call was about.
    pub place: Target,
}

/// What a system call was about.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// A host name that was looked up.
    Host(Arc<str>),
    /// A TCP address.
    Address(SocketAddr),
    /// The path of a Unix socket.
    Path(PathBuf),
}

/// Why an attempt failed before a slot came. Never empty.
#[derive(Clone, Debug, PartialEq)]
pub enum ConnectError {
    /// One cause.
    One(SyscallError),
    /// One cause for each address that was tried, in the order in which they failed.
    Several(Vec<SyscallError>),
}

impl SyscallError {
    /// The fault behind an error of `std::io`. One without a number is a refused argument, such as a
    /// path that is too long: `EINVAL`.
    pub fn from_io(syscall: &'static str, error: &std::io::Error, place: Target) -> Self {
        let error = error.raw_os_error().unwrap_or(libc::EINVAL);
        exhaustion::note(error);
        Self { syscall, errno: -error, place }
    }

    /// A time limit that passed during `syscall`.
    pub fn timed_out(syscall: &'static str, place: Target) -> Self {
        Self { syscall, errno: -libc::ETIMEDOUT, place }
    }

    /// Whether this machine ran out of something, which says nothing about the server.
    fn is_local(&self) -> bool {
        const LOCAL: [i32; 5] =
            [-libc::EMFILE, -libc::ENFILE, -libc::ENOBUFS, -libc::ENOMEM, eai::MEMORY];
        LOCAL.contains(&self.errno)
    }
}

impl ConnectError {
    /// The error of the first cause, in libuv's numbering.
    pub fn errno(&self) -> i32 {
        match self {
            Self::One(error) => error.errno,
            Self::Several(errors) => errors.first().map_or(0, |error| error.errno),
        }
    }

    /// The fault of this machine among the causes, if there is one: then the server is not to blame.
    pub fn exhaustion(&self) -> Option<&SyscallError> {
        match self {
            Self::One(fault) => Some(fault).filter(|fault| fault.is_local()),
            Self::Several(faults) => faults.iter().find(|fault| fault.is_local()),
        }
    }
}

impl From<SyscallError> for ConnectError {
    fn from(fault: SyscallError) -> Self {
        Self::One(fault)
    }
}

impl fmt::Display for SyscallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed with {} ({})", self.syscall, self.errno, self.place)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(host) => f.write_str(host),
            Self::Address(address) => address.fmt(f),
            Self::Path(path) => path.display().fmt(f),
        }
    }
}

impl std::error::Error for SyscallError {}
