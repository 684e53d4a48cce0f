//! The handoff: how a descriptor changes hands from Rust to JavaScript with exactly one owner at any
//! time, also when the JavaScript thread is terminated in the middle of it.
//!
//! ```text
//!  offer          claim             confirm
//!  ------> [offered] ----> [claimed] ----> JavaScript's
//!              |               |  abort
//!              | withdraw      +-------------> closed
//!              +-----------------------------> closed
//! ```
//!
//! `claim` gives JavaScript the number, which it hands to `new net.Socket`; `confirm` says that it did. A worker
//! that is terminated between the two leaves it open whether the socket has the descriptor. This is decided when the
//! environment is torn down, after Node has closed all its handles: a descriptor that is still the same socket then
//! was never taken. Sockets are told apart by device and inode, which no other file has as long as this one is open.
//!
//! The main thread can't be terminated without the process, and so need not look at inodes.

use std::fs::{self, File};
use std::mem::ManuallyDrop;
use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::fs::MetadataExt;

/// Whether this surely is the thread that the process began with. Only Linux tells.
pub fn is_main_thread() -> bool {
    // A link to `PROCESS/task/THREAD` (proc(5)).
    let link = fs::read_link("/proc/thread-self").unwrap_or_default();
    let (process, thread) = (link.iter().next(), link.file_name());
    process.is_some() && process == thread
}

/// The descriptor that is being handed over, if any. There is one handoff for each JavaScript thread.
#[derive(Debug)]
pub struct Handoff {
    is_terminable: bool,
    offered: Option<OwnedFd>,
    claimed: Vec<Claim>,
}

/// Device and inode.
type Identity = (u64, u64);

#[derive(Debug)]
struct Claim {
    fd: RawFd,
    /// Known where the thread can be terminated.
    identity: Option<Identity>,
}

impl Handoff {
    /// A handoff to a thread of JavaScript, which may be one that can be terminated.
    pub fn new(is_terminable: bool) -> Self {
        Self { is_terminable, offered: None, claimed: Vec::new() }
    }

    /// Offers a descriptor. One that was offered before and not claimed is closed.
    pub fn offer(&mut self, descriptor: OwnedFd) {
        self.offered = Some(descriptor);
    }

    /// Withdraws what is on offer.
    pub fn withdraw(&mut self) {
        self.offered = None;
    }

    /// The number of the descriptor on offer. JavaScript must `confirm` or `abort` it.
    pub fn claim(&mut self) -> Option<RawFd> {
        let file = File::from(self.offered.take()?);
        let identity = if self.is_terminable { Some(identity(&file)?) } else { None };
        let fd = file.into_raw_fd();
        self.claimed.push(Claim { fd, identity });
        Some(fd)
    }

    /// A socket has the descriptor that was claimed last.
    pub fn confirm(&mut self) {
        self.claimed.pop();
    }

    /// Closes the descriptor that was claimed last, which no socket has.
    pub fn abort(&mut self) {
        if let Some(claim) = self.claimed.pop() {
            drop(ManuallyDrop::into_inner(claim.file()));
        }
    }

    /// Closes what is on offer, and what was claimed and never taken. Call it when Node has closed the handles of
    /// the environment.
    pub fn close_all(&mut self) {
        self.offered = None;
        for claim in self.claimed.drain(..).filter(|claim| claim.identity.is_some()) {
            let file = claim.file();
            if identity(&file) == claim.identity {
                drop(ManuallyDrop::into_inner(file));
            }
        }
    }
}

impl Drop for Handoff {
    /// As [`Handoff::close_all`] does, and when it may.
    fn drop(&mut self) {
        self.close_all();
    }
}

fn identity(file: &File) -> Option<Identity> {
    file.metadata().ok().map(|found| (found.dev(), found.ino()))
}

impl Claim {
    /// The descriptor again, which only who knows that no socket has it may close.
    fn file(&self) -> ManuallyDrop<File> {
        // SAFETY: `ManuallyDrop` keeps this from closing a descriptor that isn't ours. It is closed
        // only where it is the very socket that was claimed, which nobody else can own: JavaScript
        // said so, or its handles are closed already.
        #[allow(unsafe_code, reason = "the descriptor comes back from JavaScript")]
        ManuallyDrop::new(unsafe { File::from_raw_fd(self.fd) })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::net::UnixStream;

    use super::*;

    fn pair() -> (OwnedFd, UnixStream) {
        let (ours, theirs) = UnixStream::pair().expect("a pair");
        (ours.into(), theirs)
    }

    /// Whether the other end of a pair is closed.
    fn is_closed(mut peer: UnixStream) -> bool {
        peer.set_nonblocking(true).expect("a socket");
        matches!(peer.read(&mut [0]), Ok(0))
    }

    /// What `net.Socket` does with a number that it adopted.
    fn adopt(fd: RawFd) -> OwnedFd {
        // SAFETY: the number was claimed, so it is this function's to own.
        #[allow(unsafe_code, reason = "stands in for JavaScript")]
        unsafe {
            OwnedFd::from_raw_fd(fd)
        }
    }

    #[test]
    fn leaves_a_confirmed_descriptor_alone() {
        let (descriptor, peer) = pair();
        let mut handoff = Handoff::new(true);
        handoff.offer(descriptor);
        let socket = adopt(handoff.claim().expect("a number"));
        handoff.confirm();
        drop(handoff);
        assert!(!is_closed(peer.try_clone().expect("a clone")));
        drop(socket);
        assert!(is_closed(peer));
    }

    #[test]
    fn closes_what_was_offered_and_never_claimed() {
        let (descriptor, peer) = pair();
        let mut handoff = Handoff::new(true);
        handoff.offer(descriptor);
        handoff.withdraw();
        assert!(is_closed(peer));
        assert_eq!(handoff.claim(), None);

        let ((first, first_peer), (second, second_peer)) = (pair(), pair());
        handoff.offer(first);
        handoff.offer(second);
        assert!(is_closed(first_peer));
        drop(handoff);
        assert!(is_closed(second_peer));
    }

    #[test]
    fn closes_what_was_aborted() {
        let (descriptor, peer) = pair();
        let mut handoff = Handoff::new(true);
        handoff.offer(descriptor);
        handoff.claim().expect("a number");
        handoff.abort();
        assert!(is_closed(peer));
    }

    #[test]
    fn closes_what_was_claimed_and_never_confirmed_when_all_is_over() {
        let (descriptor, peer) = pair();
        let mut handoff = Handoff::new(true);
        handoff.offer(descriptor);
        handoff.claim().expect("a number");
        drop(handoff);
        assert!(is_closed(peer));
    }

    #[test]
    fn spares_a_stranger_that_got_the_number_of_a_descriptor_that_was_taken() {
        let ((descriptor, _peer), (stranger, stranger_peer)) = (pair(), pair());
        let mut handoff = Handoff::new(true);
        handoff.offer(descriptor);
        let fd = handoff.claim().expect("a number");
        // The socket adopted it and was closed; a stranger has the number now. `dup2` does both.
        // SAFETY: both numbers are open, and the old socket of `fd` is nobody's any more.
        #[allow(unsafe_code, reason = "std has no dup2")]
        let duplicate = unsafe { libc::dup2(std::os::fd::AsRawFd::as_raw_fd(&stranger), fd) };
        assert_eq!(duplicate, fd);
        drop(handoff);
        drop(stranger);
        assert!(!is_closed(stranger_peer));
        drop(adopt(fd));
    }
}
