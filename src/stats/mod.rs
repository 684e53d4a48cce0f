//! Statistics: how many attempts ended in which way, of a rover and of each server. Knows no rover.

mod histogram;

use crate::attempt::outcome::{Failure, Outcome, Times, Verdict};

pub use histogram::{Histogram, Summary};

/// How many attempts ended in which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Handed to JavaScript.
    pub connections: u64,
    /// Closed since the slot was above the limit.
    pub rejected: u64,
    /// Failed before a slot came.
    pub unreachable: u64,
    /// The server closed before it gave a slot.
    pub closed: u64,
    /// Protocol errors, exhaustion, bad servers, no servers, bugs.
    pub errors: u64,
}

impl Tally {
    /// Counts an outcome.
    pub fn count(&mut self, outcome: &Outcome) {
        let counter = match outcome {
            Outcome::Connection { .. } => &mut self.connections,
            Outcome::Rejected { .. } => &mut self.rejected,
            Outcome::Unreachable(_) | Outcome::LookupFailed => &mut self.unreachable,
            Outcome::Closed => &mut self.closed,
            Outcome::Protocol(_)
            | Outcome::Exhausted(_)
            | Outcome::Invalid
            | Outcome::NoServers
            | Outcome::Internal(_) => &mut self.errors,
        };
        *counter += 1;
    }
}

/// The totals of a rover. What is pending is the number of attempts in flight, which is known there:
/// `attempts` is always the sum of it, of `tally` and of `abandoned`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Attempts made.
    pub attempts: u64,
    /// How they ended.
    pub tally: Tally,
    /// Given up by `stop`, or by who asked for them.
    pub abandoned: u64,
    /// Not made, since too much was pending.
    pub skipped: u64,
}

/// What is counted of one server. Under 1 kB.
#[derive(Clone, Debug, Default)]
pub struct ServerStats {
    /// Attempts made.
    pub attempts: u64,
    /// How they ended.
    pub tally: Tally,
    /// Failures of the server in a row.
    pub failures: u64,
    /// What the last failure was.
    pub last_failure: Option<Failure>,
    /// The last slot that it gave.
    pub last_slot: Option<u64>,
    /// How long the look-up and connecting took.
    pub connect_time: Histogram,
    /// How long the slot line took.
    pub slot_time: Histogram,
}

impl ServerStats {
    /// Learns how an attempt ended, as soon as it did.
    pub fn observe(&mut self, outcome: &Outcome, times: Times) {
        if let Some(time) = times.connect {
            self.connect_time.record(time);
        }
        if let Some(time) = times.slot {
            self.slot_time.record(time);
        }
        match outcome.verdict() {
            Verdict::GaveSlot(slot) => {
                self.last_slot = Some(slot);
                self.failures = 0;
            }
            Verdict::Failed(failure) => {
                self.failures += 1;
                self.last_failure = Some(failure);
            }
            Verdict::None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::error::{SyscallError, Target};

    fn error() -> SyscallError {
        SyscallError::timed_out("read", Target::Host("x".into()))
    }

    #[test]
    fn stays_under_a_kilobyte_for_each_server() {
        let most = size_of::<ServerStats>() + 2 * histogram::BUCKETS * size_of::<u32>();
        assert!(most < 1000, "{most}");
    }

    #[test]
    fn counts_each_outcome_once() {
        let mut tally = Tally::default();
        for outcome in [
            Outcome::Rejected { slot: 1 },
            Outcome::Unreachable(error().into()),
            Outcome::LookupFailed,
            Outcome::Closed,
            Outcome::Protocol(vec![]),
            Outcome::Exhausted(error()),
            Outcome::Invalid,
            Outcome::NoServers,
            Outcome::Internal(String::new()),
        ] {
            tally.count(&outcome);
        }
        let expected = Tally { connections: 0, rejected: 1, unreachable: 2, closed: 1, errors: 5 };
        assert_eq!(tally, expected);
    }

    #[test]
    fn learns_failures_in_a_row_the_last_one_and_the_last_slot() {
        let mut stats = ServerStats::default();
        stats.observe(&Outcome::Unreachable(error().into()), Times::default());
        stats.observe(&Outcome::Closed, Times::default());
        assert_eq!((stats.failures, stats.last_failure), (2, Some(Failure::Closed)));
        stats.observe(&Outcome::Rejected { slot: 7 }, Times::default());
        assert_eq!((stats.failures, stats.last_slot), (0, Some(7)));
        assert_eq!(stats.last_failure, Some(Failure::Closed));
    }
}
