//! Why an attempt failed before a slot came.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use crate::net::exhaustion;
use crate::net::literal::Literal;
use crate::net::platform::{NO_PORT_LEFT, errno, libuv_errno};

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

    /// Whether an error is one of `getaddrinfo`, and not of the system: of what this machine has run out of.
    pub fn contains(errno: i32) -> bool {
        (-3999..=-3000).contains(&errno)
    }
}

/// A system call that failed.
#[derive(Clone, Debug, PartialEq)]
pub struct SyscallError {
    /// The call, in Node's words: `getaddrinfo`, `bind`, `connect` or `read`.
    pub syscall: &'static str,
    /// The error in libuv's numbering: one of a system error, or one of [`eai`].
    pub errno: i32,
    /// What the call was about.
    pub target: Target,
    /// The near end. Boxed: it is rare.
    pub local: Option<Box<LocalEnd>>,
}

/// The near end of a connection that failed, where Node's errors tell it.
#[derive(Clone, Debug, PartialEq)]
pub struct LocalEnd {
    /// Its address, as the app spelled it.
    pub address: String,
    /// Its port.
    pub port: u16,
    /// Whether the app has chosen the port.
    pub is_chosen: bool,
}

/// What a system call was about.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// A host name that was looked up.
    Host(Arc<str>),
    /// A TCP address that was looked up.
    Address(SocketAddr),
    /// A TCP address as the app spelled it, and the port.
    Literal(Literal, u16),
    /// The path of a Unix socket.
    Path(PathBuf),
}

/// Why an attempt failed before a slot came: a cause for each address that was tried, in the order in which they
/// failed, or another one alone. Never empty.
#[derive(Clone, Debug, PartialEq)]
pub struct ConnectError(pub Vec<SyscallError>);

impl SyscallError {
    /// From an error of `std::io`. One without a number is a refused argument, such as a path that is too long:
    /// `EINVAL`.
    pub fn from_io(syscall: &'static str, error: &std::io::Error, target: Target) -> Self {
        let errno = error.raw_os_error().map_or(errno::EINVAL, libuv_errno);
        exhaustion::note(errno);
        Self::new(syscall, errno, target)
    }

    /// An error of which the near end is of no interest.
    pub fn new(syscall: &'static str, errno: i32, target: Target) -> Self {
        Self { syscall, errno, target, local: None }
    }

    /// A time limit that passed during `syscall`.
    pub fn timed_out(syscall: &'static str, target: Target) -> Self {
        Self::new(syscall, errno::ETIMEDOUT, target)
    }

    /// Whether this machine ran out of something, which says nothing about the server.
    fn is_exhaustion(&self) -> bool {
        const OF_ANY_CALL: [i32; 5] =
            [errno::EMFILE, errno::ENFILE, errno::ENOBUFS, errno::ENOMEM, eai::MEMORY];
        match (self.syscall, self.errno) {
            _ if OF_ANY_CALL.contains(&self.errno) => true,
            // No port for this connection is left. Of IPv6 it may mean that there is no address to connect from,
            // which is so where IPv6 is off, and is as good as no route.
            ("connect", NO_PORT_LEFT) => self.target.is_ipv4(),
            // No port is left at all; one that the app has chosen is its own business.
            ("bind", errno::EADDRINUSE) => self.target.port() == Some(0),
            // No thread for the look-up. (Of `connect` it is a Unix socket whose queue is full.)
            ("getaddrinfo", errno::EAGAIN) => true,
            _ => false,
        }
    }
}

impl Target {
    /// Whether it is reached by IPv4; so is an IPv4-mapped address.
    fn is_ipv4(&self) -> bool {
        match self {
            Self::Address(address) => address.ip().to_canonical().is_ipv4(),
            Self::Literal(literal, _) => literal.ip().to_canonical().is_ipv4(),
            Self::Host(_) | Self::Path(_) => false,
        }
    }

    fn port(&self) -> Option<u16> {
        match self {
            Self::Address(address) => Some(address.port()),
            Self::Literal(_, port) => Some(*port),
            Self::Host(_) | Self::Path(_) => None,
        }
    }
}

impl ConnectError {
    /// The error of the first cause, in libuv's numbering.
    pub fn errno(&self) -> i32 {
        self.0.first().map_or(0, |error| error.errno)
    }

    /// The cause that is this machine's own: it ran out of something. One is enough, where several addresses were
    /// tried: whether the server would have answered at that address is not known, so it is not to blame.
    pub fn exhaustion(&self) -> Option<&SyscallError> {
        self.0.iter().find(|cause| cause.is_exhaustion())
    }
}

impl From<SyscallError> for ConnectError {
    fn from(cause: SyscallError) -> Self {
        Self(vec![cause])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause(syscall: &'static str, errno: i32, address: &str) -> SyscallError {
        let target = Target::Address(address.parse().expect("an address"));
        SyscallError::new(syscall, errno, target)
    }

    #[test]
    fn tells_what_this_machine_has_run_out_of_from_what_a_server_did() {
        let (v4, mapped, v6) = ("192.0.2.1:80", "[::ffff:192.0.2.1]:80", "[2001:db8::1]:80");
        for (syscall, errno, address, expected) in [
            ("connect", errno::EMFILE, v4, true),
            ("connect", errno::ENFILE, v6, true),
            ("connect", errno::ENOBUFS, v4, true),
            ("bind", errno::ENOMEM, v4, true),
            ("getaddrinfo", eai::MEMORY, v4, true),
            ("getaddrinfo", errno::EAGAIN, v4, true),
            ("getaddrinfo", eai::AGAIN, v4, false),
            ("connect", NO_PORT_LEFT, v4, true),
            ("connect", NO_PORT_LEFT, mapped, true),
            ("connect", NO_PORT_LEFT, v6, false),
            ("bind", errno::EADDRNOTAVAIL, v4, false),
            ("bind", errno::EADDRINUSE, "192.0.2.1:0", true),
            ("bind", errno::EADDRINUSE, v4, false),
            ("connect", errno::EAGAIN, v4, false),
            ("connect", errno::ECONNREFUSED, v4, false),
        ] {
            let one = ConnectError::from(cause(syscall, errno, address));
            assert_eq!(one.exhaustion().is_some(), expected, "{syscall} {errno} {address}");
        }
    }

    #[test]
    fn blames_no_server_where_one_of_its_addresses_could_not_be_tried() {
        let refused = cause("connect", errno::ECONNREFUSED, "[::1]:80");
        let exhausted = cause("connect", errno::EMFILE, "127.0.0.1:80");
        let several = ConnectError(vec![refused.clone(), exhausted.clone()]);
        assert_eq!(several.exhaustion(), Some(&exhausted));
        assert_eq!(ConnectError(vec![refused.clone(), refused]).exhaustion(), None);
    }
}
