//! The poller of Unix: one of mio's own, which Tokio's watches. A socket of Tokio's would take 400 bytes more.

use std::io;
use std::os::fd::AsRawFd;
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use socket2::Socket;
use tokio::io::unix::AsyncFd;
use tokio::task::yield_now;

use super::MAX_EVENTS;

/// Tells which sockets can be read.
pub struct Poller(AsyncFd<Poll>);

/// The sockets that are watched.
pub struct Registry(mio::Registry);

/// What has to be kept as long as a socket is watched: nothing here.
pub struct Watch;

impl Poller {
    /// Creates a poller and its registry. Call it within the runtime that is to run it.
    ///
    /// # Errors
    /// What the system says when it has no descriptors for it.
    pub fn open() -> io::Result<(Self, Registry)> {
        let poll = Poll::new()?;
        let registry = poll.registry().try_clone()?;
        #[allow(unsafe_code, reason = "the poller is told of the descriptor and does not own it")]
        // SAFETY: the descriptor is that of `poll` all the time, which the watch owns.
        let watch = unsafe { AsyncFd::register_with_interest(poll, tokio::io::Interest::READABLE) };
        Ok((Self(watch?), Registry(registry)))
    }

    /// Calls `on_readable` with the key of each socket that can be read, as long as the runtime lives. It must read all
    /// that is there, and may not panic.
    ///
    /// # Cancel safety
    /// Dropping the future ends the calls for ever.
    pub async fn run(self, on_readable: impl Fn(usize)) {
        let Self(mut poll) = self;
        let mut events = Events::with_capacity(MAX_EVENTS);
        while let Ok(mut ready) = poll.readable_mut().await {
            let asked = ready.get_inner_mut().poll(&mut events, Some(Duration::ZERO));
            // Otherwise there may be more of them, or a signal came between.
            let are_all = asked.is_ok() && events.iter().count() < MAX_EVENTS;
            if are_all {
                ready.clear_ready();
            }
            for event in &events {
                on_readable(event.token().0);
            }
            if !are_all {
                yield_now().await;
            }
        }
    }
}

impl Registry {
    /// Watches a socket until it is closed or deregistered.
    ///
    /// # Errors
    /// What the system says.
    pub fn register(&self, socket: &Socket, key: usize) -> io::Result<Watch> {
        let mut source = SourceFd(&socket.as_raw_fd());
        self.0.register(&mut source, Token(key), Interest::READABLE).map(|()| Watch)
    }

    /// Watches a socket no more.
    pub fn deregister(&self, socket: &Socket, _: Watch) {
        // It can't fail: the descriptor is open, and was registered.
        let _ = self.0.deregister(&mut SourceFd(&socket.as_raw_fd()));
    }
}
