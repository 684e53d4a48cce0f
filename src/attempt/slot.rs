//! The slot line: what the bytes that a server sent so far mean.
//!
//! ```text
//!  one or more ASCII digits    CR    LF
//! +-----+-----+--   --+-----+-----+-----+
//! | '1' | '3' |  ...  | '7' | \r  | \n  |   at most 64 bytes
//! +-----+-----+--   --+-----+-----+-----+
//! ```
//!
//! Pure: no socket, no waiting, no allocation.

/// The longest slot line that is read, CR and LF included, in bytes.
pub const MAX_LINE: usize = 64;

/// The highest slot number that is a whole number in JavaScript (`Number.MAX_SAFE_INTEGER`).
pub const MAX_NUMBER: u64 = (1 << 53) - 1;

const CR_LF: usize = 2;

/// What a slot line, or its beginning, says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// A slot line so far; at least `more` bytes are missing, and all of them belong to the line.
    Incomplete {
        /// How many bytes can be read without touching one behind the line.
        more: usize,
    },
    /// The whole line, and the slot number in it.
    Slot(u64),
    /// Not a slot line, whatever may follow.
    Invalid,
}

/// Reads `line`, the first bytes that a server sent.
///
/// Says [`Reading::Invalid`] at the first byte that makes it certain: a byte that has no place
/// there, a line that can't end within [`MAX_LINE`], a number above [`MAX_NUMBER`]. Leading zeros
/// don't count towards the number.
pub fn read(line: &[u8]) -> Reading {
    let digits = line.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits + CR_LF > MAX_LINE {
        return Reading::Invalid;
    }
    let Some(number) = number(&line[..digits]) else {
        return Reading::Invalid;
    };
    match &line[digits..] {
        [] if digits == 0 => Reading::Incomplete { more: 1 + CR_LF },
        [] => Reading::Incomplete { more: CR_LF },
        _ if digits == 0 => Reading::Invalid,
        [b'\r'] => Reading::Incomplete { more: 1 },
        [b'\r', b'\n'] => Reading::Slot(number),
        _ => Reading::Invalid,
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0, |number: u64, digit| {
        let number = number * 10 + u64::from(digit - b'0');
        (number <= MAX_NUMBER).then_some(number)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_slot() {
        for (line, slot) in [
            ("0\r\n", 0),
            ("13\r\n", 13),
            ("007\r\n", 7),
            ("173\r\n", 173),
            ("9007199254740991\r\n", MAX_NUMBER),
        ] {
            assert_eq!(read(line.as_bytes()), Reading::Slot(slot), "{line:?}");
        }
    }

    #[test]
    fn says_how_many_bytes_surely_belong_to_the_line() {
        for (line, more) in [("", 3), ("1", 2), ("13", 2), ("13\r", 1), ("0\r", 1)] {
            assert_eq!(read(line.as_bytes()), Reading::Incomplete { more }, "{line:?}");
        }
    }

    #[test]
    fn rejects_what_is_no_slot_line() {
        for line in [
            "foo\r\n",
            "\r\n",
            "\n",
            "\r",
            " 1\r\n",
            "1 \r\n",
            "-1\r\n",
            "+1\r\n",
            "1.5\r\n",
            "1e3\r\n",
            "0x1\r\n",
            "1\n",
            "1\rx",
            "1\r\r\n",
            "1\r\n2",
            "1\0\r\n",
            "\u{661}\r\n",
            "٣\r\n",
            "1,0\r\n",
        ] {
            assert_eq!(read(line.as_bytes()), Reading::Invalid, "{line:?}");
        }
    }

    #[test]
    fn rejects_a_line_longer_than_the_limit_as_soon_as_it_is_certain() {
        let longest = format!("{}7\r\n", "0".repeat(61));
        assert_eq!(longest.len(), MAX_LINE);
        assert_eq!(read(longest.as_bytes()), Reading::Slot(7));
        assert_eq!(read("0".repeat(62).as_bytes()), Reading::Incomplete { more: 2 });
        assert_eq!(read("0".repeat(63).as_bytes()), Reading::Invalid);
    }

    #[test]
    fn rejects_a_number_that_javascript_cannot_hold_as_soon_as_it_is_certain() {
        assert_eq!(read(b"9007199254740992"), Reading::Invalid);
        assert_eq!(read(b"90071992547409910"), Reading::Invalid);
        assert_eq!(read(b"00000000009007199254740991\r\n"), Reading::Slot(MAX_NUMBER));
    }
}
