//! Dialling: from one address to a connected socket.

use std::cell::Cell;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use socket2::{Domain, SockAddr, Socket, Type};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::net::error::{SyscallError, Target};

/// Connects to `target`, from `local_address` if there is one.
///
/// # Errors
/// The system call that failed.
///
/// # Cancel safety
/// Dropping the future closes the socket.
pub async fn dial(
    target: SocketAddr,
    local_address: Option<IpAddr>,
) -> Result<Socket, SyscallError> {
    let fault =
        |error: io::Error| SyscallError::from_io("connect", &error, Target::Address(target));
    let address = SockAddr::from(target);
    let (socket, progress) = match local_address {
        Some(local_address) => {
            let socket = new_socket(address.domain()).map_err(fault)?;
            let local = SocketAddr::new(local_address, 0);
            socket
                .bind(&local.into())
                .map_err(|error| SyscallError::from_io("bind", &error, Target::Address(local)))?;
            let progress = begin(&socket, &address).map_err(fault)?;
            (socket, progress)
        }
        None => begin_from_anywhere(&address).map_err(fault)?,
    };
    let socket = established(socket, progress, &address).await.map_err(fault)?;
    if is_connected_to_itself(&socket, target) {
        return Err(fault(io::Error::from_raw_os_error(libc::ECONNREFUSED)));
    }
    Ok(socket)
}

/// Where nobody listens on a port that the system gives to outgoing connections, it may give that very
/// port to this one: TCP's simultaneous open then connects the socket to itself.
fn is_connected_to_itself(socket: &Socket, target: SocketAddr) -> bool {
    socket.local_addr().is_ok_and(|local| local.as_socket() == Some(target))
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
        let address = SockAddr::unix(path)?;
        let socket = new_socket(Domain::UNIX)?;
        let progress = begin(&socket, &address)?;
        established(socket, progress, &address).await
    };
    connecting
        .await
        .map_err(|error| SyscallError::from_io("connect", &error, Target::Path(path.into())))
}

/// Closes the sockets that are kept for the next attempts of this thread.
pub fn close_spares() {
    SPARES.with(|spares| spares.iter().for_each(|spare| drop(spare.take())));
}

/// How far a connection is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    Established,
    UnderWay,
}

async fn established(socket: Socket, progress: Progress, address: &SockAddr) -> io::Result<Socket> {
    if progress == Progress::Established {
        return Ok(socket);
    }
    #[allow(unsafe_code, reason = "the poller is told of the descriptor and does not own it")]
    // SAFETY: the descriptor is that of `socket` all the time, which the watch owns; given back by
    // `into_inner`, it is no longer watched.
    let watched = unsafe { AsyncFd::register_with_interest(socket, Interest::WRITABLE) }?;
    loop {
        let mut writable = watched.writable().await?;
        match inquire(watched.get_ref(), address)? {
            Progress::Established => break,
            Progress::UnderWay => writable.clear_ready(),
        }
    }
    Ok(watched.into_inner())
}

thread_local! {
    /// Sockets whose connection was refused, one for IPv4 and one for IPv6: half of what a refused
    /// attempt costs is to make a socket and to close it, and Linux connects such a one again. Only as
    /// long as the thread is at work: see [`close_spares`].
    static SPARES: [Cell<Option<Socket>>; 2] = const { [Cell::new(None), Cell::new(None)] };
}

/// Begins to connect a socket that needs no address of its own.
fn begin_from_anywhere(address: &SockAddr) -> io::Result<(Socket, Progress)> {
    let spare = SPARES.with(|spares| spares[usize::from(address.is_ipv6())].take());
    match spare.map(|spare| begin_or_keep(spare, address)) {
        Some(Err(error)) if error.kind() != io::ErrorKind::ConnectionRefused => {
            // A new socket says the same, unless this one could not be connected again.
            begin_or_keep(new_socket(address.domain())?, address)
        }
        Some(begun) => begun,
        None => begin_or_keep(new_socket(address.domain())?, address),
    }
}

fn begin_or_keep(socket: Socket, address: &SockAddr) -> io::Result<(Socket, Progress)> {
    match begin(&socket, address) {
        Ok(progress) => Ok((socket, progress)),
        Err(error) => {
            if cfg!(target_os = "linux") && error.kind() == io::ErrorKind::ConnectionRefused {
                SPARES.with(|spares| spares[usize::from(address.is_ipv6())].set(Some(socket)));
            }
            Err(error)
        }
    }
}

fn begin(socket: &Socket, address: &SockAddr) -> io::Result<Progress> {
    match socket.connect(address) {
        Ok(()) => Ok(Progress::Established),
        // On the same machine the answer is there already.
        Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => inquire(socket, address),
        Err(error) => Err(error),
    }
}

/// Asks how far a connection is that was begun. To connect once more is how Linux tells everything with
/// one call, and the socket of a failed connection can be connected again then.
#[cfg(target_os = "linux")]
fn inquire(socket: &Socket, address: &SockAddr) -> io::Result<Progress> {
    match socket.connect(address) {
        Ok(()) => Ok(Progress::Established),
        Err(error) if error.raw_os_error() == Some(libc::EALREADY) => Ok(Progress::UnderWay),
        Err(error) => Err(error),
    }
}

/// Asks how far a connection is that was begun.
#[cfg(not(target_os = "linux"))]
fn inquire(socket: &Socket, _: &SockAddr) -> io::Result<Progress> {
    if let Some(error) = socket.take_error()? {
        return Err(error);
    }
    match socket.peer_addr() {
        Ok(_) => Ok(Progress::Established),
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(Progress::UnderWay),
        Err(error) => Err(error),
    }
}

/// A socket that does not block and is closed in child processes.
fn new_socket(domain: Domain) -> io::Result<Socket> {
    open_socket(domain).or_else(|_| {
        // A spare one of the other family may have taken the last descriptor.
        close_spares();
        open_socket(domain)
    })
}

fn open_socket(domain: Domain) -> io::Result<Socket> {
    #[cfg(target_os = "linux")]
    return Socket::new(domain, Type::STREAM.nonblocking(), None);
    #[cfg(not(target_os = "linux"))]
    {
        let socket = Socket::new(domain, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    }
}

#[cfg(test)]
pub mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use super::*;

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

    #[cfg(target_os = "linux")]
    async fn refuses(address: SocketAddr) -> bool {
        let fault = SyscallError {
            syscall: "connect",
            errno: -libc::ECONNREFUSED,
            place: Target::Address(address),
        };
        dial(address, None).await.expect_err("nobody listens") == fault
    }

    #[tokio::test]
    async fn connects_from_the_local_address_that_was_asked_for() {
        let (listener, address) = listen();
        let socket =
            dial(address, Some(Ipv4Addr::new(127, 0, 0, 2).into())).await.expect("a socket");
        let (_, from) = listener.accept().expect("a connection");
        assert_eq!(from.ip(), Ipv4Addr::new(127, 0, 0, 2));
        let local = socket.local_addr().expect("an address").as_socket();
        assert_eq!(local.map(|local| local.ip()), Some(from.ip()));
    }

    #[tokio::test]
    async fn knows_a_socket_that_is_connected_to_itself() {
        // As if the system had chosen the very port that is dialled.
        let (itself, address) = refusing();
        itself.set_nonblocking(true).expect("an option");
        let begun = begin(&itself, &address.into()).expect("a connection to itself");
        assert!(begun == Progress::Established);
        assert!(is_connected_to_itself(&itself, address));
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn connects_a_socket_again_that_was_refused_and_closes_it_in_the_end() {
        use std::io::{Read, Write};
        let ((_port, refusing), (listener, listening)) = (refusing(), listen());
        let spare_inode = || {
            SPARES.with(|spares| {
                let spare = spares[0].take();
                let inode = spare.as_ref().map(inode);
                spares[0].set(spare);
                inode
            })
        };
        assert!(refuses(refusing).await);
        let spare = spare_inode();
        assert!(spare.is_some());
        assert!(refuses(refusing).await);
        assert_eq!(spare_inode(), spare);

        let mut socket = dial(listening, None).await.expect("a socket");
        assert_eq!(Some(inode(&socket)), spare);
        assert_eq!(spare_inode(), None);
        listener.accept().expect("a connection").0.write_all(b"13\r\n").expect("room");
        let mut received = Vec::new();
        socket.set_nonblocking(false).expect("an option");
        socket.read_to_end(&mut received).expect("bytes");
        assert_eq!(received, b"13\r\n");

        assert!(refuses(refusing).await);
        assert!(spare_inode().is_some());
        close_spares();
        assert_eq!(spare_inode(), None);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn makes_a_new_socket_where_a_spare_one_cannot_be_connected_again() {
        let (_listener, address) = listen();
        // Connected already, it refuses.
        let useless = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        useless.connect(&address.into()).expect("a connection");
        SPARES.with(|spares| spares[0].set(Some(useless)));
        dial(address, None).await.expect("a socket");
    }

    #[cfg(target_os = "linux")]
    fn inode(socket: &Socket) -> u64 {
        use std::os::fd::AsFd;
        use std::os::unix::fs::MetadataExt;
        let duplicate = socket.as_fd().try_clone_to_owned().expect("a descriptor");
        std::fs::File::from(duplicate).metadata().expect("its inode").ino()
    }
}
