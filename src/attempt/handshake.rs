//! The handshake: from a stream to the slot, stopping right behind the line.

use std::io::{self, ErrorKind, Read};
use std::ops::ControlFlow;

use crate::attempt::slot::{self, MAX_LINE, Reading};

/// How much of a wrong line is kept for the error, in bytes.
const MAX_RECEIVED: usize = 32;

/// How many unread bytes a connection is relieved of before it is closed, at most.
const MAX_DISCARDED: usize = 64 * 1024;

/// Why a handshake gave no slot.
#[derive(Debug)]
pub enum HandshakeError {
    /// The server closed before it sent anything.
    Closed,
    /// The connection broke.
    Broken(io::Error),
    /// What came is not a slot line; here is its beginning, at most 32 bytes.
    Protocol(Vec<u8>),
}

/// What a server said: the slot, or why there is none.
pub type Reply = Result<u64, HandshakeError>;

/// A slot line of which a part may have come.
#[derive(Debug, Default)]
pub struct Handshake {
    /// Small, since most handshakes that wait have nothing yet.
    received: Box<[u8]>,
}

impl Handshake {
    /// Reads what has come of the slot line from `stream`, which must not block, and not a byte behind it: it
    /// asks only for bytes that surely belong to the line, so that the rest stays in the kernel for the
    /// application. `None` as long as more is to come; it has read all that was there then.
    pub fn advance(&mut self, mut stream: impl Read) -> Option<Reply> {
        let mut line = [0; MAX_LINE];
        let mut length = self.received.len();
        line[..length].copy_from_slice(&self.received);
        let mut has_ended = false;
        loop {
            let more = match judge(&line[..length], has_ended) {
                ControlFlow::Break(reply) => return Some(reply),
                ControlFlow::Continue(more) => more,
            };
            match stream.read(&mut line[length..length + more]) {
                Ok(0) => has_ended = true,
                Ok(count) => length += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if length > self.received.len() {
                        self.received = line[..length].into();
                    }
                    return None;
                }
                Err(error) => return Some(Err(HandshakeError::Broken(error))),
            }
        }
    }
}

/// What a server said with `line`, where nothing follows or it is certain anyway; or else how many bytes can be read
/// without touching one behind the line.
pub fn judge(line: &[u8], has_ended: bool) -> ControlFlow<Reply, usize> {
    ControlFlow::Break(match slot::read(line) {
        Reading::Incomplete { more } if !has_ended => return ControlFlow::Continue(more),
        Reading::Incomplete { .. } if line.is_empty() => Err(HandshakeError::Closed),
        Reading::Incomplete { .. } | Reading::Invalid => {
            let received = line[..line.len().min(MAX_RECEIVED)].to_vec();
            Err(HandshakeError::Protocol(received))
        }
        Reading::Slot(slot) => Ok(slot),
    })
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

    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::test_runner::TestRunner;

    use super::*;

    /// A stream that yields its segments one by one, with nothing to read before each, and then ends.
    struct Segments {
        waiting: VecDeque<Vec<u8>>,
        is_ready: bool,
    }

    impl Segments {
        fn new(waiting: VecDeque<Vec<u8>>) -> Self {
            Self { waiting, is_ready: true }
        }

        fn rest(self) -> Vec<u8> {
            self.waiting.into_iter().flatten().collect()
        }
    }

    impl Read for &mut Segments {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.is_ready = !self.is_ready;
            if !self.is_ready {
                return Err(ErrorKind::WouldBlock.into());
            }
            while self.waiting.front().is_some_and(Vec::is_empty) {
                self.waiting.pop_front();
            }
            let Some(segment) = self.waiting.front_mut() else { return Ok(0) };
            let count = segment.len().min(buffer.len());
            buffer[..count].copy_from_slice(&segment[..count]);
            segment.drain(..count);
            Ok(count)
        }
    }

    fn reply(stream: &mut Segments) -> Reply {
        let mut handshake = Handshake::default();
        loop {
            if let Some(reply) = handshake.advance(&mut *stream) {
                return reply;
            }
        }
    }

    /// The slot, or the bytes of the wrong line, and what the application reads afterwards.
    fn read(segments: &[&[u8]]) -> (Result<u64, Vec<u8>>, Vec<u8>) {
        let mut stream = Segments::new(segments.iter().map(|segment| segment.to_vec()).collect());
        let slot = match reply(&mut stream) {
            Ok(slot) => Ok(slot),
            Err(HandshakeError::Protocol(received)) => Err(received),
            Err(error) => panic!("{error:?}"),
        };
        (slot, stream.rest())
    }

    #[test]
    fn reads_a_line_in_one_segment() {
        assert_eq!(read(&[b"13\r\n"]), (Ok(13), vec![]));
    }

    #[test]
    fn reads_a_line_in_any_segments() {
        assert_eq!(read(&[b"1", b"7", b"3", b"\r", b"\n"]), (Ok(173), vec![]));
        assert_eq!(read(&[b"173\r", b"\n"]), (Ok(173), vec![]));
    }

    #[test]
    fn leaves_every_byte_behind_the_line() {
        for line in ["0\r\n", "13\r\n", "173\r\n", "00000012345\r\n"] {
            let bytes = [line.as_bytes(), b"\x0042\r\nhello"].concat();
            let (slot, rest) = read(&[&bytes]);
            assert_eq!(slot, Ok(line.trim_end().parse().expect("a number")));
            assert_eq!(rest, b"\x0042\r\nhello");
        }
    }

    #[test]
    fn keeps_the_beginning_of_a_wrong_line() {
        assert_eq!(read(&[b"foo\r\n"]), (Err(b"foo".to_vec()), b"\r\n".to_vec()));
        assert_eq!(read(&[&[b'0'; 100]]).0, Err(vec![b'0'; MAX_RECEIVED]));
    }

    #[test]
    fn takes_an_end_within_the_line_for_a_wrong_line() {
        assert_eq!(read(&[b"13"]).0, Err(b"13".to_vec()));
        assert_eq!(read(&[b"13\r"]).0, Err(b"13\r".to_vec()));
        assert_eq!(read(&[&[b'0'; 40]]).0, Err(vec![b'0'; MAX_RECEIVED]));
    }

    #[test]
    fn tells_an_end_before_any_byte_apart() {
        assert!(matches!(reply(&mut Segments::new([].into())), Err(HandshakeError::Closed)));
    }

    #[test]
    fn says_that_a_connection_is_broken() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(ErrorKind::ConnectionReset.into())
            }
        }
        let reply = Handshake::default().advance(Broken).expect("a reply");
        let Err(HandshakeError::Broken(error)) = reply else { panic!("{reply:?}") };
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
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
        let slots = Cell::new(0_u32);
        let property = |(bytes, at): (Vec<u8>, Vec<usize>)| {
            let mut stream = Segments::new(split(&bytes, at));
            let result = reply(&mut stream);
            let rest = stream.rest();
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
