//! The handoff: how a descriptor changes hands from Rust to JavaScript with exactly one owner at any
//! time, also when the JavaScript thread is terminated in the middle of it.
//!
//! ```text
//!  offer          claim             adopted
//!  ------> [offered] ----> [claimed] ----> JavaScript's
//!              |               |  refused
//!              | withdrawn     +-------------> closed
//!              +-----------------------------> closed
//! ```
//!
//! `claim` tells JavaScript the number, which it gives to `new net.Socket`; `adopted` says that it
//! did. A worker that is terminated between the two leaves it open whether the socket has the
//! descriptor. This is settled when the environment is torn down, after Node has closed all handles of
//! it: a descriptor that is still the same socket then was never adopted. Sockets are told apart by
//! their inode, which no other socket has as long as this one is open.

use std::fs::File;
use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::fs::MetadataExt;

/// A descriptor together with what tells its socket from any other.
#[derive(Debug)]
pub struct Descriptor {
    fd: OwnedFd,
    inode: u64,
}

impl Descriptor {
    /// Notes which socket `fd` is.
    ///
    /// # Errors
    /// What `fstat` says. The descriptor is closed then.
    pub fn new(fd: OwnedFd) -> io::Result<Self> {
        let file = File::from(fd);
        let inode = file.metadata()?.ino();
        Ok(Self { fd: file.into(), inode })
    }
}

/// The descriptor that is being handed over, if any. There is one handoff for each JavaScript thread.
#[derive(Debug, Default)]
pub struct Handoff {
    offered: Option<Descriptor>,
    claimed: Vec<Claim>,
}

#[derive(Debug)]
struct Claim {
    fd: RawFd,
    inode: u64,
}

impl Handoff {
    /// Offers a descriptor. One that was offered before and not claimed is closed.
    pub fn offer(&mut self, descriptor: Descriptor) {
        self.offered = Some(descriptor);
    }

    /// Withdraws what is on offer.
    pub fn withdraw(&mut self) {
        self.offered = None;
    }

    /// The number of the descriptor on offer, which from now on is JavaScript's to adopt or refuse.
    pub fn claim(&mut self) -> Option<RawFd> {
        let Descriptor { fd, inode } = self.offered.take()?;
        let fd = fd.into_raw_fd();
        self.claimed.push(Claim { fd, inode });
        Some(fd)
    }

    /// Takes note that a socket has the descriptor that was claimed last.
    pub fn adopted(&mut self) {
        self.claimed.pop();
    }

    /// Closes the descriptor that was claimed last, which no socket has.
    pub fn refused(&mut self) {
        if let Some(claim) = self.claimed.pop() {
            claim.close_unless_adopted();
        }
    }
}

impl Drop for Handoff {
    /// Closes what was offered, and what was claimed and never adopted. To be dropped when Node has
    /// closed the handles of the environment.
    fn drop(&mut self) {
        self.claimed.drain(..).for_each(Claim::close_unless_adopted);
    }
}

impl Claim {
    fn close_unless_adopted(self) {
        // SAFETY: `ManuallyDrop` keeps this from closing a descriptor that isn't ours. It is closed
        // only where it is the very socket that was claimed, which nobody else can own: JavaScript
        // said so, or its handles are closed already.
        #[allow(unsafe_code, reason = "the descriptor comes back from JavaScript")]
        let file = ManuallyDrop::new(unsafe { File::from_raw_fd(self.fd) });
        if file.metadata().is_ok_and(|found| found.ino() == self.inode) {
            drop(ManuallyDrop::into_inner(file));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::net::UnixStream;

    use super::*;

    fn pair() -> (Descriptor, UnixStream) {
        let (ours, theirs) = UnixStream::pair().expect("a pair");
        (Descriptor::new(ours.into()).expect("a descriptor"), theirs)
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
    fn leaves_an_adopted_descriptor_alone() {
        let (descriptor, peer) = pair();
        let mut handoff = Handoff::default();
        handoff.offer(descriptor);
        let socket = adopt(handoff.claim().expect("a number"));
        handoff.adopted();
        drop(handoff);
        assert!(!is_closed(peer.try_clone().expect("a clone")));
        drop(socket);
        assert!(is_closed(peer));
    }

    #[test]
    fn closes_what_was_offered_and_never_claimed() {
        let (descriptor, peer) = pair();
        let mut handoff = Handoff::default();
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
    fn closes_what_was_refused() {
        let (descriptor, peer) = pair();
        let mut handoff = Handoff::default();
        handoff.offer(descriptor);
        handoff.claim().expect("a number");
        handoff.refused();
        assert!(is_closed(peer));
    }

    #[test]
    fn closes_what_was_claimed_and_never_adopted_when_all_is_over() {
        let (descriptor, peer) = pair();
        let mut handoff = Handoff::default();
        handoff.offer(descriptor);
        handoff.claim().expect("a number");
        drop(handoff);
        assert!(is_closed(peer));
    }

    #[test]
    fn spares_a_stranger_that_got_the_number_of_an_adopted_descriptor() {
        let ((descriptor, _peer), (stranger, stranger_peer)) = (pair(), pair());
        let mut handoff = Handoff::default();
        handoff.offer(descriptor);
        let fd = handoff.claim().expect("a number");
        // The socket adopted it and was closed; a stranger has the number now. `dup2` does both.
        // SAFETY: both numbers are open, and the old socket of `fd` is nobody's any more.
        #[allow(unsafe_code, reason = "std has no dup2")]
        let duplicate = unsafe { libc::dup2(std::os::fd::AsRawFd::as_raw_fd(&stranger.fd), fd) };
        assert_eq!(duplicate, fd);
        drop(handoff);
        drop(stranger);
        assert!(!is_closed(stranger_peer));
        drop(adopt(fd));
    }
}
