//! Sockets used again: half of what a refused attempt costs is to make a socket and to close it, and Linux
//! connects one again that was refused (process CPU of a refused attempt: 16.6 -> 10.7 µs).
//!
//! Only sockets whose whole history is known not to stick are kept. In the kernel these stay with a socket that
//! was refused: that it speaks IPv4 under IPv6 (an IPv4-mapped address), the interface that a link-local address
//! or a zone bound it to, an address or a port that it was bound to, and its options. So only plain addresses
//! take part, and only sockets that nobody bound or set anything on. What else a connection changes is undone when
//! it is refused: source address and port, the error, what was learned of the other side.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;

use socket2::{Domain, SockAddr, Socket};

use crate::net::platform::{self, CONNECTS_AGAIN, Progress};

thread_local! {
    /// Sockets whose connection was refused, one for IPv4 and one for IPv6. Only as long as the thread is at
    /// work: see [`close_spares`].
    static SPARES: [Cell<Option<Socket>>; 2] = const { [Cell::new(None), Cell::new(None)] };
}

/// Closes the sockets that are kept for the next attempts of this thread.
pub fn close_spares() {
    SPARES.with(|spares| spares.iter().for_each(|spare| drop(spare.take())));
}

/// Begins to connect a socket that needs no address of its own: one that is kept, or else a new one.
///
/// # Errors
/// What the system says, where it knows at once.
pub fn begin(target: SocketAddr) -> io::Result<(Socket, Progress)> {
    let address = SockAddr::from(target);
    let spare = if is_plain(target) { take(target) } else { None };
    match spare.map(|spare| begin_or_keep(spare, target, &address)) {
        Some(Err(error)) if error.kind() != io::ErrorKind::ConnectionRefused => {
            // A new socket says the same, unless this one could not be connected again.
            begin_or_keep(new_socket(address.domain())?, target, &address)
        }
        Some(begun) => begun,
        None => begin_or_keep(new_socket(address.domain())?, target, &address),
    }
}

/// A socket that does not block and is closed in child processes.
///
/// # Errors
/// What the system says.
pub fn new_socket(domain: Domain) -> io::Result<Socket> {
    platform::open_socket(domain).or_else(|_| {
        // A spare one of the other family may have taken the last descriptor.
        close_spares();
        platform::open_socket(domain)
    })
}

fn begin_or_keep(
    socket: Socket,
    target: SocketAddr,
    address: &SockAddr,
) -> io::Result<(Socket, Progress)> {
    match platform::begin(&socket, address) {
        Ok(progress) => Ok((socket, progress)),
        Err(error) => {
            let is_refused = error.kind() == io::ErrorKind::ConnectionRefused;
            if CONNECTS_AGAIN && is_refused && is_plain(target) {
                keep(socket, target);
            }
            Err(error)
        }
    }
}

/// Whether an attempt to connect to this address leaves nothing behind on the socket.
fn is_plain(target: SocketAddr) -> bool {
    match target {
        SocketAddr::V4(_) => true,
        SocketAddr::V6(target) => {
            let ip = target.ip();
            let is_scoped = ip.is_unicast_link_local() || ip.is_multicast();
            target.scope_id() == 0 && !is_scoped && ip.to_ipv4_mapped().is_none()
        }
    }
}

fn take(target: SocketAddr) -> Option<Socket> {
    SPARES.with(|spares| spares[usize::from(target.is_ipv6())].take())
}

fn keep(socket: Socket, target: SocketAddr) {
    SPARES.with(|spares| spares[usize::from(target.is_ipv6())].set(Some(socket)));
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io::Write;
    use std::net::{Ipv4Addr, TcpListener, TcpStream};
    use std::time::Duration;

    use socket2::Type;

    use super::*;

    fn listen(address: &str) -> Option<(TcpListener, SocketAddr)> {
        let listener = TcpListener::bind(address).ok()?;
        let address = listener.local_addr().expect("an address");
        Some((listener, address))
    }

    /// A port that refuses, and what keeps it from being given to anybody else.
    fn refusing(address: SocketAddr) -> (Socket, SocketAddr) {
        let socket =
            Socket::new(Domain::for_address(address), Type::STREAM, None).expect("a socket");
        socket.bind(&address.into()).expect("a port");
        let port = socket.local_addr().expect("an address").as_socket().expect("one").port();
        (socket, SocketAddr::new(address.ip(), port))
    }

    /// Which socket is kept, by its inode.
    fn spare(target: SocketAddr) -> Option<u64> {
        let spare = take(target)?;
        let found = inode(&spare);
        keep(spare, target);
        Some(found)
    }

    fn inode(socket: &Socket) -> u64 {
        use std::os::fd::AsFd;
        use std::os::unix::fs::MetadataExt;
        let duplicate = socket.as_fd().try_clone_to_owned().expect("a descriptor");
        std::fs::File::from(duplicate).metadata().expect("its inode").ino()
    }

    fn is_refused(target: SocketAddr) -> bool {
        let error = begin(target).expect_err("nobody listens");
        error.kind() == io::ErrorKind::ConnectionRefused
    }

    /// Addresses of this machine of all kinds that it has, at port 0.
    fn kinds() -> Vec<SocketAddr> {
        let mut kinds = ["127.0.0.1:0", "127.0.0.2:0", "0.0.0.0:0", "[::1]:0", "[::]:0"].to_vec();
        kinds.extend(["[::ffff:127.0.0.1]:0", "[::ffff:127.0.0.2]:0", "[::ffff:0.0.0.0]:0"]);
        kinds.push("[::1%1]:0");
        let mut kinds: Vec<SocketAddr> =
            kinds.iter().map(|text| text.parse().expect("an address")).collect();
        let interfaces = std::fs::read_to_string("/proc/net/if_inet6").unwrap_or_default();
        for line in interfaces.lines() {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let ip = u128::from_str_radix(fields[0], 16).expect("an address");
            let index = u32::from_str_radix(fields[1], 16).expect("a number");
            let ip = std::net::Ipv6Addr::from(ip);
            let scope = if ip.is_unicast_link_local() { index } else { 0 };
            kinds.push(std::net::SocketAddrV6::new(ip, 0, 0, scope).into());
        }
        // Where there is no IPv6 there are fewer.
        kinds.retain(|kind| TcpListener::bind(kind).is_ok());
        kinds
    }

    /// The address with the port of another.
    fn at(kind: SocketAddr, port: u16) -> SocketAddr {
        let mut address = kind;
        address.set_port(port);
        address
    }

    #[test]
    fn connects_to_any_kind_of_address_after_a_refusal_at_any_other() {
        let kinds = kinds();
        for &dead in &kinds {
            for &good in &kinds {
                let (_port, refusing) = refusing(dead);
                let refusing = at(dead, refusing.port());
                let listener = TcpListener::bind(good).expect("a port");
                let listening = at(good, listener.local_addr().expect("an address").port());
                let pair = format!("{refusing}, then {listening}");
                assert!(is_refused(refusing), "{pair}");
                let (socket, progress) = begin(listening).expect(&pair);
                assert_eq!(progress, Progress::Established, "{pair}");
                // From where a new socket would be connected, on no interface but that of the address.
                let fresh = TcpStream::connect(listening).expect("a connection");
                let local = socket.local_addr().expect("an address").as_socket().expect("one");
                assert_eq!(local.ip(), fresh.local_addr().expect("an address").ip(), "{pair}");
                assert_eq!(socket.take_error().expect("no error").map(|e| e.kind()), None);
                close_spares();
            }
        }
    }

    #[test]
    fn connects_a_socket_again_that_was_refused_and_closes_it_in_the_end() {
        use std::io::Read;
        let (_port, refusing) = refusing((Ipv4Addr::LOCALHOST, 0).into());
        let (listener, listening) = listen("127.0.0.1:0").expect("a port");
        assert!(is_refused(refusing));
        let kept = spare(refusing);
        assert!(kept.is_some());
        assert!(is_refused(refusing));
        assert_eq!(spare(refusing), kept);

        let (mut socket, _) = begin(listening).expect("a socket");
        assert_eq!(Some(inode(&socket)), kept);
        assert_eq!(spare(refusing), None);
        listener.accept().expect("a connection").0.write_all(b"13\r\n").expect("room");
        let mut received = Vec::new();
        socket.set_nonblocking(false).expect("an option");
        socket.set_read_timeout(Some(Duration::from_secs(10))).expect("an option");
        socket.read_to_end(&mut received).expect("bytes");
        assert_eq!(received, b"13\r\n");

        assert!(is_refused(refusing));
        assert!(spare(refusing).is_some());
        close_spares();
        assert_eq!(spare(refusing), None);
    }

    #[test]
    fn keeps_no_socket_that_was_refused_at_an_address_that_sticks() {
        for text in ["[::ffff:127.0.0.1]:0", "[::1%1]:0"] {
            let address = text.parse().expect("an address");
            if TcpListener::bind(address).is_err() {
                continue;
            }
            let (_port, refusing) = refusing(address);
            assert!(is_refused(at(address, refusing.port())));
            assert_eq!(spare(address), None, "{text}");
        }
    }

    #[test]
    fn makes_a_new_socket_where_a_spare_one_cannot_be_connected_again() {
        let (_listener, address) = listen("127.0.0.1:0").expect("a port");
        // Connected already, it refuses.
        let useless = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        useless.connect(&address.into()).expect("a connection");
        keep(useless, address);
        begin(address).expect("a socket");
    }
}
