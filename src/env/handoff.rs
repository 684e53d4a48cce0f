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
//! was never taken. By what sockets are told apart differs from system to system: see [`Identity`].
//!
//! The main thread can't be terminated without the process, and so need not look at it.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::mem::ManuallyDrop;

use socket2::Socket;
#[cfg(unix)]
use unix as platform;
#[cfg(windows)]
use windows as platform;

pub use platform::is_main_thread;
use platform::{Descriptor, Identity, Number};

/// The descriptor that is being handed over, if any. There is one handoff for each JavaScript thread.
#[derive(Debug)]
pub struct Handoff {
    is_terminable: bool,
    offered: Option<Descriptor>,
    claimed: Vec<Claim>,
}

#[derive(Debug)]
struct Claim {
    number: Number,
    /// Known where the thread can be terminated, if the descriptor tells. Without it, it is JavaScript's for good.
    identity: Option<Identity>,
}

impl Handoff {
    /// A handoff to a thread of JavaScript, which may be one that can be terminated.
    pub fn new(is_terminable: bool) -> Self {
        Self { is_terminable, offered: None, claimed: Vec::new() }
    }

    /// Offers the descriptor of a socket. One that was offered before and not claimed is closed.
    pub fn offer(&mut self, socket: Socket) {
        self.offered = Some(platform::descriptor(socket));
    }

    /// Withdraws what is on offer.
    pub fn withdraw(&mut self) {
        self.offered = None;
    }

    /// The number of the descriptor on offer. JavaScript must `confirm` or `abort` it.
    pub fn claim(&mut self) -> Option<Number> {
        let descriptor = self.offered.take()?;
        let identity = if self.is_terminable { Identity::of(&descriptor) } else { None };
        let number = platform::into_number(descriptor);
        self.claimed.push(Claim { number, identity });
        Some(number)
    }

    /// A socket has the descriptor that was claimed last.
    pub fn confirm(&mut self) {
        self.claimed.pop();
    }

    /// Closes the descriptor that was claimed last, which no socket has.
    pub fn abort(&mut self) {
        if let Some(claim) = self.claimed.pop() {
            drop(ManuallyDrop::into_inner(claim.descriptor()));
        }
    }

    /// Closes what is on offer, and what was claimed and never taken. Call it when Node has closed the handles of
    /// the environment.
    pub fn close_all(&mut self) {
        self.offered = None;
        for claim in self.claimed.drain(..).filter(|claim| claim.identity.is_some()) {
            let descriptor = claim.descriptor();
            if Identity::of(&descriptor) == claim.identity {
                drop(ManuallyDrop::into_inner(descriptor));
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

impl Claim {
    /// The descriptor again, which only who knows that no socket has it may close.
    fn descriptor(&self) -> ManuallyDrop<Descriptor> {
        // SAFETY: `ManuallyDrop` keeps this from closing a descriptor that isn't ours. It is closed
        // only where it is the very socket that was claimed, which nobody else can own: JavaScript
        // said so, or its handles are closed already.
        #[allow(unsafe_code, reason = "the descriptor comes back from JavaScript")]
        ManuallyDrop::new(unsafe { platform::from_number(self.number) })
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::io::Read;
    use std::os::fd::{FromRawFd, OwnedFd, RawFd};
    use std::os::unix::net::UnixStream;

    use super::*;

    fn pair() -> (Socket, UnixStream) {
        let (ours, theirs) = UnixStream::pair().expect("a pair");
        (OwnedFd::from(ours).into(), theirs)
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
