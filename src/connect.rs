//! From a peer to a connected stream: look-up, addresses raced, one deadline over all of it.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::{TcpSocket, TcpStream, UnixStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};

use crate::failure::{Failure, Fault, Place};
use crate::lookup::Lookups;
use crate::servers::{Addresses, Peer};

/// A connected socket.
#[derive(Debug)]
pub enum Stream {
    /// Over TCP.
    Tcp(TcpStream),
    /// Over a Unix domain socket.
    Unix(UnixStream),
}

impl Stream {
    /// Takes the descriptor out of Tokio: non-blocking, close-on-exec, with all bytes unread.
    ///
    /// # Errors
    /// What the poller says when it can't forget the socket. The socket is closed then.
    pub fn into_descriptor(self) -> io::Result<OwnedFd> {
        match self {
            Self::Tcp(stream) => stream.into_std().map(OwnedFd::from),
            Self::Unix(stream) => stream.into_std().map(OwnedFd::from),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Unix(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

/// Connects to `peer`, and says where it was reached.
///
/// Without a deadline there is no limit but the system's own.
///
/// # Errors
/// One fault for each address that was tried; `ETIMEDOUT` alone when the deadline passed.
///
/// # Cancel safety
/// Dropping the future closes every socket of it. A look-up that has begun ends by itself.
pub async fn connect(
    peer: &Peer,
    lookups: &Arc<Lookups>,
    deadline: Option<Instant>,
) -> Result<(Stream, Place), Failure> {
    match peer {
        Peer::Unix { path } => {
            let place = Place::Path(path.clone());
            let connecting = UnixStream::connect(path);
            match within(deadline, connecting).await {
                Some(Ok(stream)) => Ok((Stream::Unix(stream), place)),
                Some(Err(error)) => Err(Fault::from_io("connect", &error, place).into()),
                None => Err(Fault::timed_out("connect", place).into()),
            }
        }
        Peer::Tcp { host, port, family, local_address, addresses } => {
            let targets = match host.parse::<IpAddr>() {
                Ok(address) => vec![SocketAddr::new(address, *port)],
                Err(_) => {
                    let fault = |errno| Fault {
                        syscall: "getaddrinfo",
                        errno,
                        place: Place::Host(Arc::clone(host)),
                    };
                    let found = within(deadline, lookups.resolve(host, *family))
                        .await
                        .unwrap_or(Err(-libc::ETIMEDOUT))
                        .map_err(fault)?;
                    order(&found, *port)
                }
            };
            let (targets, head_start) = match addresses {
                Addresses::First => (&targets[..1], Duration::ZERO),
                Addresses::Raced(head_start) => (&targets[..], *head_start),
            };
            let first = targets[0];
            match within(deadline, race(targets, *local_address, head_start)).await {
                Some(result) => {
                    result.map(|(stream, address)| (Stream::Tcp(stream), Place::Address(address)))
                }
                None => Err(Fault::timed_out("connect", Place::Address(first)).into()),
            }
        }
    }
}

/// The output of `future`, or `None` once the deadline has passed.
pub async fn within<F: Future>(deadline: Option<Instant>, future: F) -> Option<F::Output> {
    match deadline {
        Some(deadline) => timeout_at(deadline, future).await.ok(),
        None => Some(future.await),
    }
}

/// The addresses to try, in turn from the two families, beginning with the one that the system put
/// first (RFC 8305, section 4).
fn order(found: &[SocketAddr], port: u16) -> Vec<SocketAddr> {
    let preferred = |address: &&SocketAddr| address.is_ipv6() == found[0].is_ipv6();
    let mut firsts = found.iter().filter(preferred);
    let mut seconds = found.iter().filter(|address| !preferred(address));
    let mut ordered = Vec::with_capacity(found.len());
    while ordered.len() < found.len() {
        for address in [firsts.next(), seconds.next()].into_iter().flatten() {
            let mut address = *address;
            address.set_port(port);
            ordered.push(address);
        }
    }
    ordered
}

/// Connects to the first address that answers. The next one is begun when the one before has failed,
/// or has had its head start; those that lose are closed (RFC 8305, section 5).
async fn race(
    targets: &[SocketAddr],
    local_address: Option<IpAddr>,
    head_start: Duration,
) -> Result<(TcpStream, SocketAddr), Failure> {
    if let [target] = targets {
        let stream = dial(*target, local_address).await?;
        return Ok((stream, *target));
    }
    let mut waiting = targets.iter().copied();
    let mut running = JoinSet::new();
    let mut faults = Vec::new();
    loop {
        if let Some(target) = waiting.next() {
            running.spawn(async move {
                dial(target, local_address).await.map(|stream| (stream, target))
            });
        }
        let ended = if waiting.len() == 0 {
            running.join_next().await
        } else {
            match timeout(head_start, running.join_next()).await {
                Ok(ended) => ended,
                Err(_head_start_is_over) => continue,
            }
        };
        match ended {
            Some(Ok(Ok(winner))) => return Ok(winner),
            Some(Ok(Err(fault))) => faults.push(fault),
            // `dial` doesn't panic, and nobody else can abort it.
            Some(Err(panicked)) => std::panic::resume_unwind(panicked.into_panic()),
            None => return Err(Failure::Several(faults)),
        }
    }
}

async fn dial(target: SocketAddr, local_address: Option<IpAddr>) -> Result<TcpStream, Fault> {
    let fault = |error: io::Error| Fault::from_io("connect", &error, Place::Address(target));
    let socket = match target {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }
    .map_err(fault)?;
    if let Some(address) = local_address {
        let local = SocketAddr::new(address, 0);
        socket
            .bind(local)
            .map_err(|error| Fault::from_io("bind", &error, Place::Address(local)))?;
    }
    let stream = socket.connect(target).await.map_err(fault)?;
    // Where nobody listens on a port that the system gives to outgoing connections, it may give that
    // very port to this one: TCP's simultaneous open then connects the socket to itself.
    if stream.local_addr().is_ok_and(|local| local == target) {
        return Err(fault(io::Error::from_raw_os_error(libc::ECONNREFUSED)));
    }
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use tokio::net::{TcpListener, UnixListener};

    use super::*;
    use crate::failure::eai;
    use crate::servers::Family;

    const HEAD_START: Duration = Addresses::HEAD_START;

    fn tcp(host: &str, port: u16) -> Peer {
        Peer::Tcp {
            host: host.into(),
            port,
            family: Family::Any,
            local_address: None,
            addresses: Addresses::Raced(HEAD_START),
        }
    }

    async fn listen(address: impl Into<IpAddr>) -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind(SocketAddr::new(address.into(), 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        (listener, address)
    }

    /// A port that refuses, and what keeps it from being given to anybody else.
    fn refusing() -> (TcpSocket, SocketAddr) {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).expect("a port");
        let address = socket.local_addr().expect("an address");
        (socket, address)
    }

    /// A listener whose queue is full, so that the next connection neither succeeds nor fails.
    async fn hanging() -> (std::net::TcpListener, Vec<TcpStream>, SocketAddr) {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).expect("a port");
        let listener = socket.listen(0).expect("a listener").into_std().expect("a listener");
        let address = listener.local_addr().expect("an address");
        let mut queue = Vec::new();
        while let Ok(stream) =
            timeout(Duration::from_millis(200), TcpStream::connect(address)).await
        {
            queue.push(stream.expect("a connection"));
        }
        (listener, queue, address)
    }

    async fn connect_to(peer: &Peer) -> Result<(Stream, Place), Failure> {
        connect(peer, &Lookups::new(), None).await
    }

    fn faults(failure: Failure) -> Vec<(i32, Place)> {
        let faults = match failure {
            Failure::One(fault) => vec![fault],
            Failure::Several(faults) => faults,
        };
        faults.into_iter().map(|fault| (fault.errno, fault.place)).collect()
    }

    #[tokio::test]
    async fn connects_to_an_address_without_a_look_up() {
        let (_listener, address) = listen(Ipv4Addr::LOCALHOST).await;
        let lookups = Lookups::with(|_, _| panic!("no look-up is needed"));
        let (_, place) =
            connect(&tcp("127.0.0.1", address.port()), &lookups, None).await.expect("a stream");
        assert_eq!(place, Place::Address(address));
    }

    #[tokio::test]
    async fn connects_to_a_unix_socket() {
        let path = std::env::temp_dir().join(format!("callosum-{}.sock", std::process::id()));
        let listener = UnixListener::bind(&path).expect("a socket");
        let connected = connect_to(&Peer::Unix { path: path.clone() }).await;
        assert!(matches!(connected, Ok((Stream::Unix(_), _))));
        drop(listener);
        std::fs::remove_file(&path).expect("the socket's file");
        let failure =
            connect_to(&Peer::Unix { path: path.clone() }).await.expect_err("nobody listens");
        assert_eq!(faults(failure), [(-libc::ENOENT, Place::Path(path))]);
    }

    #[tokio::test]
    async fn says_which_address_refused() {
        let (_port, address) = refusing();
        let failure =
            connect_to(&tcp("127.0.0.1", address.port())).await.expect_err("nobody listens");
        assert_eq!(faults(failure), [(-libc::ECONNREFUSED, Place::Address(address))]);
    }

    #[tokio::test]
    async fn says_that_a_name_is_not_found() {
        let lookups = Lookups::with(|_, _| Err(eai::NONAME));
        let failure = connect(&tcp("nowhere", 1), &lookups, None).await.expect_err("no such name");
        assert_eq!(faults(failure), [(eai::NONAME, Place::Host("nowhere".into()))]);
    }

    #[tokio::test]
    async fn goes_on_to_the_next_address_when_one_refuses() {
        let (_listener, address) = listen(Ipv4Addr::LOCALHOST).await;
        let lookups = Lookups::with(|_, _| {
            Ok([(Ipv6Addr::LOCALHOST, 0).into(), (Ipv4Addr::LOCALHOST, 0).into()].into())
        });
        let (_, place) =
            connect(&tcp("both", address.port()), &lookups, None).await.expect("a stream");
        assert_eq!(place, Place::Address(address));
    }

    #[tokio::test]
    async fn gives_a_silent_address_a_head_start_and_no_more() {
        let (_hanging, _queue, silent) = hanging().await;
        let (_listener, answering) = listen(Ipv4Addr::LOCALHOST).await;
        let began = Instant::now();
        let (_, address) = race(&[silent, answering], None, HEAD_START).await.expect("a stream");
        assert_eq!(address, answering);
        assert!(began.elapsed() >= HEAD_START);
    }

    #[tokio::test]
    async fn reports_every_address_when_all_fail() {
        let ((_port, one), (_other_port, other)) = (refusing(), refusing());
        let failure = race(&[one, other], None, HEAD_START).await.expect_err("nobody listens");
        assert_eq!(
            faults(failure),
            [
                (-libc::ECONNREFUSED, Place::Address(one)),
                (-libc::ECONNREFUSED, Place::Address(other))
            ]
        );
    }

    #[tokio::test]
    async fn times_out_where_the_deadline_passes() {
        let (_hanging, _queue, silent) = hanging().await;
        let deadline = Some(Instant::now() + Duration::from_millis(50));
        let failure = connect(&tcp("127.0.0.1", silent.port()), &Lookups::new(), deadline).await;
        assert_eq!(
            faults(failure.expect_err("nobody answers")),
            [(-libc::ETIMEDOUT, Place::Address(silent))]
        );
    }

    #[tokio::test]
    async fn connects_from_the_local_address_that_was_asked_for() {
        let (listener, address) = listen(Ipv4Addr::LOCALHOST).await;
        let stream =
            dial(address, Some(Ipv4Addr::new(127, 0, 0, 2).into())).await.expect("a stream");
        let (_, from) = listener.accept().await.expect("a connection");
        assert_eq!(from.ip(), Ipv4Addr::new(127, 0, 0, 2));
        assert_eq!(stream.local_addr().expect("an address").ip(), from.ip());
    }

    #[test]
    fn takes_the_families_in_turn() {
        let found = ["[::1]:0", "[::2]:0", "1.1.1.1:0", "2.2.2.2:0", "3.3.3.3:0"];
        let found: Vec<SocketAddr> =
            found.iter().map(|text| text.parse().expect("an address")).collect();
        let ordered: Vec<String> = order(&found, 80).iter().map(ToString::to_string).collect();
        assert_eq!(ordered, ["[::1]:80", "1.1.1.1:80", "[::2]:80", "2.2.2.2:80", "3.3.3.3:80"]);
    }
}
