//! The poller of Windows: a task of Tokio for each socket. A poller of mio's own cannot be watched by another there.

use std::io;

use socket2::Socket;
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{AbortHandle, yield_now};

use super::MAX_EVENTS;

/// Tells which sockets can be read.
pub struct Poller(UnboundedReceiver<usize>);

/// The sockets that are watched.
pub struct Registry(UnboundedSender<usize>);

/// A socket that is watched, until this is dropped.
pub struct Watch(AbortHandle);

impl Poller {
    /// Creates a poller and its registry.
    ///
    /// # Errors
    /// None here.
    pub fn open() -> io::Result<(Self, Registry)> {
        let (tx, rx) = unbounded_channel();
        Ok((Self(rx), Registry(tx)))
    }

    /// Calls `on_readable` with the key of each socket that can be read, as long as the runtime lives. It must read all
    /// that is there, and may not panic.
    ///
    /// # Cancel safety
    /// Dropping the future ends the calls for ever.
    pub async fn run(mut self, on_readable: impl Fn(usize)) {
        let mut keys = Vec::with_capacity(MAX_EVENTS);
        while self.0.recv_many(&mut keys, MAX_EVENTS).await > 0 {
            keys.drain(..).for_each(&on_readable);
            yield_now().await;
        }
    }
}

impl Registry {
    /// Watches a socket until its watch is dropped. Call it within the runtime.
    ///
    /// # Errors
    /// What the system says.
    pub fn register(&self, socket: &Socket, key: usize) -> io::Result<Watch> {
        // Tokio wants a socket of its own. It is the same one under another number, and only asked whether it can be read.
        let watched = TcpStream::from_std(socket.try_clone()?.into())?;
        let tx = self.0.clone();
        let watching = async move {
            while watched.readable().await.is_ok() && tx.send(key).is_ok() {
                // It is read by then.
                yield_now().await;
                // Has Tokio ask anew, whatever it knows.
                let _ = watched.try_io(Interest::READABLE, || {
                    io::Result::<()>::Err(io::ErrorKind::WouldBlock.into())
                });
            }
        };
        Ok(Watch(tokio::spawn(watching).abort_handle()))
    }

    /// Watches a socket no more.
    pub fn deregister(&self, _: &Socket, watch: Watch) {
        drop(watch);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}
