//! From a peer to a connected socket: look-up, addresses raced, one deadline over all of it.

use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use socket2::Socket;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};

use crate::net::dial::{Candidate, dial, dial_unix};
use crate::net::endpoint::{AddressPolicy, Addresses, Endpoint, Local, Order};
use crate::net::error::{ConnectError, SyscallError, Target, eai};
use crate::net::literal::Literal;
use crate::net::lookup::{Lookups, Query};
use crate::net::platform::errno;

/// The longest name that libuv looks up.
const MAX_NAME: usize = 255;

/// Further away than any deadline.
const NEVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// Connects to `endpoint`, and says where it was reached.
///
/// Without a deadline there is no limit but the system's own.
///
/// # Errors
/// One cause for each address that was tried. When the deadline passed: what this machine ran out of on the way, or
/// else `ETIMEDOUT` alone.
///
/// # Cancel safety
/// Dropping the future closes every socket of it. A look-up that has begun ends by itself.
pub async fn connect(
    endpoint: &Endpoint,
    policy: AddressPolicy,
    lookups: &Arc<Lookups>,
    deadline: Option<Instant>,
) -> Result<(Socket, Target), ConnectError> {
    let (candidates, local, addresses) = match endpoint {
        Endpoint::Unix { path } => return connect_unix(path, deadline).await,
        Endpoint::Tcp { host, port, family, hints, local, addresses } => {
            let candidates = match Literal::parse(host) {
                Some(literal) => vec![candidate(literal, *port)?],
                None => {
                    let query = Query { host: Arc::clone(host), family: *family, hints: *hints };
                    let mut found = look_up(query, lookups, deadline).await?.to_vec();
                    arrange(&mut found, policy.order);
                    found.iter_mut().for_each(|address| address.set_port(*port));
                    alternate(found.into_iter().map(Candidate::from).collect())
                }
            };
            (candidates, local, addresses)
        }
        Endpoint::Resolved { host, port, found, local, addresses } => {
            if found.is_empty() {
                return Err(look_up_error(host, eai::NODATA).into());
            }
            let found = found.iter().map(|literal| candidate(literal.clone(), *port));
            (alternate(found.collect::<Result<_, _>>()?), local, addresses)
        }
    };
    race_within(deadline, &candidates, local, addresses.unwrap_or(policy.addresses)).await
}

async fn connect_unix(
    path: &Path,
    deadline: Option<Instant>,
) -> Result<(Socket, Target), ConnectError> {
    let target = Target::Path(path.into());
    match within(deadline, dial_unix(path)).await {
        Some(result) => Ok((result?, target)),
        None => Err(SyscallError::timed_out("connect", target).into()),
    }
}

/// An address that the app spelled.
fn candidate(literal: Literal, port: u16) -> Result<Candidate, SyscallError> {
    let address = literal.socket_address(port);
    let target = Target::Literal(literal, port);
    match address {
        Ok(address) => Ok(Candidate { address, target }),
        Err(error) => Err(SyscallError::from_io("connect", &error, target)),
    }
}

async fn look_up(
    query: Query,
    lookups: &Arc<Lookups>,
    deadline: Option<Instant>,
) -> Result<Arc<[SocketAddr]>, SyscallError> {
    // Empty is one that has no form in ASCII. Node does not ask the system for either.
    if query.host.is_empty() || query.host.len() > MAX_NAME {
        return Err(look_up_error(&query.host, errno::EINVAL));
    }
    let answer = match within(deadline, lookups.resolve(&query)).await {
        Some(answer) => answer,
        // Where it was never begun for want of a thread, the name is not to blame.
        None => Err(if lookups.lacks_a_thread(&query) { errno::EAGAIN } else { errno::ETIMEDOUT }),
    };
    answer.map_err(|errno| look_up_error(&query.host, errno))
}

fn look_up_error(host: &Arc<str>, errno: i32) -> SyscallError {
    SyscallError::new("getaddrinfo", errno, Target::Host(Arc::clone(host)))
}

async fn race_within(
    deadline: Option<Instant>,
    candidates: &[Candidate],
    local: &Local,
    addresses: Addresses,
) -> Result<(Socket, Target), ConnectError> {
    let (candidates, head_start) = match addresses {
        Addresses::First => (&candidates[..1], Duration::ZERO),
        Addresses::Raced(head_start) => (candidates, head_start),
    };
    let mut failed = Vec::new();
    let ended = within(deadline, race(candidates, local, head_start, &mut failed)).await;
    conclude(ended, candidates, failed)
}

/// The result of a race: `None` where the deadline has passed first.
fn conclude(
    ended: Option<Option<(Socket, Target)>>,
    candidates: &[Candidate],
    failed: Vec<SyscallError>,
) -> Result<(Socket, Target), ConnectError> {
    match ended {
        Some(Some(winner)) => Ok(winner),
        Some(None) => Err(ConnectError(failed)),
        None => Err(match ConnectError(failed).exhaustion() {
            Some(exhausted) => exhausted.clone().into(),
            None => SyscallError::timed_out("connect", candidates[0].target.clone()).into(),
        }),
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

/// Puts the addresses of a look-up into the order that the app has asked for.
fn arrange(found: &mut [SocketAddr], order: Order) {
    match order {
        Order::Verbatim => {}
        Order::Ipv4First => found.sort_by_key(SocketAddr::is_ipv6),
        Order::Ipv6First => found.sort_by_key(SocketAddr::is_ipv4),
    }
}

/// The candidates in turn from the two families, beginning with that of the first one (RFC 8305, section 4).
fn alternate(candidates: Vec<Candidate>) -> Vec<Candidate> {
    let Some(first) = candidates.first() else { return candidates };
    let is_ipv6 = first.address.is_ipv6();
    let count = candidates.len();
    let (firsts, seconds): (Vec<_>, Vec<_>) =
        candidates.into_iter().partition(|candidate| candidate.address.is_ipv6() == is_ipv6);
    let (mut firsts, mut seconds) = (firsts.into_iter(), seconds.into_iter());
    let mut alternating = Vec::with_capacity(count);
    while alternating.len() < count {
        alternating.extend([firsts.next(), seconds.next()].into_iter().flatten());
    }
    alternating
}

/// Connects to the first address that answers. The next one is begun when the one before has failed,
/// or has had its head start; those that lose are closed (RFC 8305, section 5). `None` when all have failed; why is
/// in `failed`, which also tells of those that had failed by the time that the future is dropped.
async fn race(
    candidates: &[Candidate],
    local: &Local,
    head_start: Duration,
    failed: &mut Vec<SyscallError>,
) -> Option<(Socket, Target)> {
    if let [candidate] = candidates {
        return match dial(candidate, local).await {
            Ok(socket) => Some((socket, candidate.target.clone())),
            Err(error) => {
                failed.push(error);
                None
            }
        };
    }
    let mut waiting = candidates.iter().cloned();
    let mut running = JoinSet::new();
    loop {
        if let Some(candidate) = waiting.next() {
            let local = local.clone();
            running.spawn(async move {
                dial(&candidate, &local).await.map(|socket| (socket, candidate.target))
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
            Some(Ok(Ok(winner))) => return Some(winner),
            Some(Ok(Err(error))) => failed.push(error),
            // `dial` doesn't panic, and nobody else can abort it.
            Some(Err(panicked)) => std::panic::resume_unwind(panicked.into_panic()),
            None => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    use tokio::net::{TcpListener, TcpSocket, TcpStream};

    use super::*;
    use crate::net::dial::tests::refusing;
    use crate::net::endpoint::Family;
    use crate::net::lookup::Answer;

    const HEAD_START: Duration = Duration::from_millis(250);

    /// What an app has that has set nothing: see lib/net-defaults.js.
    const POLICY: AddressPolicy =
        AddressPolicy { order: Order::Verbatim, addresses: Addresses::Raced(HEAD_START) };

    fn tcp(host: &str, port: u16) -> Endpoint {
        Endpoint::Tcp {
            host: host.into(),
            port,
            family: Family::Any,
            hints: 0,
            local: Local::default(),
            addresses: None,
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
        connect(peer, POLICY, &Lookups::new(), None).await
    }

    /// As `connect_to`, where `ask` is what the system says of names.
    async fn connect_by(
        peer: &Endpoint,
        policy: AddressPolicy,
        ask: impl Fn(&Query) -> Answer + Send + Sync + 'static,
    ) -> Result<(Socket, Target), ConnectError> {
        connect(peer, policy, &Lookups::with(ask), None).await
    }

    fn literal(text: &str) -> Literal {
        Literal::parse(&text.into()).expect("an address")
    }

    fn causes(failure: ConnectError) -> Vec<(i32, Target)> {
        failure.0.into_iter().map(|cause| (cause.errno, cause.target)).collect()
    }

    #[tokio::test]
    async fn connects_to_an_address_without_a_look_up() {
        let (_listener, address) = listen(Ipv4Addr::LOCALHOST).await;
        let ask = |_: &Query| panic!("no look-up is needed");
        let server = tcp("127.0.0.1", address.port());
        let (_, target) = connect_by(&server, POLICY, ask).await.expect("a socket");
        assert_eq!(target, Target::Literal(literal("127.0.0.1"), address.port()));
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn connects_to_a_unix_socket() {
        let path = std::env::temp_dir().join(format!("callosum-{}.sock", std::process::id()));
        let listener = tokio::net::UnixListener::bind(&path).expect("a socket");
        let connected = connect_to(&Endpoint::Unix { path: path.clone() }).await;
        assert_eq!(connected.expect("a socket").1, Target::Path(path.clone()));
        drop(listener);
        std::fs::remove_file(&path).expect("the socket's file");
        let failure =
            connect_to(&Endpoint::Unix { path: path.clone() }).await.expect_err("nobody listens");
        assert_eq!(causes(failure), [(-libc::ENOENT, Target::Path(path))]);
    }

    #[tokio::test]
    async fn says_which_address_refused() {
        let (_port, address) = refusing();
        let failure =
            connect_to(&tcp("127.0.0.1", address.port())).await.expect_err("nobody listens");
        let target = Target::Literal(literal("127.0.0.1"), address.port());
        assert_eq!(causes(failure), [(errno::ECONNREFUSED, target)]);
    }

    #[tokio::test]
    async fn says_that_a_name_is_not_found() {
        let ask = |_: &Query| Err(eai::NONAME);
        let failure = connect_by(&tcp("nowhere", 1), POLICY, ask).await;
        let failure = failure.expect_err("no such name");
        assert_eq!(causes(failure), [(eai::NONAME, Target::Host("nowhere".into()))]);
    }

    #[tokio::test]
    async fn goes_on_to_the_next_address_when_one_refuses() {
        let (_listener, address) = listen(Ipv4Addr::LOCALHOST).await;
        let server = tcp("both", address.port());
        let (_, target) = connect_by(&server, POLICY, both).await.expect("a socket");
        assert_eq!(target, Target::Address(address));
    }

    #[tokio::test]
    async fn gives_a_silent_address_a_head_start_and_no_more() {
        let (_hanging, _queue, silent) = hanging().await;
        let (_listener, answering) = listen(Ipv4Addr::LOCALHOST).await;
        let began = Instant::now();
        let candidates = [silent.into(), answering.into()];
        let won = race(&candidates, &Local::default(), HEAD_START, &mut Vec::new()).await;
        assert_eq!(won.expect("a socket").1, Target::Address(answering));
        assert!(began.elapsed() >= HEAD_START);
    }

    #[tokio::test]
    async fn reports_every_address_when_all_fail() {
        let ((_port, one), (_other_port, other)) = (refusing(), refusing());
        let mut failed = Vec::new();
        let candidates = [one.into(), other.into()];
        assert!(race(&candidates, &Local::default(), HEAD_START, &mut failed).await.is_none());
        assert_eq!(
            causes(ConnectError(failed)),
            [
                (errno::ECONNREFUSED, Target::Address(one)),
                (errno::ECONNREFUSED, Target::Address(other))
            ]
        );
    }

    #[tokio::test]
    async fn times_out_where_the_deadline_passes() {
        let (_hanging, _queue, silent) = hanging().await;
        let deadline = Some(Instant::now() + Duration::from_millis(50));
        let server = tcp("127.0.0.1", silent.port());
        let failure = connect(&server, POLICY, &Lookups::new(), deadline).await;
        assert_eq!(
            causes(failure.expect_err("nobody answers")),
            [(errno::ETIMEDOUT, Target::Literal(literal("127.0.0.1"), silent.port()))]
        );
    }

    #[tokio::test]
    async fn tries_the_addresses_that_the_app_has_looked_up_by_itself() {
        let ((_port, refusing), (_listener, address)) =
            (refusing(), listen(Ipv4Addr::LOCALHOST).await);
        let resolved = |found: &[&str], port| Endpoint::Resolved {
            host: "by-the-app".into(),
            port,
            found: found.iter().map(|text| literal(text)).collect(),
            local: Local::default(),
            addresses: None,
        };
        let server = resolved(&["::1", "127.0.0.1"], address.port());
        let (_, target) = connect_to(&server).await.expect("a socket");
        assert_eq!(target, Target::Literal(literal("127.0.0.1"), address.port()));

        let server = resolved(&["127.0.0.1"], refusing.port());
        let target = Target::Literal(literal("127.0.0.1"), refusing.port());
        let failure = connect_to(&server).await.expect_err("nobody listens");
        assert_eq!(causes(failure), [(errno::ECONNREFUSED, target)]);

        let failure = connect_to(&resolved(&[], 1)).await.expect_err("no address");
        assert_eq!(causes(failure), [(eai::NODATA, Target::Host("by-the-app".into()))]);
    }

    #[tokio::test]
    async fn tries_the_one_address_that_the_policy_puts_first() {
        let (_listener, address) = listen(Ipv4Addr::LOCALHOST).await;
        let policy = |order| AddressPolicy { order, addresses: Addresses::First };
        let server = tcp("both", address.port());
        connect_by(&server, policy(Order::Ipv4First), both).await.expect("a socket");
        for order in [Order::Verbatim, Order::Ipv6First] {
            connect_by(&server, policy(order), both).await.expect_err("nobody listens there");
        }
    }

    #[tokio::test]
    async fn hands_the_family_and_the_hints_to_the_look_up() {
        let mut server = tcp("x", 1);
        if let Endpoint::Tcp { family, hints, .. } = &mut server {
            (*family, *hints) = (Family::V6, 8);
        }
        let ask = |query: &Query| {
            let expected = Query { host: "x".into(), family: Family::V6, hints: 8 };
            Err(if *query == expected { eai::NONAME } else { eai::FAIL })
        };
        let failure = connect_by(&server, POLICY, ask).await;
        assert_eq!(causes(failure.expect_err("no such name"))[0].0, eai::NONAME);
    }

    #[tokio::test]
    async fn blames_this_machine_where_time_is_over_and_it_had_run_out_of_something() {
        let (_hanging, _queue, silent) = hanging().await;
        let deadline = Some(Instant::now() + Duration::from_millis(50));
        let target = Target::Address(silent);
        let mut failed = vec![SyscallError::new("connect", errno::EMFILE, target)];
        let candidates = [silent.into(), silent.into()];
        let local = Local::default();
        let racing = race(&candidates, &local, HEAD_START, &mut failed);
        let result = conclude(within(deadline, racing).await, &candidates, failed);
        let failure = result.expect_err("nobody answers");
        assert_eq!(causes(failure), [(errno::EMFILE, Target::Address(silent))]);
    }

    /// What the system says of a name with an address of either family.
    fn both(_: &Query) -> Answer {
        Ok([(Ipv6Addr::LOCALHOST, 0).into(), (Ipv4Addr::LOCALHOST, 0).into()].into())
    }

    fn addresses(found: &[&str]) -> Vec<SocketAddr> {
        found.iter().map(|text| text.parse().expect("an address")).collect()
    }

    #[test]
    fn takes_the_families_in_turn() {
        let found = addresses(&["[::1]:80", "[::2]:80", "1.1.1.1:80", "2.2.2.2:80", "3.3.3.3:80"]);
        let alternating = alternate(found.into_iter().map(Candidate::from).collect());
        let alternating: Vec<String> =
            alternating.iter().map(|candidate| candidate.address.to_string()).collect();
        assert_eq!(alternating, ["[::1]:80", "1.1.1.1:80", "[::2]:80", "2.2.2.2:80", "3.3.3.3:80"]);
    }

    #[test]
    fn keeps_the_order_of_the_system_within_a_family() {
        let found = ["[::2]:0", "3.3.3.3:0", "[::1]:0", "1.1.1.1:0"];
        for (order, expected) in [
            (Order::Verbatim, found),
            (Order::Ipv4First, ["3.3.3.3:0", "1.1.1.1:0", "[::2]:0", "[::1]:0"]),
            (Order::Ipv6First, ["[::2]:0", "[::1]:0", "3.3.3.3:0", "1.1.1.1:0"]),
        ] {
            let mut arranged = addresses(&found);
            arrange(&mut arranged, order);
            assert_eq!(arranged, addresses(&expected), "{order:?}");
        }
    }
}
