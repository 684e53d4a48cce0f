//! A socket that may be waited for, and goes to the poller only when it has to be.
//!
//! To enter a socket with the poller and to take it out again are two system calls, and an allocation. An
//! answer that is there already, as from the same machine, or that came while other attempts had
//! their turn, needs neither.

use std::io::{self, Read};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use socket2::Socket;
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, Interest, ReadBuf};

/// A socket that does not block. Dropping it closes it.
#[derive(Debug)]
pub struct Stream {
    /// What the poller knows it by. Before `socket`, for it has to be dropped first.
    watch: Option<AsyncFd<RawFd>>,
    socket: Socket,
    /// Whether the others had a turn since a read found nothing.
    has_yielded: bool,
}

impl Stream {
    /// Takes a socket that does not block.
    pub fn new(socket: Socket) -> Self {
        Self { watch: None, socket, has_yielded: false }
    }

    /// The socket.
    pub fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Waits until `io` does not answer `WouldBlock`, asking it whenever the socket can be written to.
    ///
    /// # Errors
    /// What `io` says, or the poller.
    ///
    /// # Cancel safety
    /// As safe as `io` is to be called once more.
    pub async fn when_writable<T>(
        &mut self,
        io: impl Fn(&Socket) -> io::Result<T>,
    ) -> io::Result<T> {
        let watch = watch(&mut self.watch, &self.socket, Interest::READABLE | Interest::WRITABLE)?;
        loop {
            if let Ok(result) = watch.writable().await?.try_io(|_| io(&self.socket)) {
                return result;
            }
        }
    }

    /// Takes the descriptor out of the poller: non-blocking, close-on-exec, with all bytes unread.
    pub fn into_descriptor(self) -> OwnedFd {
        drop(self.watch);
        self.socket.into()
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let stream = self.get_mut();
        if stream.watch.is_none() {
            match read(&stream.socket, buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
            if !stream.has_yielded {
                stream.has_yielded = true;
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
        let watch = watch(&mut stream.watch, &stream.socket, Interest::READABLE)?;
        loop {
            let mut readiness = ready!(watch.poll_read_ready(context))?;
            if let Ok(result) = readiness.try_io(|_| read(&stream.socket, buffer)) {
                return Poll::Ready(result);
            }
        }
    }
}

fn watch<'a>(
    watch: &'a mut Option<AsyncFd<RawFd>>,
    socket: &Socket,
    interest: Interest,
) -> io::Result<&'a AsyncFd<RawFd>> {
    match watch {
        Some(watch) => Ok(watch),
        None => {
            let fd = socket.as_raw_fd();
            #[allow(
                unsafe_code,
                reason = "the poller is told of the descriptor and does not own it"
            )]
            // SAFETY: the number is that of `socket`, which stays open until after the watch is dropped:
            // see the order of the fields, and `into_descriptor`.
            let registered = unsafe { AsyncFd::register_with_interest(fd, interest) };
            Ok(watch.insert(registered?))
        }
    }
}

fn read(mut socket: &Socket, buffer: &mut ReadBuf<'_>) -> io::Result<()> {
    let count = socket.read(buffer.initialize_unfilled())?;
    buffer.advance(count);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    use tokio::io::AsyncReadExt;

    use super::*;

    fn pair() -> (Stream, UnixStream) {
        let (ours, theirs) = UnixStream::pair().expect("a pair");
        ours.set_nonblocking(true).expect("a socket");
        (Stream::new(OwnedFd::from(ours).into()), theirs)
    }

    #[tokio::test]
    async fn reads_what_is_there_without_the_poller() {
        let (mut stream, mut peer) = pair();
        peer.write_all(b"13\r\n").expect("room");
        let mut line = [0; 4];
        stream.read_exact(&mut line).await.expect("bytes");
        assert_eq!(&line, b"13\r\n");
        assert!(stream.watch.is_none());
    }

    #[tokio::test]
    async fn reads_what_comes_while_others_have_a_turn_without_the_poller() {
        let (mut stream, mut peer) = pair();
        let mut byte = [0];
        let (count, ()) = tokio::join!(stream.read(&mut byte), async {
            peer.write_all(b"1").expect("room");
        });
        assert_eq!((count.expect("bytes"), byte), (1, *b"1"));
        assert!(stream.watch.is_none());
    }

    #[tokio::test]
    async fn waits_for_what_comes_later_and_for_the_end() {
        let (mut stream, mut peer) = pair();
        for byte in [b'1', b'3'] {
            let mut buffer = [0];
            let is_idle = poll_fn(|context| {
                let mut buffer = ReadBuf::new(&mut buffer);
                // Once for the turn of the others, once for the poller.
                let first = Pin::new(&mut stream).poll_read(context, &mut buffer);
                let second = Pin::new(&mut stream).poll_read(context, &mut buffer);
                Poll::Ready(first.is_pending() && second.is_pending())
            });
            assert!(is_idle.await);
            peer.write_all(&[byte]).expect("room");
            assert_eq!(stream.read(&mut buffer).await.expect("bytes"), 1);
            assert_eq!(buffer, [byte]);
        }
        assert!(stream.watch.is_some());
        drop(peer);
        assert_eq!(stream.read(&mut [0]).await.expect("the end"), 0);
    }

    #[tokio::test]
    async fn gives_its_descriptor_away_and_closes_it_where_it_is_dropped() {
        let (stream, mut peer) = pair();
        peer.set_nonblocking(true).expect("a socket");
        let descriptor = stream.into_descriptor();
        peer.write_all(b"1").expect("a reader");
        drop(Stream::new(descriptor.into()));
        assert!(peer.write_all(b"1").is_err());
    }
}
