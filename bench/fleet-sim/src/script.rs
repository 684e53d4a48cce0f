//! What happens to a fleet, and when: lines of `MS VERB NUMBER…`.
//!
//! | verb | |
//! |---|---|
//! | `servers N` | N more servers listen, and are in the tables |
//! | `clients N` | N more clients begin |
//! | `stop ID…` | servers go down, with all their connections |
//! | `start ID…` | servers listen again, empty |
//! | `drop ID…` | servers leave the tables |
//! | `list ID…` | servers are in the tables again |
//! | `drain MS ID…` | servers end their connections, evenly over a time |
//! | `end` | the last sample is taken |

use crate::client::MS;

/// One event of a script.
#[derive(Debug, PartialEq)]
pub enum Action {
    /// More servers.
    Servers(usize),
    /// More clients.
    Clients(usize),
    /// Servers go down.
    Stop(Vec<u32>),
    /// Servers listen again.
    Start(Vec<u32>),
    /// Servers leave the tables.
    Drop(Vec<u32>),
    /// Servers are in the tables again.
    List(Vec<u32>),
    /// Servers drain, within so many us.
    Drain(u64, Vec<u32>),
    /// The run ends.
    End,
}

/// Reads a script: times are in us.
///
/// # Errors
/// The first line that says nothing.
pub fn parse(text: &str) -> Result<Vec<(u64, Action)>, String> {
    text.lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| parse_line(line).ok_or(format!("not a line of a script: {line}")))
        .collect()
}

fn parse_line(line: &str) -> Option<(u64, Action)> {
    let mut words = line.split_whitespace();
    let time = words.next()?.parse::<u64>().ok()? * MS;
    let verb = words.next()?;
    let numbers: Vec<u32> = words.map(|word| word.parse().ok()).collect::<Option<_>>()?;
    let action = match (verb, numbers.as_slice()) {
        ("servers", &[count]) => Action::Servers(count as usize),
        ("clients", &[count]) => Action::Clients(count as usize),
        ("stop", ids) => Action::Stop(ids.to_vec()),
        ("start", ids) => Action::Start(ids.to_vec()),
        ("drop", ids) => Action::Drop(ids.to_vec()),
        ("list", ids) => Action::List(ids.to_vec()),
        ("drain", [over, ids @ ..]) => Action::Drain(u64::from(*over) * MS, ids.to_vec()),
        ("end", []) => Action::End,
        _ => return None,
    };
    Some((time, action))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_lines() {
        let events = parse("0 servers 3\n\n1500 drain 200 1 2\n").unwrap();
        let expected = [(0, Action::Servers(3)), (1_500_000, Action::Drain(200_000, vec![1, 2]))];
        assert_eq!(events, expected);
    }

    #[test]
    fn names_the_line_that_says_nothing() {
        for line in ["stop", "1 leap 2", "x end", "1 servers", "1 stop a"] {
            assert!(parse(line).unwrap_err().ends_with(line));
        }
    }
}
