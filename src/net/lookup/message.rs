//! The few bytes of the domain name system (RFC 1035, section 4) that a probe takes: a question, and whether a message
//! is the reply to it.

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordType {
    /// IPv4 addresses.
    A = 1,
    /// IPv6 addresses (RFC 3596).
    Aaaa = 28,
}

/// How a name server replied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// With records.
    Records,
    /// That there are none, or that it cannot say.
    Nothing,
}

const HEADER: usize = 12;
const CLASS_INTERNET: u16 = 1;
const MAX_LABEL: usize = 63;
const MAX_NAME: usize = 255;

/// A question for the records of `name`; `None` where the name cannot be written down.
pub fn question(id: u16, name: &str, record_type: RecordType) -> Option<Vec<u8>> {
    let mut message = Vec::with_capacity(HEADER + name.len() + 6);
    message.extend(id.to_be_bytes());
    // Flags: recursion is desired. Counts: one question, nothing else.
    message.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in name.strip_suffix('.').unwrap_or(name).split('.') {
        if label.is_empty() || label.len() > MAX_LABEL {
            return None;
        }
        message.push(label.len() as u8);
        message.extend(label.as_bytes());
    }
    message.push(0);
    if message.len() - HEADER > MAX_NAME {
        return None;
    }
    message.extend((record_type as u16).to_be_bytes());
    message.extend(CLASS_INTERNET.to_be_bytes());
    Some(message)
}

/// The id of a message.
pub fn id(message: &[u8]) -> Option<u16> {
    Some(u16::from_be_bytes(message.get(..2)?.try_into().ok()?))
}

/// What `message` says, if it is the reply to `question`.
pub fn reply(message: &[u8], question: &[u8]) -> Option<Reply> {
    let header = message.get(..HEADER)?;
    let is_reply = header[2] & 0x80 != 0;
    let count = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    let asked = &question[HEADER..];
    // A server that did not understand the question may leave it out.
    let is_ours = count(4) == 0
        || message[HEADER..].get(..asked.len()).is_some_and(|it| it.eq_ignore_ascii_case(asked));
    if !is_reply || !is_ours || id(message) != id(question) {
        return None;
    }
    let code = header[3] & 0x0f;
    Some(if code == 0 && count(6) > 0 { Reply::Records } else { Reply::Nothing })
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// The reply to `question` with a code and so many records, whose text is left out.
    pub fn replied(question: &[u8], code: u8, records: u8) -> Vec<u8> {
        let mut message = question.to_vec();
        message[2] |= 0x80;
        message[3] = 0x80 | code;
        message[7] = records;
        message
    }

    fn ask(name: &str) -> Vec<u8> {
        question(0x1234, name, RecordType::A).expect("a name")
    }

    #[test]
    fn writes_a_question_as_the_standard_says() {
        let expected = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x01a\x04test\0\0\x01\0\x01";
        assert_eq!(ask("a.test"), expected);
        assert_eq!(ask("a.test."), expected);
    }

    #[test]
    fn writes_none_for_what_is_not_a_name() {
        let long = format!("{}.test", "x".repeat(64));
        let longer = "abcdefg.".repeat(32);
        for name in ["", ".", "a..test", ".test", &long, &longer] {
            assert_eq!(question(1, name, RecordType::Aaaa), None, "{name}");
        }
    }

    #[test]
    fn tells_a_reply_from_other_messages() {
        let question = ask("a.test");
        assert_eq!(reply(&replied(&question, 0, 1), &question), Some(Reply::Records));
        assert_eq!(reply(&replied(&question, 0, 0), &question), Some(Reply::Nothing));
        assert_eq!(reply(&replied(&question, 3, 0), &question), Some(Reply::Nothing));
        assert_eq!(reply(&replied(&ask("A.TEST"), 0, 1), &question), Some(Reply::Records));
        let other = super::question(0x1235, "a.test", RecordType::A).expect("a name");
        for message in [&question[..], &replied(&ask("b.test"), 0, 1), &replied(&other, 0, 1)] {
            assert_eq!(reply(message, &question), None);
        }
        let whole = replied(&question, 0, 1);
        for length in 0..HEADER {
            assert_eq!(reply(&whole[..length], &question), None);
        }
    }
}
