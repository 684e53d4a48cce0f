//! The handshake: from a stream to the slot, stopping right behind the line.

use std::io::{self, Read};

use tokio::io::{AsyncRead, AsyncReadExt};

use crate::slot::{self, MAX_LINE, Reading};

/// How much of a wrong line is kept for the error, in bytes.
pub const MAX_RECEIVED: usize = 32;

/// How many unread bytes a connection is relieved of before it is closed, at most.
const MAX_DISCARDED: usize = 64 * 1024;

/// Why a handshake gave no slot.
#[derive(Debug)]
pub enum HandshakeError {
    /// The server closed before it sent anything.
    Closed,
    /// The connection broke.
    Broken(io::Error),
    /// What came is not a slot line; here is its beginning, at most [`MAX_RECEIVED`] bytes.
    Protocol(Vec<u8>),
}

/// Reads the slot line from `stream` and not a byte behind it: it asks only for bytes that surely
/// belong to the line, so that the rest stays in the kernel for the application.
///
/// # Errors
/// [`HandshakeError`]; the stream is of no further use then.
///
/// # Cancel safety
/// Not cancel safe: bytes that were read are lost with the future. Drop the stream with it.
pub async fn read_slot<S: AsyncRead + Unpin>(stream: &mut S) -> Result<u64, HandshakeError> {
    let mut line = [0; MAX_LINE];
    let mut length = 0;
    loop {
        match slot::read(&line[..length]) {
            Reading::Slot(slot) => return Ok(slot),
            Reading::Invalid => return Err(protocol_error(&line[..length])),
            Reading::Incomplete { more } => {
                let missing = &mut line[length..length + more];
                match stream.read(missing).await.map_err(HandshakeError::Broken)? {
                    0 if length == 0 => return Err(HandshakeError::Closed),
                    0 => return Err(protocol_error(&line[..length])),
                    count => length += count,
                }
            }
        }
    }
}

fn protocol_error(line: &[u8]) -> HandshakeError {
    HandshakeError::Protocol(line[..line.len().min(MAX_RECEIVED)].to_vec())
}

/// Reads what has arrived on `socket`, which must not block, and throws it away, save what still fits into
/// `received`. A socket closed with unread bytes resets the connection (RFC 1122, section 4.2.2.13), which
/// a server would see as an error of its own.
pub fn discard(mut socket: impl Read, received: &mut Vec<u8>) {
    let mut scratch = [0; 1024];
    let mut discarded = 0;
    while discarded < MAX_DISCARDED {
        // That nothing more comes, or that the connection is broken, is the end of it all the same.
        let Ok(count @ 1..) = socket.read(&mut scratch) else { break };
        discarded += count;
        let room = MAX_RECEIVED - received.len();
        received.extend_from_slice(&scratch[..count.min(room)]);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::collections::VecDeque;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::test_runner::TestRunner;
    use tokio::io::{AsyncWriteExt, ReadBuf, duplex};

    use super::*;

    /// The slot, or the bytes of the wrong line, and what the application reads afterwards.
    async fn read(segments: &[&[u8]]) -> (Result<u64, Vec<u8>>, Vec<u8>) {
        let (mut client, mut server) = duplex(1024);
        let writing = async {
            for segment in segments {
                server.write_all(segment).await.expect("room");
                tokio::task::yield_now().await;
            }
            drop(server);
        };
        let reading = async {
            let slot = match read_slot(&mut client).await {
                Ok(slot) => Ok(slot),
                Err(HandshakeError::Protocol(received)) => Err(received),
                Err(error) => panic!("{error:?}"),
            };
            let mut rest = Vec::new();
            client.read_to_end(&mut rest).await.expect("the rest");
            (slot, rest)
        };
        let ((), result) = tokio::join!(writing, reading);
        result
    }

    #[tokio::test]
    async fn reads_a_line_in_one_segment() {
        assert_eq!(read(&[b"13\r\n"]).await, (Ok(13), vec![]));
    }

    #[tokio::test]
    async fn reads_a_line_in_any_segments() {
        assert_eq!(read(&[b"1", b"7", b"3", b"\r", b"\n"]).await, (Ok(173), vec![]));
        assert_eq!(read(&[b"173\r", b"\n"]).await, (Ok(173), vec![]));
    }

    #[tokio::test]
    async fn leaves_every_byte_behind_the_line() {
        for line in ["0\r\n", "13\r\n", "173\r\n", "00000012345\r\n"] {
            let bytes = [line.as_bytes(), b"\x0042\r\nhello"].concat();
            let (slot, rest) = read(&[&bytes]).await;
            assert_eq!(slot, Ok(line.trim_end().parse().expect("a number")));
            assert_eq!(rest, b"\x0042\r\nhello");
        }
    }

    #[tokio::test]
    async fn keeps_the_beginning_of_a_wrong_line() {
        assert_eq!(read(&[b"foo\r\n"]).await, (Err(b"foo".to_vec()), b"\r\n".to_vec()));
        assert_eq!(read(&[&[b'0'; 100]]).await.0, Err(vec![b'0'; MAX_RECEIVED]));
    }

    #[tokio::test]
    async fn takes_an_end_within_the_line_for_a_wrong_line() {
        assert_eq!(read(&[b"13"]).await.0, Err(b"13".to_vec()));
        assert_eq!(read(&[b"13\r"]).await.0, Err(b"13\r".to_vec()));
        assert_eq!(read(&[&[b'0'; 40]]).await.0, Err(vec![b'0'; MAX_RECEIVED]));
    }

    #[tokio::test]
    async fn tells_an_end_before_any_byte_apart() {
        let (mut client, server) = duplex(64);
        drop(server);
        assert!(matches!(read_slot(&mut client).await, Err(HandshakeError::Closed)));
    }

    /// A stream that yields its segments one by one, with a wait before each.
    struct Segments {
        waiting: VecDeque<Vec<u8>>,
        is_ready: bool,
    }

    impl AsyncRead for Segments {
        fn poll_read(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            self.is_ready = !self.is_ready;
            if !self.is_ready {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            while self.waiting.front().is_some_and(Vec::is_empty) {
                self.waiting.pop_front();
            }
            if let Some(segment) = self.waiting.front_mut() {
                let count = segment.len().min(buffer.remaining());
                buffer.put_slice(&segment.drain(..count).collect::<Vec<u8>>());
            }
            Poll::Ready(Ok(()))
        }
    }

    /// What a server's bytes mean, from all of them at once: the slot and where the line ends.
    fn model(bytes: &[u8]) -> Option<(u64, usize)> {
        let end = bytes.iter().position(|byte| *byte == b'\n')?;
        let digits = bytes[..end].strip_suffix(b"\r")?;
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) || end >= MAX_LINE {
            return None;
        }
        let slot = str::from_utf8(digits).expect("digits").parse::<u128>().ok()?;
        let slot = u64::try_from(slot).ok().filter(|slot| *slot <= slot::MAX_NUMBER)?;
        Some((slot, end + 1))
    }

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let digits = prop_oneof![
            vec(b'0'..=b'9', 0..4),
            vec(b'0'..=b'9', 12..20),
            (40..70_usize, vec(b'0'..=b'9', 0..3)).prop_map(|(zeros, tail)| [
                vec![b'0'; zeros],
                tail
            ]
            .concat()),
        ];
        let end = prop_oneof![4 => Just(b"\r\n".to_vec()), 1 => vec(any::<u8>(), 0..3)];
        let line = (digits, end, vec(any::<u8>(), 0..80))
            .prop_map(|parts| [parts.0, parts.1, parts.2].concat());
        prop_oneof![4 => line, 1 => vec(any::<u8>(), 0..100)]
    }

    fn split(bytes: &[u8], mut at: Vec<usize>) -> VecDeque<Vec<u8>> {
        at.iter_mut().for_each(|position| *position %= bytes.len() + 1);
        at.sort_unstable();
        let starts = std::iter::once(0).chain(at.iter().copied());
        let ends = at.iter().copied().chain(std::iter::once(bytes.len()));
        starts.zip(ends).map(|(start, end)| bytes[start..end].to_vec()).collect()
    }

    #[test]
    fn agrees_with_a_plain_model_on_any_bytes_in_any_segmentation() {
        let config =
            ProptestConfig { cases: 100_000, failure_persistence: None, ..Default::default() };
        let mut runner = TestRunner::new(config);
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let slots = Cell::new(0_u32);
        let property = |(bytes, at): (Vec<u8>, Vec<usize>)| {
            let mut stream = Segments { waiting: split(&bytes, at), is_ready: true };
            let result = runtime.block_on(read_slot(&mut stream));
            let rest: Vec<u8> = stream.waiting.into_iter().flatten().collect();
            match (model(&bytes), result) {
                (Some((slot, end)), Ok(read)) => {
                    slots.set(slots.get() + 1);
                    prop_assert_eq!(read, slot);
                    prop_assert_eq!(&rest, &bytes[end..]);
                }
                (None, Err(HandshakeError::Closed)) => prop_assert!(bytes.is_empty()),
                (None, Err(HandshakeError::Protocol(received))) => {
                    prop_assert!(received.len() <= MAX_RECEIVED);
                    prop_assert!(bytes.starts_with(&received));
                }
                (model, result) => prop_assert!(false, "{:?} is not {:?}", result, model),
            }
            Ok(())
        };
        runner.run(&(bytes(), vec(any::<usize>(), 0..6)), property).expect("agreement");
        assert!(slots.get() > 20_000, "the cases are too poor in slots: {}", slots.get());
    }

    #[test]
    fn discards_what_is_there_and_keeps_the_beginning() {
        let mut received = b"foo".to_vec();
        discard(&b"bar\r\n"[..], &mut received);
        assert_eq!(received, b"foobar\r\n");

        let mut received = vec![b'x'; MAX_RECEIVED - 1];
        discard(&[b'y'; 3000][..], &mut received);
        assert_eq!(received, [&[b'x'; MAX_RECEIVED - 1][..], b"y"].concat());
    }

    #[test]
    fn discards_no_more_than_its_bound() {
        let bytes = vec![b'x'; 2 * MAX_DISCARDED];
        let mut left = &bytes[..];
        let mut received = Vec::new();
        discard(&mut left, &mut received);
        assert_eq!(received, [b'x'; MAX_RECEIVED]);
        assert_eq!(left.len(), MAX_DISCARDED);
    }
}
