//! From a peer to a connected socket: look-up, addresses raced, one deadline over all of it.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use socket2::Socket;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};

use crate::net::dial::{dial, dial_unix};
use crate::net::error::{ConnectError, SyscallError, Target};
use crate::net::lookup::Lookups;
use crate::servers::{Addresses, Endpoint, Family};

/// Which addresses of a name are tried, and in which order, where the server does not say it.
#[derive(Clone, Copy, Debug)]
pub struct AddressPolicy {
    /// How many of them.
    pub addresses: Addresses,
    /// In which order.
    pub order: Order,
}

/// An order of addresses.
#[derive(Clone, Copy, Debug)]
pub enum Order {
    /// As the system says.
    Verbatim,
    /// IPv4 first.
    Ipv4First,
    /// IPv6 first.
    Ipv6First,
}

impl Default for AddressPolicy {
    fn default() -> Self {
        Self { addresses: Addresses::Raced(Addresses::HEAD_START), order: Order::Verbatim }
    }
}

/// Further away than any deadline.
const NEVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

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
    endpoint: &Endpoint,
    _policy: AddressPolicy,
    lookups: &Arc<Lookups>,
    deadline: Option<Instant>,
) -> Result<(Socket, Target), ConnectError> {
    match endpoint {
        Endpoint::Unix { path } => connect_unix(path, deadline).await,
        Endpoint::Tcp { host, port, family, local_address, addresses } => {
            let targets = match host.parse::<IpAddr>() {
                Ok(address) => vec![SocketAddr::new(address, *port)],
                Err(_) => look_up(host, *port, *family, lookups, deadline).await?,
            };
            race_within(deadline, &targets, *local_address, *addresses).await
        }
    }
}

async fn connect_unix(
    path: &Path,
    deadline: Option<Instant>,
) -> Result<(Socket, Target), ConnectError> {
    let place = Target::Path(path.into());
    match within(deadline, dial_unix(path)).await {
        Some(result) => Ok((result?, place)),
        None => Err(SyscallError::timed_out("connect", place).into()),
    }
}

async fn look_up(
    host: &Arc<str>,
    port: u16,
    family: Family,
    lookups: &Arc<Lookups>,
    deadline: Option<Instant>,
) -> Result<Vec<SocketAddr>, SyscallError> {
    let found = within(deadline, lookups.resolve(host, family)).await;
    match found.unwrap_or(Err(-libc::ETIMEDOUT)) {
        Ok(found) => Ok(order(&found, port)),
        Err(errno) => Err(SyscallError {
            syscall: "getaddrinfo",
            errno,
            place: Target::Host(Arc::clone(host)),
        }),
    }
}

async fn race_within(
    deadline: Option<Instant>,
    targets: &[SocketAddr],
    local_address: Option<IpAddr>,
    addresses: Addresses,
) -> Result<(Socket, Target), ConnectError> {
    let (targets, head_start) = match addresses {
        Addresses::First => (&targets[..1], Duration::ZERO),
        Addresses::Raced(head_start) => (targets, head_start),
    };
    match within(deadline, race(targets, local_address, head_start)).await {
        Some(Ok((socket, address))) => Ok((socket, Target::Address(address))),
        Some(Err(failure)) => Err(failure),
        None => Err(SyscallError::timed_out("connect", Target::Address(targets[0])).into()),
    }
}

/// The output of `future`, or `None` once the deadline has passed.
fn within<F: Future>(
    deadline: Option<Instant>,
    future: F,
) -> impl Future<Output = Option<F::Output>> {
    // One future for both cases, and not an `async fn`, which would hold `future` twice.
    let deadline = deadline.unwrap_or_else(|| Instant::now() + NEVER);
    timeout_at(deadline, future).map(Result::ok)
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
) -> Result<(Socket, SocketAddr), ConnectError> {
    if let [target] = targets {
        let socket = dial(*target, local_address).await?;
        return Ok((socket, *target));
    }
    let mut waiting = targets.iter().copied();
    let mut running = JoinSet::new();
    let mut faults = Vec::new();
    loop {
        if let Some(target) = waiting.next() {
            running.spawn(async move {
                dial(target, local_address).await.map(|socket| (socket, target))
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
            None => return Err(ConnectError::Several(faults)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use tokio::net::{TcpListener, TcpSocket, TcpStream, UnixListener};

    use super::*;
    use crate::net::dial::tests::refusing;
    use crate::net::error::eai;

    const HEAD_START: Duration = Addresses::HEAD_START;

    fn tcp(host: &str, port: u16) -> Endpoint {
        Endpoint::Tcp {
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

    async fn connect_to(peer: &Endpoint) -> Result<(Socket, Target), ConnectError> {
        connect(peer, &Lookups::new(), None).await
    }

    fn faults(failure: ConnectError) -> Vec<(i32, Target)> {
        let faults = match failure {
            ConnectError::One(fault) => vec![fault],
            ConnectError::Several(faults) => faults,
        };
        faults.into_iter().map(|fault| (fault.errno, fault.place)).collect()
    }

    #[tokio::test]
    async fn connects_to_an_address_without_a_look_up() {
        let (_listener, address) = listen(Ipv4Addr::LOCALHOST).await;
        let lookups = Lookups::with(|_, _| panic!("no look-up is needed"));
        let (_, place) =
            connect(&tcp("127.0.0.1", address.port()), &lookups, None).await.expect("a socket");
        assert_eq!(place, Target::Address(address));
    }

    #[tokio::test]
    async fn connects_to_a_unix_socket() {
        let path = std::env::temp_dir().join(format!("callosum-{}.sock", std::process::id()));
        let listener = UnixListener::bind(&path).expect("a socket");
        let connected = connect_to(&Endpoint::Unix { path: path.clone() }).await;
        assert_eq!(connected.expect("a socket").1, Target::Path(path.clone()));
        drop(listener);
        std::fs::remove_file(&path).expect("the socket's file");
        let failure =
            connect_to(&Endpoint::Unix { path: path.clone() }).await.expect_err("nobody listens");
        assert_eq!(faults(failure), [(-libc::ENOENT, Target::Path(path))]);
    }

    #[tokio::test]
    async fn says_which_address_refused() {
        let (_port, address) = refusing();
        let failure =
            connect_to(&tcp("127.0.0.1", address.port())).await.expect_err("nobody listens");
        assert_eq!(faults(failure), [(-libc::ECONNREFUSED, Target::Address(address))]);
    }

    #[tokio::test]
    async fn says_that_a_name_is_not_found() {
        let lookups = Lookups::with(|_, _| Err(eai::NONAME));
        let failure = connect(&tcp("nowhere", 1), &lookups, None).await.expect_err("no such name");
        assert_eq!(faults(failure), [(eai::NONAME, Target::Host("nowhere".into()))]);
    }

    #[tokio::test]
    async fn goes_on_to_the_next_address_when_one_refuses() {
        let (_listener, address) = listen(Ipv4Addr::LOCALHOST).await;
        let lookups = Lookups::with(|_, _| {
            Ok([(Ipv6Addr::LOCALHOST, 0).into(), (Ipv4Addr::LOCALHOST, 0).into()].into())
        });
        let (_, place) =
            connect(&tcp("both", address.port()), &lookups, None).await.expect("a socket");
        assert_eq!(place, Target::Address(address));
    }

    #[tokio::test]
    async fn gives_a_silent_address_a_head_start_and_no_more() {
        let (_hanging, _queue, silent) = hanging().await;
        let (_listener, answering) = listen(Ipv4Addr::LOCALHOST).await;
        let began = Instant::now();
        let (_, address) = race(&[silent, answering], None, HEAD_START).await.expect("a socket");
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
                (-libc::ECONNREFUSED, Target::Address(one)),
                (-libc::ECONNREFUSED, Target::Address(other))
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
            [(-libc::ETIMEDOUT, Target::Address(silent))]
        );
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
