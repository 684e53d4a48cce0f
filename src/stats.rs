//! Stats: how many attempts of a rover ended in which way.

use crate::attempt::Outcome;

/// What became of all attempts so far. `attempts` is always the sum of `connections`, `rejected`,
/// `unreachable`, `errors`, `abandoned` and `pending`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Attempts begun.
    pub attempts: u64,
    /// Handed to JavaScript.
    pub connections: u64,
    /// Closed since the slot was too high.
    pub rejected: u64,
    /// Failed before a slot came.
    pub unreachable: u64,
    /// Protocol errors, local faults, no servers.
    pub errors: u64,
    /// Given up by `stop`.
    pub abandoned: u64,
    /// Not begun, since too much was pending.
    pub skipped: u64,
    /// In flight, or ended and not yet taken by JavaScript.
    pub pending: u64,
}

impl Stats {
    /// An attempt begins.
    pub fn begin(&mut self) {
        self.attempts += 1;
        self.pending += 1;
    }

    /// An attempt is not begun.
    pub fn skip(&mut self) {
        self.skipped += 1;
    }

    /// An attempt that was pending is over.
    pub fn settle(&mut self, outcome: &Outcome) {
        self.pending -= 1;
        let counter = match outcome {
            Outcome::Connection { .. } => &mut self.connections,
            Outcome::Rejected => &mut self.rejected,
            Outcome::Unreachable(_) => &mut self.unreachable,
            Outcome::LocalFault(_)
            | Outcome::Protocol(_)
            | Outcome::NoServers
            | Outcome::Internal(_) => &mut self.errors,
        };
        *counter += 1;
    }

    /// All that is pending is given up.
    pub fn abandon(&mut self) {
        self.abandoned += std::mem::take(&mut self.pending);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::error::{SyscallError, Target};

    #[test]
    fn balances_whatever_becomes_of_the_attempts() {
        let fault = || SyscallError::timed_out("read", Target::Host("x".into()));
        let outcomes = [
            Outcome::Rejected,
            Outcome::Unreachable(fault().into()),
            Outcome::LocalFault(fault()),
            Outcome::Protocol(vec![]),
            Outcome::NoServers,
            Outcome::Internal(String::new()),
        ];
        let mut stats = Stats::default();
        (0..8).for_each(|_| stats.begin());
        outcomes.iter().for_each(|outcome| stats.settle(outcome));
        stats.skip();
        assert_eq!((stats.pending, stats.abandoned), (2, 0));
        stats.abandon();
        let expected = Stats {
            attempts: 8,
            connections: 0,
            rejected: 1,
            unreachable: 1,
            errors: 4,
            abandoned: 2,
            skipped: 1,
            pending: 0,
        };
        assert_eq!(stats, expected);
    }
}
