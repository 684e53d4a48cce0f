//! Dialling: from one address to a connected socket.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use socket2::{Domain, SockAddr, Socket};

use crate::net::endpoint::Local;
use crate::net::error::{LocalEnd, SyscallError, Target};
use crate::net::platform::{REUSES_ADDRESSES, begin, errno, established, unix_address};
use crate::net::reuse::{self, new_socket};

/// What a socket that is to be connected is refused at once, by libuv as here. Node tells where it was bound to then. (So it
/// does where there was no socket at all, by `undefined:undefined`.)
#[cfg(unix)]
const AT_ONCE: &[i32] =
    &[errno::EACCES, errno::EADDRNOTAVAIL, errno::EINVAL, errno::ENETUNREACH, errno::EPERM];
#[cfg(not(unix))]
const AT_ONCE: &[i32] = &[];

/// An address to try.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// What the system is given.
    pub address: SocketAddr,
    /// The same as the subject of an error.
    pub target: Target,
}

impl From<SocketAddr> for Candidate {
    fn from(address: SocketAddr) -> Self {
        Self { address, target: Target::Address(address) }
    }
}

/// Connects to `candidate` from `local`.
///
/// # Errors
/// The system call that failed.
///
/// # Cancel safety
/// Dropping the future closes the socket.
pub async fn dial(candidate: &Candidate, local: &Local) -> Result<Socket, SyscallError> {
    let target = candidate.address;
    let address = SockAddr::from(target);
    let failed =
        |error: io::Error| SyscallError::from_io("connect", &error, candidate.target.clone());
    let failed_later = |error| SyscallError { local: chosen(local, target), ..failed(error) };
    let failed_at_once = |error, from: Option<SocketAddr>| {
        let error = failed(error);
        let is_at_once = AT_ONCE.contains(&error.errno);
        SyscallError {
            local: if is_at_once { found(from) } else { chosen(local, target) },
            ..error
        }
    };
    let (socket, progress) = if local.is_any() {
        reuse::begin(target)
            .map_err(|error| failed_at_once(error, Some(SocketAddr::new(any(target), 0))))?
    } else {
        let socket = new_socket(address.domain()).map_err(failed)?;
        bind(&socket, target, local)?;
        let progress = begin(&socket, &address).map_err(|error| {
            let from = socket.local_addr().ok().and_then(|from| from.as_socket());
            failed_at_once(error, from)
        })?;
        (socket, progress)
    };
    let socket = established(socket, progress, &address).await.map_err(failed_later)?;
    if is_connected_to_itself(&socket, target) {
        reset(socket);
        let target = candidate.target.clone();
        let error = SyscallError::new("connect", errno::ECONNREFUSED, target);
        return Err(SyscallError { local: chosen(local, candidate.address), ..error });
    }
    Ok(socket)
}

/// The near end of what the system refused at once.
fn found(from: Option<SocketAddr>) -> Option<Box<LocalEnd>> {
    let from = from?;
    let (address, port) = (from.ip().to_string(), from.port());
    Some(Box::new(LocalEnd { address, port, is_chosen: false }))
}

/// The near end of any other failure, where the app has chosen a port: else Node does not tell it.
fn chosen(local: &Local, target: SocketAddr) -> Option<Box<LocalEnd>> {
    if local.port == 0 {
        return None;
    }
    let address = match &local.address {
        Some(literal) => literal.to_string(),
        None => any(target).to_string(),
    };
    Some(Box::new(LocalEnd { address, port: local.port, is_chosen: true }))
}

/// Connects to the Unix socket at `path`.
///
/// # Errors
/// The system call that failed.
///
/// # Cancel safety
/// Dropping the future closes the socket.
pub async fn dial_unix(path: &Path) -> Result<Socket, SyscallError> {
    let connecting = async {
        let address = unix_address(path)?;
        let socket = new_socket(Domain::UNIX)?;
        let progress = begin(&socket, &address)?;
        established(socket, progress, &address).await
    };
    connecting
        .await
        .map_err(|error| SyscallError::from_io("connect", &error, Target::Path(path.into())))
}

/// Gives `socket` the local address and port of `local`, as `net.connect` does it: a port without an address is one
/// of any address, and an address of the other family is `EINVAL`.
fn bind(socket: &Socket, target: SocketAddr, local: &Local) -> Result<(), SyscallError> {
    let binding = || {
        let address = match &local.address {
            Some(literal) => literal.socket_address(local.port)?,
            None => SocketAddr::new(any(target), local.port),
        };
        if address.is_ipv4() != target.is_ipv4() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        // As Node's.
        if REUSES_ADDRESSES {
            socket.set_reuse_address(true)?;
        }
        if address.is_ipv6() {
            socket.set_only_v6(false)?;
        }
        socket.bind(&address.into())
    };
    let subject = match &local.address {
        Some(literal) => Target::Literal(literal.clone(), local.port),
        None => Target::Address(SocketAddr::new(any(target), local.port)),
    };
    binding().map_err(|error| SyscallError::from_io("bind", &error, subject))
}

/// Any address of this machine from which `target` can be reached.
fn any(target: SocketAddr) -> IpAddr {
    match target {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    }
}

/// Where nobody listens on a port that the system gives to outgoing connections, it may give that very
/// port to this one: TCP's simultaneous open then connects the socket to itself. Its own address is that of its
/// peer then; what was dialled may have been another one (`0.0.0.0`, `::`).
fn is_connected_to_itself(socket: &Socket, target: SocketAddr) -> bool {
    let Ok(Some(local)) = socket.local_addr().map(|local| local.as_socket()) else { return false };
    // The port alone tells nearly all others apart, without another system call.
    local.port() == target.port()
        && socket.peer_addr().is_ok_and(|peer| {
            peer.as_socket()
                .is_some_and(|peer| (peer.ip(), peer.port()) == (local.ip(), local.port()))
        })
}

/// Closes a connection to itself without the TIME_WAIT that would keep the server from its own port for a minute.
fn reset(socket: Socket) {
    // Where it cannot be set the socket is closed all the same.
    let _ = socket.set_linger(Some(Duration::ZERO));
}

#[cfg(test)]
pub mod tests {
    use std::net::TcpListener;

    use socket2::Type;

    use super::*;
    use crate::net::literal::Literal;

    fn listen() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = listener.local_addr().expect("an address");
        (listener, address)
    }

    /// A port that refuses, and what keeps it from being given to anybody else.
    pub fn refusing() -> (Socket, SocketAddr) {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).expect("a port");
        let address = socket.local_addr().expect("an address").as_socket().expect("an address");
        (socket, address)
    }

    fn local(address: &str, port: u16) -> Local {
        Local { address: Literal::parse(&address.into()), port }
    }

    async fn local_of(target: SocketAddr, local: &Local) -> SocketAddr {
        let socket = dial(&target.into(), local).await.expect("a socket");
        socket.local_addr().expect("an address").as_socket().expect("an IP address")
    }

    /// A port that nobody uses at the moment.
    fn free_port() -> u16 {
        listen().1.port()
    }

    #[tokio::test]
    async fn connects_from_the_local_address_and_port_that_were_asked_for() {
        let (_listener, target) = listen();
        let port = free_port();
        assert_eq!(local_of(target, &local("127.0.0.2", 0)).await.ip().to_string(), "127.0.0.2");
        let from = local_of(target, &local("127.0.0.3", port)).await;
        assert_eq!(from.to_string(), format!("127.0.0.3:{port}"));
        let from = local_of(target, &Local { address: None, port: free_port() }).await;
        assert_eq!(from.ip(), target.ip());
    }

    #[tokio::test]
    async fn says_that_a_local_address_cannot_be_had() {
        let (_listener, target) = listen();
        let (_holder, used) = listen();
        let used = local("127.0.0.1", used.port());
        for (local, errno) in [
            (used, errno::EADDRINUSE),
            (local("::1", 0), errno::EINVAL),
            (local("192.0.2.77", 0), errno::EADDRNOTAVAIL),
        ] {
            let error = dial(&target.into(), &local).await.expect_err("an address of others");
            let literal = local.address.expect("an address");
            let target = Target::Literal(literal, local.port);
            assert_eq!(error, SyscallError::new("bind", errno, target));
        }
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn resets_a_connection_to_itself_so_that_a_server_can_bind_its_port_at_once() {
        for host in ["127.0.0.1", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1", "::ffff:0.0.0.0"] {
            let ip: IpAddr = host.parse().expect("an address");
            let target = SocketAddr::new(ip, free_port());
            if TcpListener::bind((ip, 0)).is_err() {
                continue;
            }
            // As if the system had chosen the very port that is dialled.
            let local = Local { address: None, port: target.port() };
            let error = dial(&target.into(), &local).await.expect_err("nobody listens");
            assert_eq!(error.errno, errno::ECONNREFUSED, "{host}");
            // Unlike std, no SO_REUSEADDR, which would hide a TIME_WAIT.
            let server = Socket::new(Domain::for_address(target), Type::STREAM, None);
            let server = server.expect("a socket");
            server.bind(&target.into()).unwrap_or_else(|error| panic!("{host}: {error}"));
            server.listen(1).expect("a listener");
        }
    }
}
