//! What the system calls of a rove cost, and nothing else: the floor under every rover. `npm run bench:floor`
//! runs it, and says what the figures mean.
//!
//! Prints one line for each figure: a name and µs, of CPU time or, for what is done one at a time, of time. Linux only, since it reads its CPU time from
//! `/proc/self/schedstat`.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, SockAddr, Socket, Type};

const ROVES: usize = 64 * 100;
const IN_FLIGHT: usize = 64;
const LINE: &[u8] = b"13\r\n";

fn main() -> io::Result<()> {
    let ports: Vec<u16> =
        std::env::args().skip(1).map(|port| port.parse().expect("a port")).collect();
    let [refused, slot] = ports[..] else { panic!("usage: floor REFUSED_PORT SLOT_PORT") };
    let address = |port| SockAddr::from(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    for (name, cost) in [
        ("refused", per_rove(|| refuse(&address(refused), ROVES))?),
        ("refused-fresh", per_rove(|| refuse_afresh(&address(refused), ROVES))?),
        ("kept", per_rove(|| keep(&address(slot), ROVES))?),
        ("close", close(&address(slot), ROVES)?),
        ("system-call", per_rove(|| call(ROVES))?),
        ("hop", hop(ROVES)?),
        ("single", median(ROVES, || reach(&address(slot)))?),
        ("single-by-thread", by_thread(&address(slot), ROVES)?),
        ("single-read-by-thread", read_by_thread(&address(slot), ROVES)?),
    ] {
        println!("{name} {cost:.2}");
    }
    Ok(())
}

/// CPU time of this thread for one rove of those that `rove` makes, in µs.
fn per_rove(rove: impl Fn() -> io::Result<()>) -> io::Result<f64> {
    rove()?;
    let before = cpu_time()?;
    rove()?;
    Ok((cpu_time()? - before) / ROVES as f64)
}

fn cpu_time() -> io::Result<f64> {
    // The account of a running thread is brought up to date when it is switched out.
    thread::sleep(Duration::from_millis(2));
    let account = fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds: f64 = account.split(' ').next().and_then(|ns| ns.parse().ok()).expect("ns");
    Ok(nanoseconds / 1000.0)
}

/// Refused attempts as the package makes them: with one socket.
fn refuse(address: &SockAddr, count: usize) -> io::Result<()> {
    let socket = new_socket()?;
    (0..count).for_each(|_| assert_refused(&socket, address));
    Ok(())
}

/// Refused attempts as `net.connect` makes them: with a socket for each.
fn refuse_afresh(address: &SockAddr, count: usize) -> io::Result<()> {
    for _ in 0..count {
        assert_refused(&new_socket()?, address);
    }
    Ok(())
}

fn assert_refused(socket: &Socket, address: &SockAddr) {
    let _under_way = socket.connect(address);
    let error = socket.connect(address).expect_err("nobody listens");
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
}

/// Attempts that get a slot, each closed at once.
fn keep(address: &SockAddr, count: usize) -> io::Result<()> {
    (0..count / IN_FLIGHT).try_for_each(|_| reach_many(address).map(drop))
}

/// CPU time of closing a connection that has given its slot, in µs.
fn close(address: &SockAddr, count: usize) -> io::Result<f64> {
    let mut sum = 0.0;
    for _ in 0..count / IN_FLIGHT {
        let sockets = reach_many(address)?;
        let before = cpu_time()?;
        drop(sockets);
        sum += cpu_time()? - before;
    }
    Ok(sum / count as f64)
}

/// System calls that do next to nothing.
fn call(count: usize) -> io::Result<()> {
    let socket = new_socket()?;
    (0..count).try_for_each(|_| socket.tcp_nodelay().map(drop))
}

/// As many connections as are in flight, each with its slot.
fn reach_many(address: &SockAddr) -> io::Result<Vec<Socket>> {
    let mut sockets = Vec::with_capacity(IN_FLIGHT);
    for _ in 0..IN_FLIGHT {
        let socket = new_socket()?;
        let _under_way = socket.connect(address);
        sockets.push(socket);
    }
    // Long enough for nearly all answers: to ask in vain is counted, too.
    thread::sleep(Duration::from_millis(8));
    for mut socket in &sockets {
        let mut line = [0; LINE.len()];
        while let Err(error) = socket.read_exact(&mut line) {
            assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
            thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(line, LINE);
    }
    Ok(sockets)
}

/// How long it takes until another thread has woken up, in µs.
fn hop(count: usize) -> io::Result<f64> {
    Ok(median(count, asking(|| Ok(()))?)? / 2.0)
}

/// How long one rove takes at a time where another thread makes it, in µs.
fn by_thread(address: &SockAddr, count: usize) -> io::Result<f64> {
    let address = address.clone();
    median(count, asking(move || reach(&address))?)
}

/// How long one rove takes at a time where this thread connects, and another one waits for the slot, in µs.
fn read_by_thread(address: &SockAddr, count: usize) -> io::Result<f64> {
    let mut poll = mio::Poll::new()?;
    let registry = poll.registry().try_clone()?;
    let (here, mut there) = UnixStream::pair()?;
    let (hand_over, taken) = std::sync::mpsc::channel::<Socket>();
    thread::spawn(move || -> io::Result<()> {
        let mut events = mio::Events::with_capacity(1);
        loop {
            poll.poll(&mut events, None)?;
            let Ok(mut socket) = taken.recv() else { return Ok(()) };
            read_line(&mut socket)?;
            drop(socket);
            there.write_all(b"x")?;
        }
    });
    let reach = || {
        let socket = new_socket()?;
        let _under_way = socket.connect(address);
        let source = &mut mio::unix::SourceFd(&std::os::fd::AsRawFd::as_raw_fd(&socket));
        hand_over.send(socket).expect("the thread waits");
        registry.register(source, mio::Token(0), mio::Interest::READABLE)?;
        (&here).read_exact(&mut [0])
    };
    median(count, reach)
}

/// Has a thread of its own do `work` whenever the answer is called. It ends with the answer.
fn asking(
    work: impl Fn() -> io::Result<()> + Send + 'static,
) -> io::Result<impl Fn() -> io::Result<()>> {
    let (here, mut there) = UnixStream::pair()?;
    thread::spawn(move || -> io::Result<()> {
        let mut byte = [0];
        while there.read(&mut byte)? > 0 {
            work()?;
            there.write_all(&byte)?;
        }
        Ok(())
    });
    Ok(move || {
        (&here).write_all(b"x")?;
        (&here).read_exact(&mut [0])
    })
}

/// One attempt that gets a slot, waiting for each step.
fn reach(address: &SockAddr) -> io::Result<()> {
    let mut socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.connect(address)?;
    read_line(&mut socket)
}

fn read_line(socket: &mut Socket) -> io::Result<()> {
    let mut line = [0; LINE.len()];
    socket.read_exact(&mut line)?;
    assert_eq!(line, LINE);
    Ok(())
}

/// The median of how long `work` takes, in µs.
fn median(count: usize, work: impl Fn() -> io::Result<()>) -> io::Result<f64> {
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let begun = Instant::now();
        work()?;
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    Ok(times[count / 2].as_secs_f64() * 1e6)
}

fn new_socket() -> io::Result<Socket> {
    Socket::new(Domain::IPV4, Type::STREAM.nonblocking(), None)
}
