//! What connecting takes of the system where it is a Unix.

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::path::Path;

use socket2::{Domain, SockAddr, Socket, Type};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Whether the system connects a socket again that was refused.
pub const CONNECTS_AGAIN: bool = cfg!(target_os = "linux");

/// Whether a port that only waits for late segments of a connection before has to be asked for.
pub const REUSES_ADDRESSES: bool = true;

/// The flags of a look-up for which the server gives none: only families that this machine has an address of.
pub const DEFAULT_HINTS: i32 = libc::AI_ADDRCONFIG;

/// What `connect` says where no port is left for the connection.
pub const NO_PORT_LEFT: i32 = errno::EADDRNOTAVAIL;

/// The files that say how names are looked up: the name servers, and names that need none.
pub const NAME_FILES: Option<[&str; 2]> = Some(["/etc/resolv.conf", "/etc/hosts"]);

/// How many descriptors have to be free for there to be no shortage: as many as a look-up needs.
const NEEDED: usize = 4;

/// System errors as libuv numbers them: negated.
pub mod errno {
    /// Not permitted, as to send to a broadcast address.
    pub const EACCES: i32 = -libc::EACCES;
    /// There is no thread.
    pub const EAGAIN: i32 = -libc::EAGAIN;
    /// The port is taken.
    pub const EADDRINUSE: i32 = -libc::EADDRINUSE;
    /// This machine does not have the address.
    pub const EADDRNOTAVAIL: i32 = -libc::EADDRNOTAVAIL;
    /// Nobody listens.
    pub const ECONNREFUSED: i32 = -libc::ECONNREFUSED;
    /// An argument is refused.
    pub const EINVAL: i32 = -libc::EINVAL;
    /// The process has too many descriptors.
    pub const EMFILE: i32 = -libc::EMFILE;
    /// The machine has too many descriptors.
    pub const ENFILE: i32 = -libc::ENFILE;
    /// There is no room for more sockets.
    pub const ENOBUFS: i32 = -libc::ENOBUFS;
    /// There is no memory.
    pub const ENOMEM: i32 = -libc::ENOMEM;
    /// There is no way to the network.
    pub const ENETUNREACH: i32 = -libc::ENETUNREACH;
    /// Not permitted, as by a firewall.
    pub const EPERM: i32 = -libc::EPERM;
    /// A time limit has passed.
    pub const ETIMEDOUT: i32 = -libc::ETIMEDOUT;
}

/// The number of a system error in libuv's numbering.
pub fn libuv_errno(error: i32) -> i32 {
    -error
}

/// The error of a shortage of descriptors, if there is one right now.
pub fn shortage() -> Option<i32> {
    let probes: io::Result<Vec<File>> = (0..NEEDED).map(|_| File::open("/dev/null")).collect();
    probes.err().and_then(|error| error.raw_os_error()).map(libuv_errno)
}

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It is there.
    Established,
    /// The other side has not answered.
    UnderWay,
}

/// Makes a socket that does not block and is closed in child processes.
///
/// # Errors
/// What the system says.
pub fn open_socket(domain: Domain) -> io::Result<Socket> {
    #[cfg(target_os = "linux")]
    return Socket::new(domain, Type::STREAM.nonblocking(), None);
    #[cfg(not(target_os = "linux"))]
    {
        let socket = Socket::new(domain, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    }
}

/// Begins to connect.
///
/// # Errors
/// What the system says, where it knows at once.
pub fn begin(socket: &Socket, address: &SockAddr) -> io::Result<Progress> {
    match socket.connect(address) {
        Ok(()) => Ok(Progress::Established),
        // On the same machine the answer is there already.
        Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => inquire(socket, address),
        Err(error) => Err(error),
    }
}

/// Waits until a connection that was begun is there.
///
/// # Errors
/// Why it is not.
///
/// # Cancel safety
/// Dropping the future closes the socket.
pub async fn established(
    socket: Socket,
    progress: Progress,
    address: &SockAddr,
) -> io::Result<Socket> {
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

/// The address of a Unix socket. A path that begins with a NUL is an abstract name of Linux, any bytes and as long as
/// they are, as in Node 24.
///
/// # Errors
/// `EINVAL`, as in Node 24: a NUL further on in a path, which the system would take for its end, a path that is
/// empty or too long, an abstract name on another system.
pub fn unix_address(path: &Path) -> io::Result<SockAddr> {
    use std::os::unix::ffi::OsStrExt;
    let is_valid = match path.as_os_str().as_bytes() {
        [] => false,
        [0, ..] => cfg!(target_os = "linux"),
        bytes => !bytes.contains(&0),
    };
    if is_valid { SockAddr::unix(path) } else { Err(io::ErrorKind::InvalidInput.into()) }
}

/// The number of the network interface of this name; `None` where there is none.
///
/// # Errors
/// What the system says where it cannot look.
pub fn zone_index(name: &str) -> io::Result<Option<u32>> {
    let Ok(name) = CString::new(name) else { return Ok(None) };
    #[allow(unsafe_code, reason = "std has no function for it")]
    // SAFETY: `name` is a string of C's that outlives the call.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    if index != 0 {
        return Ok(Some(index));
    }
    match io::Error::last_os_error() {
        // The call needs a socket of its own.
        error if [Some(libc::EMFILE), Some(libc::ENFILE)].contains(&error.raw_os_error()) => {
            Err(error)
        }
        _no_such_interface => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_a_path_with_a_nul_in_it_and_one_that_is_too_long() {
        for path in ["/run/a\0evil", "", &"x".repeat(200), &format!("\0{}", "x".repeat(200))] {
            let error = unix_address(Path::new(path)).expect_err("EINVAL");
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{path:?}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn takes_an_abstract_name_with_any_bytes() {
        for name in ["a", "a\0b", "\0", &"x".repeat(107)] {
            let address = unix_address(Path::new(&format!("\0{name}"))).expect("a name");
            assert_eq!(address.as_abstract_namespace(), Some(name.as_bytes()), "{name:?}");
        }
    }
}
