//! What connecting takes of the system where it is Windows. As libuv does it there (src/win/tcp.c, src/win/error.c),
//! so that an app sees of a server what it would see of `net.connect`.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::windows::io::AsRawSocket;
use std::path::Path;
use std::ptr::null_mut;

use socket2::{Domain, SockAddr, Socket, Type};
use tokio::net::TcpStream;
use windows_sys::Win32::Foundation as win32;
use windows_sys::Win32::Networking::WinSock as winsock;

/// Whether the system connects a socket again that was refused.
pub const CONNECTS_AGAIN: bool = false;

/// Whether a port that only waits for late segments of a connection before has to be asked for. Here that option would
/// take a port from whoever has it.
pub const REUSES_ADDRESSES: bool = false;

/// The flags of a look-up for which the server gives none.
pub const DEFAULT_HINTS: i32 = 0;

/// What `connect` says where no port is left for the connection, if not `ENOBUFS`.
pub const NO_PORT_LEFT: i32 = errno::EADDRINUSE;

/// The files that say how names are looked up: none. What lies at the paths of Unix may be anybody's here.
pub const NAME_FILES: Option<[&str; 2]> = None;

/// System errors as libuv numbers them on Windows (include/uv/errno.h).
pub mod errno {
    /// Not permitted.
    pub const EACCES: i32 = -4092;
    /// The port is taken.
    pub const EADDRINUSE: i32 = -4091;
    /// This machine does not have the address.
    pub const EADDRNOTAVAIL: i32 = -4090;
    /// There is no such kind of address here.
    pub const EAFNOSUPPORT: i32 = -4089;
    /// It would block, or there is no thread.
    pub const EAGAIN: i32 = -4088;
    /// It was begun already.
    pub const EALREADY: i32 = -4084;
    /// There is no such socket.
    pub const EBADF: i32 = -4083;
    /// It was cancelled.
    pub const ECANCELED: i32 = -4081;
    /// This machine has given the connection up.
    pub const ECONNABORTED: i32 = -4079;
    /// Nobody listens.
    pub const ECONNREFUSED: i32 = -4078;
    /// The other side has reset the connection.
    pub const ECONNRESET: i32 = -4077;
    /// An argument cannot be read.
    pub const EFAULT: i32 = -4074;
    /// There is no way to the machine.
    pub const EHOSTUNREACH: i32 = -4073;
    /// An argument is refused.
    pub const EINVAL: i32 = -4071;
    /// It is connected already.
    pub const EISCONN: i32 = -4069;
    /// The process has too many descriptors.
    pub const EMFILE: i32 = -4066;
    /// There is no way to the network.
    pub const ENETUNREACH: i32 = -4062;
    /// The machine has too many descriptors. Windows does not say so.
    pub const ENFILE: i32 = -4061;
    /// There is no room for more sockets, or no port.
    pub const ENOBUFS: i32 = -4060;
    /// There is no such name.
    pub const ENOENT: i32 = -4058;
    /// There is no memory.
    pub const ENOMEM: i32 = -4057;
    /// It is not connected.
    pub const ENOTCONN: i32 = -4053;
    /// It is no socket.
    pub const ENOTSOCK: i32 = -4050;
    /// It cannot be done here.
    pub const ENOTSUP: i32 = -4049;
    /// It was shut down.
    pub const EPIPE: i32 = -4047;
    /// There is no such protocol here.
    pub const EPROTONOSUPPORT: i32 = -4045;
    /// There is no such kind of socket here.
    pub const ESOCKTNOSUPPORT: i32 = -4025;
    /// A time limit has passed.
    pub const ETIMEDOUT: i32 = -4039;
    /// Something else.
    pub const UNKNOWN: i32 = -4094;
}

/// The number of a system error in libuv's numbering: of those that sockets, threads and look-ups give.
pub fn libuv_errno(error: i32) -> i32 {
    match error {
        winsock::WSAEACCES => errno::EACCES,
        winsock::WSAEADDRINUSE => errno::EADDRINUSE,
        winsock::WSAEADDRNOTAVAIL => errno::EADDRNOTAVAIL,
        winsock::WSAEAFNOSUPPORT => errno::EAFNOSUPPORT,
        winsock::WSAEALREADY => errno::EALREADY,
        winsock::WSAECONNABORTED => errno::ECONNABORTED,
        winsock::WSAECONNREFUSED => errno::ECONNREFUSED,
        winsock::WSAECONNRESET => errno::ECONNRESET,
        winsock::WSAEFAULT => errno::EFAULT,
        winsock::WSAEHOSTUNREACH => errno::EHOSTUNREACH,
        winsock::WSAEINTR => errno::ECANCELED,
        winsock::WSAEINVAL | winsock::WSAEPFNOSUPPORT => errno::EINVAL,
        winsock::WSAEISCONN => errno::EISCONN,
        winsock::WSAEMFILE => errno::EMFILE,
        winsock::WSAENETUNREACH => errno::ENETUNREACH,
        winsock::WSAENOBUFS => errno::ENOBUFS,
        winsock::WSAENOTCONN => errno::ENOTCONN,
        winsock::WSAENOTSOCK => errno::ENOTSOCK,
        winsock::WSAEPROTONOSUPPORT => errno::EPROTONOSUPPORT,
        winsock::WSAESHUTDOWN => errno::EPIPE,
        winsock::WSAESOCKTNOSUPPORT => errno::ESOCKTNOSUPPORT,
        winsock::WSAETIMEDOUT => errno::ETIMEDOUT,
        winsock::WSAEWOULDBLOCK => errno::EAGAIN,
        winsock::WSAHOST_NOT_FOUND | winsock::WSANO_DATA => errno::ENOENT,
        _ => match error.cast_unsigned() {
            win32::ERROR_ACCESS_DENIED | win32::ERROR_NOACCESS => errno::EACCES,
            win32::ERROR_CONNECTION_ABORTED => errno::ECONNABORTED,
            win32::ERROR_CONNECTION_REFUSED => errno::ECONNREFUSED,
            win32::ERROR_HOST_UNREACHABLE => errno::EHOSTUNREACH,
            win32::ERROR_INVALID_HANDLE => errno::EBADF,
            win32::ERROR_INVALID_PARAMETER => errno::EINVAL,
            win32::ERROR_NETNAME_DELETED => errno::ECONNRESET,
            win32::ERROR_NETWORK_UNREACHABLE => errno::ENETUNREACH,
            win32::ERROR_NOT_ENOUGH_MEMORY | win32::ERROR_OUTOFMEMORY => errno::ENOMEM,
            win32::ERROR_NOT_SUPPORTED => errno::ENOTSUP,
            win32::ERROR_OPERATION_ABORTED => errno::ECANCELED,
            win32::ERROR_SEM_TIMEOUT => errno::ETIMEDOUT,
            win32::ERROR_TOO_MANY_OPEN_FILES => errno::EMFILE,
            _ => errno::UNKNOWN,
        },
    }
}

/// The error of a shortage of descriptors, if there is one right now. Windows has no limit that a process could meet
/// without meeting that of its memory before.
pub fn shortage() -> Option<i32> {
    None
}

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It is there.
    Established,
    /// The other side has not answered.
    UnderWay,
}

/// Makes a socket that does not block and that child processes do not inherit. One of IPv6 speaks IPv4 as well, for
/// IPv4-mapped addresses; on Windows it would not by default.
///
/// # Errors
/// What the system says.
pub fn open_socket(domain: Domain) -> io::Result<Socket> {
    let socket = Socket::new(domain, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    if domain == Domain::IPV6 {
        socket.set_only_v6(false)?;
    }
    Ok(socket)
}

/// Begins to connect. An unspecified address means this machine, as it does on Unix; Windows itself would refuse it.
///
/// # Errors
/// What the system says, where it knows at once.
pub fn begin(socket: &Socket, address: &SockAddr) -> io::Result<Progress> {
    let target = address.as_socket().map(reachable);
    if target.is_some_and(|target| target.ip().is_loopback()) {
        fail_fast(socket);
    }
    match socket.connect(&target.map_or_else(|| address.clone(), SockAddr::from)) {
        Ok(()) => Ok(Progress::Established),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Progress::UnderWay),
        Err(error) => Err(error),
    }
}

fn reachable(mut target: SocketAddr) -> SocketAddr {
    if target.ip().is_unspecified() {
        target.set_ip(match target {
            SocketAddr::V4(_) => IpAddr::from(Ipv4Addr::LOCALHOST),
            SocketAddr::V6(_) => IpAddr::from(Ipv6Addr::LOCALHOST),
        });
    }
    target
}

/// Has an attempt to connect to this very machine fail where nobody listens. Without that Windows tries for two seconds.
/// Where the system does not know of it, nothing changes.
fn fail_fast(socket: &Socket) {
    let parameters = winsock::TCP_INITIAL_RTO_PARAMETERS {
        Rtt: u16::MAX,
        // TCP_INITIAL_RTO_NO_SYN_RETRANSMISSIONS
        MaxSynRetransmissions: u8::MAX - 1,
    };
    let mut length = 0;
    #[allow(unsafe_code, reason = "socket2 has no function for it")]
    // SAFETY: the socket is open, the system only reads `parameters`, whose size it is given, and both they and
    // `length` outlive the call, which is not overlapped.
    let _ = unsafe {
        winsock::WSAIoctl(
            socket.as_raw_socket() as winsock::SOCKET,
            winsock::SIO_TCP_INITIAL_RTO,
            (&raw const parameters).cast(),
            size_of_val(&parameters) as u32,
            null_mut(),
            0,
            &raw mut length,
            null_mut(),
            None,
        )
    };
}

/// Waits until a connection that was begun is there.
///
/// # Errors
/// Why it is not.
///
/// # Cancel safety
/// Dropping the future closes the socket.
pub async fn established(socket: Socket, progress: Progress, _: &SockAddr) -> io::Result<Socket> {
    if progress == Progress::Established {
        return Ok(socket);
    }
    let watched = TcpStream::from_std(socket.into())?;
    watched.writable().await?;
    if let Some(error) = watched.take_error()? {
        return Err(error);
    }
    watched.into_std().map(Socket::from)
}

/// The address of a Unix socket: there is none. A `path` is a named pipe on Windows, which JavaScript dials.
///
/// # Errors
/// `EINVAL`, always.
pub fn unix_address(_: &Path) -> io::Result<SockAddr> {
    Err(io::ErrorKind::InvalidInput.into())
}

/// The number of the network interface of this name; `None`, since in addresses Windows knows interfaces by their
/// numbers alone.
///
/// # Errors
/// None.
pub fn zone_index(_: &str) -> io::Result<Option<u32>> {
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_errors_as_libuv_does() {
        for (error, expected) in [
            (winsock::WSAECONNREFUSED, errno::ECONNREFUSED),
            (winsock::WSAENOBUFS, errno::ENOBUFS),
            (winsock::WSAEMFILE, errno::EMFILE),
            (win32::ERROR_NOT_ENOUGH_MEMORY.cast_signed(), errno::ENOMEM),
            (winsock::WSAEPROCLIM, errno::UNKNOWN),
        ] {
            assert_eq!(libuv_errno(error), expected, "{error}");
        }
    }

    #[test]
    fn takes_an_unspecified_address_for_this_machine() {
        for (address, expected) in [
            ("0.0.0.0:80", "127.0.0.1:80"),
            ("[::]:80", "[::1]:80"),
            ("192.0.2.1:80", "192.0.2.1:80"),
        ] {
            let reached = reachable(address.parse().expect("an address"));
            assert_eq!(reached.to_string(), expected);
        }
    }
}
