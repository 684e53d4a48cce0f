//! The server table: what a rover picks from, and what it knows of each server. Adding, dropping and picking take
//! constant time. Knows of attempts only their outcomes.
//!
//! A server has a *key*, which is not given out again while an attempt refers to it: whoever holds the key of an
//! attempt's server can name it, dropped or not.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use slab::Slab;

use crate::attempt::outcome::{Outcome, Times, Verdict};
use crate::net::endpoint::Endpoint;
use crate::net::error::Target;
use crate::stats::ServerStats;

/// What is known of a server.
#[derive(Clone, Debug, PartialEq)]
pub enum Server {
    /// Where it listens.
    Known(Arc<Endpoint>),
    /// JavaScript is asked at each pick: it looks the name up or dials the server itself, or cannot use it so far.
    Asked {
        /// What a system call of its own would be about, as far as that is known.
        target: Target,
    },
}

impl Server {
    /// What a system call is about before an address is known.
    pub fn target(&self) -> Target {
        match self {
            Self::Known(endpoint) => endpoint.target(),
            Self::Asked { target } => target.clone(),
        }
    }
}

/// A server's key in its table.
pub type ServerKey = u32;

/// A change in the state of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It gave a slot, after it was down.
    Up,
    /// It failed, after it was up.
    Down,
}

/// The servers that a rover picks from.
#[derive(Debug, Default)]
pub struct ServerTable {
    entries: Slab<Entry>,
    /// The keys that a pick chooses from.
    available: Vec<ServerKey>,
    /// Those that rest, by the time when that ends.
    resting: BTreeSet<(Instant, ServerKey)>,
}

#[derive(Debug)]
struct Entry {
    server: Server,
    standing: Standing,
    /// How many attempts refer to it.
    pending: u32,
    /// Whether it failed since it last gave a slot.
    is_failing: bool,
    /// The same, as JavaScript was told: what was abandoned on the way to it was not.
    is_down: bool,
    /// Made at its first attempt: a table may have many servers that are never picked.
    stats: Option<Box<ServerStats>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// At this index of `available`.
    Available(usize),
    /// Until then.
    Resting(Instant),
    /// Dropped; an attempt refers to it.
    Dropped,
}

impl ServerTable {
    /// Adds a server and returns its key.
    pub fn add(&mut self, server: Server) -> ServerKey {
        let standing = Standing::Available(self.available.len());
        let entry =
            Entry { server, standing, pending: 0, is_failing: false, is_down: false, stats: None };
        let key = self.entries.insert(entry) as ServerKey;
        self.available.push(key);
        key
    }

    /// Drops a server; an unknown key is a no-op. Attempts in flight to it go on. Returns whether the key is vacant
    /// now.
    pub fn drop_server(&mut self, key: ServerKey) -> bool {
        self.stand(key, Standing::Dropped);
        self.vacate(key)
    }

    /// Whether no server has the key, dropped or not.
    pub fn is_vacant(&self, key: ServerKey) -> bool {
        !self.entries.contains(key as usize)
    }

    /// Has a server not be picked until `deadline`; `None` ends its rest.
    pub fn rest(&mut self, key: ServerKey, deadline: Option<Instant>) {
        let is_dropped = self.get(key).is_none_or(|entry| entry.standing == Standing::Dropped);
        if !is_dropped {
            let standing = deadline.map_or(Standing::Available(0), Standing::Resting);
            self.stand(key, standing);
        }
    }

    /// Whether there is nothing to pick.
    pub fn is_empty(&self) -> bool {
        self.available.is_empty() && self.resting.is_empty()
    }

    /// Picks a server with `index`, which returns a number below the one it is given. Those that rest are left
    /// out, unless all do: then it is the one whose rest ends first. `None` if there are no servers.
    pub fn pick(&mut self, index: impl FnOnce(usize) -> usize) -> Option<ServerKey> {
        if !self.resting.is_empty() {
            self.end_rests(Instant::now());
        }
        if self.available.is_empty() {
            return self.resting.first().map(|(_, key)| *key);
        }
        Some(self.available[index(self.available.len())])
    }

    /// What is known of a server.
    pub fn server(&self, key: ServerKey) -> Option<&Server> {
        self.get(key).map(|entry| &entry.server)
    }

    /// An attempt refers to a server from now on.
    pub fn refer(&mut self, key: ServerKey) {
        if let Some(entry) = self.entries.get_mut(key as usize) {
            entry.pending += 1;
            entry.stats.get_or_insert_default().attempts += 1;
        }
    }

    /// An attempt refers to a server no more. Counts its outcome; without one it was abandoned, or has another server
    /// now, and is not counted here any more.
    pub fn release(&mut self, key: ServerKey, outcome: Option<&Outcome>) {
        let Some(entry) = self.entries.get_mut(key as usize) else { return };
        entry.pending -= 1;
        match (outcome, &mut entry.stats) {
            (Some(outcome), Some(stats)) => stats.tally.count(outcome),
            (None, Some(stats)) => stats.attempts -= 1,
            (_, None) => {}
        }
        self.vacate(key);
    }

    /// Learns how an attempt at a server ended, as soon as it did. Returns whether it is a slot that JavaScript has to
    /// be told of, since the server may be down as far as it knows.
    pub fn observe(&mut self, key: ServerKey, outcome: &Outcome, times: Times) -> bool {
        let Some(entry) = self.entries.get_mut(key as usize) else { return false };
        if let Some(stats) = &mut entry.stats {
            stats.observe(outcome, times);
        }
        let Some(is_failure) = is_failure(outcome) else { return false };
        let was_failing = std::mem::replace(&mut entry.is_failing, is_failure);
        // Where it was failing, a failure that is still to be told may precede this.
        !is_failure && (was_failing || entry.is_down)
    }

    /// JavaScript is told of an outcome now. Returns how the state of the server changes by that; the state of a
    /// dropped server is forgotten.
    pub fn tell(&mut self, key: ServerKey, outcome: &Outcome) -> Option<Change> {
        let entry = self.entries.get_mut(key as usize)?;
        let is_down = is_failure(outcome)?;
        let was_down = std::mem::replace(&mut entry.is_down, is_down);
        if was_down == is_down || entry.standing == Standing::Dropped {
            return None;
        }
        Some(if is_down { Change::Down } else { Change::Up })
    }

    /// What is counted of a server: its statistics, how many attempts are pending, and whether it is down.
    pub fn stats(&self, key: ServerKey) -> Option<(ServerStats, u32, bool)> {
        let entry = self.get(key)?;
        let stats = entry.stats.as_deref().cloned().unwrap_or_default();
        Some((stats, entry.pending, entry.is_down))
    }

    fn get(&self, key: ServerKey) -> Option<&Entry> {
        self.entries.get(key as usize)
    }

    /// Moves a server to another standing; the index of `Available` is found here.
    fn stand(&mut self, key: ServerKey, standing: Standing) {
        let Some(entry) = self.entries.get_mut(key as usize) else { return };
        match entry.standing {
            Standing::Available(index) => {
                self.available.swap_remove(index);
                if let Some(moved) = self.available.get(index) {
                    self.entries[*moved as usize].standing = Standing::Available(index);
                }
            }
            Standing::Resting(deadline) => {
                self.resting.remove(&(deadline, key));
            }
            Standing::Dropped => {}
        }
        self.entries[key as usize].standing = match standing {
            Standing::Available(_) => {
                self.available.push(key);
                Standing::Available(self.available.len() - 1)
            }
            Standing::Resting(deadline) => {
                self.resting.insert((deadline, key));
                standing
            }
            Standing::Dropped => standing,
        };
    }

    fn end_rests(&mut self, now: Instant) {
        while let Some((deadline, key)) = self.resting.first().copied()
            && deadline <= now
        {
            self.stand(key, Standing::Available(0));
        }
    }

    /// Gives the key of a dropped server back if no attempt refers to it. Returns whether the key is vacant.
    fn vacate(&mut self, key: ServerKey) -> bool {
        let is_over = self
            .get(key)
            .is_none_or(|entry| entry.standing == Standing::Dropped && entry.pending == 0);
        if is_over {
            drop(self.entries.try_remove(key as usize));
        }
        is_over
    }
}

/// Whether an outcome is a failure of its server; `None` where it says nothing about that.
fn is_failure(outcome: &Outcome) -> Option<bool> {
    match outcome.verdict() {
        Verdict::GaveSlot(_) => Some(false),
        Verdict::Failed(_) => Some(true),
        Verdict::None => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn server(path: &str) -> Server {
        Server::Known(Arc::new(Endpoint::Unix { path: path.into() }))
    }

    fn table(count: usize) -> ServerTable {
        let mut table = ServerTable::default();
        (0..count).for_each(|index| assert_eq!(table.add(server("/x")), index as ServerKey));
        table
    }

    /// All that a pick may choose.
    fn all(table: &mut ServerTable) -> Vec<ServerKey> {
        let mut count = 1;
        let mut keys = Vec::new();
        while keys.len() < count {
            let pick = table.pick(|available| {
                count = available;
                keys.len()
            });
            keys.extend(pick);
        }
        keys.sort_unstable();
        keys
    }

    #[test]
    fn picks_nothing_from_an_empty_table() {
        assert_eq!(ServerTable::default().pick(|_| 0), None);
    }

    #[test]
    fn picks_the_server_at_the_index_it_is_given() {
        let mut table = table(3);
        assert_eq!(table.pick(|count| count - 1), Some(2));
        assert_eq!(table.server(2), Some(&server("/x")));
    }

    #[test]
    fn finds_every_server_again_whatever_was_dropped() {
        let mut table = table(6);
        for (dropped, left) in [(5, vec![0, 1, 2, 3, 4]), (0, vec![1, 2, 3, 4]), (2, vec![1, 3, 4])]
        {
            assert!(table.drop_server(dropped));
            assert_eq!(all(&mut table), left);
        }
        assert!(table.drop_server(99));
        assert_eq!(all(&mut table), [1, 3, 4]);
    }

    #[test]
    fn gives_no_key_out_again_while_an_attempt_refers_to_it() {
        let mut table = table(1);
        table.refer(0);
        table.refer(0);
        assert!(!table.drop_server(0));
        assert_eq!(table.add(server("/b")), 1);
        assert_eq!(table.server(0), Some(&server("/x")));
        table.release(0, None);
        assert!(!table.is_vacant(0));
        table.release(0, Some(&Outcome::Closed));
        assert!(table.is_vacant(0));
        assert_eq!(table.add(server("/c")), 0);
    }

    #[test]
    fn leaves_out_what_rests_until_that_ends() {
        let mut table = table(3);
        let now = Instant::now();
        table.rest(1, Some(now + 60 * SECOND));
        assert_eq!(all(&mut table), [0, 2]);
        table.rest(1, None);
        assert_eq!(all(&mut table), [0, 1, 2]);
        table.rest(0, Some(now));
        assert_eq!(all(&mut table), [0, 1, 2]);
    }

    #[test]
    fn picks_the_one_whose_rest_ends_first_where_all_rest() {
        let mut table = table(2);
        let now = Instant::now();
        table.rest(0, Some(now + 60 * SECOND));
        table.rest(1, Some(now + 90 * SECOND));
        assert_eq!(table.pick(|_| unreachable!("none is available")), Some(0));
        table.rest(0, Some(now + 120 * SECOND));
        assert_eq!(table.pick(|_| unreachable!("none is available")), Some(1));
        table.drop_server(1);
        table.drop_server(0);
        assert!(table.is_empty());
        table.rest(0, Some(now));
        assert!(table.is_empty());
    }

    #[test]
    fn tells_only_changes_of_state() {
        let mut table = table(1);
        table.refer(0);
        let mut tell = |outcome| table.tell(0, &outcome);
        assert_eq!(tell(Outcome::Rejected { slot: 3 }), None);
        assert_eq!(tell(Outcome::Closed), Some(Change::Down));
        assert_eq!(tell(Outcome::Protocol(vec![])), None);
        assert_eq!(tell(Outcome::Invalid), None);
        assert_eq!(tell(Outcome::Rejected { slot: 3 }), Some(Change::Up));
    }

    #[test]
    fn has_the_slots_told_that_may_bring_a_server_up() {
        let mut table = table(1);
        table.refer(0);
        let slot = || Outcome::Rejected { slot: 3 };
        assert!(!table.observe(0, &slot(), Times::default()));
        assert!(!table.observe(0, &Outcome::Closed, Times::default()));
        // Behind a failure that nobody was told of so far.
        assert!(table.observe(0, &slot(), Times::default()));
        assert_eq!(table.tell(0, &Outcome::Closed), Some(Change::Down));
        assert_eq!(table.tell(0, &slot()), Some(Change::Up));
        assert!(!table.observe(0, &slot(), Times::default()));
    }

    #[test]
    fn tells_a_change_later_whose_outcome_was_abandoned() {
        let mut table = table(1);
        table.refer(0);
        let slot = || Outcome::Rejected { slot: 3 };
        table.observe(0, &Outcome::Closed, Times::default());
        table.observe(0, &Outcome::Closed, Times::default());
        assert_eq!(table.tell(0, &Outcome::Closed), Some(Change::Down));
        assert!(table.observe(0, &slot(), Times::default()));
        assert!(table.observe(0, &slot(), Times::default()));
        assert_eq!(table.tell(0, &slot()), Some(Change::Up));
    }

    #[test]
    fn tells_no_change_of_a_dropped_server() {
        let mut table = table(1);
        table.refer(0);
        table.drop_server(0);
        assert_eq!(table.tell(0, &Outcome::Closed), None);
    }
}
