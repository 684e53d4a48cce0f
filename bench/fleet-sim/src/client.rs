//! A client: what its rover and its pool remember. The figures are those of `lib/pool` and of `src/rover`.

use crate::rng::Rng;

/// us.
pub const MS: u64 = 1000;
const SECOND: u64 = 1000 * MS;

/// `ROVING_INTERVAL`, `MAX_INTERVAL` and `JITTER` of a pool's own rover.
const ROVING_INTERVAL: u64 = 250 * MS;
const MAX_INTERVAL: u64 = SECOND;
const JITTER: f64 = 0.1;
/// Attempts in a row without a connection after which an interval doubles.
const VAIN_ATTEMPTS: u32 = 10;
/// The interval while a pool has room.
const FILL_INTERVAL: u64 = 100 * MS;
const FILL_JITTER: f64 = 0.25;
const MAX_FILL_INTERVAL: u64 = SECOND;
/// How long a server rests that failed while there is room.
const FAILED_REST: u64 = SECOND;
/// A better slot has to be better by more than this share of the worst one.
const SWAP_GAIN: f64 = 0.05;
/// How long a connection has to live until its server is trusted.
const PROBATION: u64 = SECOND;
const FIRST_REST: u64 = SECOND;
const MAX_REST: u64 = 30 * SECOND;
/// The share of the table that may rest for a failed probation.
const MAX_RESTING: f64 = 0.5;

/// A connection in a pool.
pub struct Held {
    /// As it was announced.
    pub slot: u32,
    /// Its key in the world.
    pub conn: u32,
    /// Whose it is.
    pub server: u32,
    /// When it entered.
    pub since: u64,
}

/// A server whose connections died young.
struct Patient {
    server: u32,
    rests: u32,
    until: u64,
    /// The one connection that it may have until that has outlived the probation, and when it entered.
    probe: Option<(u32, u64)>,
}

/// The client.
pub struct Client {
    size: usize,
    /// Lowest slot first.
    pool: Vec<Held>,
    interval: u64,
    vain: u32,
    fill_vain: u32,
    /// Whether the next attempt of the fill is scheduled.
    pub is_filling: bool,
    /// The tick that counts; an earlier one was replaced.
    pub serial: u32,
    /// When that tick is due.
    pub due: u64,
    /// Servers that are not picked, and until when.
    resting: Vec<(u32, u64)>,
    patients: Vec<Patient>,
}

impl Client {
    /// A client with an empty pool.
    pub fn new(size: usize) -> Self {
        Self {
            size,
            pool: Vec::with_capacity(size),
            interval: ROVING_INTERVAL,
            vain: 0,
            fill_vain: 0,
            is_filling: false,
            serial: 0,
            due: 0,
            resting: Vec::new(),
            patients: Vec::new(),
        }
    }

    // The rover.

    /// The time from the start of the rover to its first tick.
    pub fn first_interval(&self, rng: &mut Rng) -> u64 {
        (self.interval as f64 * rng.unit()) as u64
    }

    /// The time from one tick to the next.
    pub fn next_interval(&self, rng: &mut Rng) -> u64 {
        rng.jittered(self.interval, JITTER)
    }

    /// A tick of the rover brought no connection.
    /// Returns by how much the interval has become longer.
    pub fn note_vain_attempt(&mut self) -> u64 {
        let before = self.interval;
        self.vain += 1;
        if self.vain.is_multiple_of(VAIN_ATTEMPTS) {
            self.interval = (before * 2).min(MAX_INTERVAL);
        }
        self.interval - before
    }

    /// Begins anew with the shortest interval. Returns whether it was longer.
    pub fn reset_interval(&mut self) -> bool {
        self.vain = 0;
        std::mem::replace(&mut self.interval, ROVING_INTERVAL) > ROVING_INTERVAL
    }

    /// Has a server not be picked for a while.
    fn rest(&mut self, server: u32, until: u64) {
        self.resting.retain(|&(other, _)| other != server);
        self.resting.push((server, until));
    }

    /// Picks a server of the table that does not rest, at random.
    pub fn pick(&mut self, table: &[u32], now: u64, rng: &mut Rng) -> Option<u32> {
        self.resting.retain(|&(_, until)| until > now);
        if self.resting.is_empty() {
            return (!table.is_empty()).then(|| table[rng.below(table.len())]);
        }
        let rests = |server: &u32| self.resting.iter().any(|(other, _)| other == server);
        // Nearly always the first one is right, and a table may be long.
        for _ in 0..table.len().min(8) {
            let server = table[rng.below(table.len())];
            if !rests(&server) {
                return Some(server);
            }
        }
        let awake: Vec<u32> = table.iter().copied().filter(|server| !rests(server)).collect();
        if !awake.is_empty() {
            return Some(awake[rng.below(awake.len())]);
        }
        let listed = self.resting.iter().filter(|(server, _)| table.contains(server));
        listed.min_by_key(|&&(_, until)| until).map(|&(server, _)| server)
    }

    // The fill.

    /// The time from when there is room to the first attempt.
    pub fn fill_delay(rng: &mut Rng) -> u64 {
        (FILL_INTERVAL as f64 * rng.unit()) as u64
    }

    /// The time to the next attempt.
    pub fn fill_interval(&self, rng: &mut Rng) -> u64 {
        let doublings = (self.fill_vain / VAIN_ATTEMPTS).min(8);
        rng.jittered((FILL_INTERVAL << doublings).min(MAX_FILL_INTERVAL), FILL_JITTER)
    }

    /// An attempt of the fill begins.
    pub fn note_fill_attempt(&mut self) {
        self.fill_vain += 1;
    }

    /// An attempt of the fill failed. Returns whether another one follows at once.
    pub fn note_fill_failure(&mut self, server: u32, now: u64) -> bool {
        if self.is_full() {
            return false;
        }
        let is_resting = |one: &Patient| one.server == server && one.until > now;
        if !self.patients.iter().any(is_resting) {
            self.rest(server, now + FAILED_REST);
        }
        self.fill_vain < VAIN_ATTEMPTS
    }

    // The pool.

    /// Whether a connection has to be better than one of the pool to get in.
    pub fn is_full(&self) -> bool {
        self.pool.len() >= self.size
    }

    /// Whether a slot is good enough for the pool.
    pub fn wants(&self, slot: u32) -> bool {
        let Some(worst) = self.pool.last().filter(|_| self.is_full()) else { return true };
        worst.slot > slot.saturating_add((SWAP_GAIN * f64::from(worst.slot)) as u32)
    }

    /// Whether the server is trusted.
    pub fn admits(&mut self, server: u32, now: u64) -> bool {
        let is_empty = self.pool.is_empty();
        let Some(at) = self.patients.iter().position(|one| one.server == server) else {
            return true;
        };
        let patient = &self.patients[at];
        match patient.probe {
            Some((_, since)) if now - since >= PROBATION => {
                self.patients.swap_remove(at);
                true
            }
            Some(_) => false,
            None => is_empty || patient.until <= now,
        }
    }

    /// Takes a connection in. Returns the one that goes for it, where the pool was full.
    pub fn keep(&mut self, held: Held) -> Option<Held> {
        self.fill_vain = 0;
        if let Some(patient) = self.patients.iter_mut().find(|one| one.server == held.server) {
            patient.probe = Some((held.conn, held.since));
        }
        let worst = if self.is_full() { self.pool.pop() } else { None };
        if let Some(worst) = &worst {
            self.let_probe_go(worst, held.since);
        }
        let at = self.pool.iter().position(|other| other.slot > held.slot);
        self.pool.insert(at.unwrap_or(self.pool.len()), held);
        worst
    }

    /// A connection died that is in the pool. `servers` is the size of the table.
    pub fn lose(&mut self, conn: u32, now: u64, servers: usize) {
        let Some(at) = self.pool.iter().position(|held| held.conn == conn) else { return };
        let held = self.pool.remove(at);
        self.let_probe_go(&held, now);
        let is_resting = |one: &&Patient| one.until > now;
        let is_known = self.patients.iter().filter(is_resting).any(|one| one.server == held.server);
        if now - held.since >= PROBATION || is_known {
            return;
        }
        let resting = self.patients.iter().filter(is_resting).count();
        if (resting + 1) as f64 > servers as f64 * MAX_RESTING {
            return;
        }
        let old = self.patients.iter().position(|one| one.server == held.server);
        let rests = old.map_or(0, |at| self.patients.swap_remove(at).rests);
        let until = now + (FIRST_REST << rests.min(5)).min(MAX_REST);
        self.patients.push(Patient { server: held.server, rests: rests + 1, until, probe: None });
        self.rest(held.server, until);
    }

    /// Takes out the connections of servers that left the table. `is_listed` is by id.
    pub fn take_unlisted(&mut self, is_listed: &[bool]) -> Vec<Held> {
        self.patients.retain(|one| is_listed[one.server as usize]);
        self.resting.retain(|&(server, _)| is_listed[server as usize]);
        self.pool.extract_if(.., |held| !is_listed[held.server as usize]).collect()
    }

    fn let_probe_go(&mut self, held: &Held, now: u64) {
        let is_probe = |one: &Patient| one.probe.is_some_and(|(conn, _)| conn == held.conn);
        let Some(at) = self.patients.iter().position(is_probe) else { return };
        if now - held.since >= PROBATION {
            self.patients.swap_remove(at);
        } else {
            self.patients[at].probe = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(slot: u32, conn: u32, since: u64) -> Held {
        Held { slot, conn, server: conn, since }
    }

    #[test]
    fn swaps_only_for_a_gain_of_more_than_a_twentieth() {
        let mut client = Client::new(2);
        client.keep(held(3, 0, 0));
        assert!(client.wants(1000));
        client.keep(held(40, 1, 0));
        assert!(!client.wants(40) && !client.wants(38));
        assert!(client.wants(37));
        assert_eq!(client.keep(held(37, 2, 0)).map(|gone| gone.slot), Some(40));
    }

    #[test]
    fn rests_a_server_whose_connection_died_young_and_then_admits_one() {
        let mut client = Client::new(4);
        client.keep(held(0, 0, 0));
        client.keep(held(0, 1, 0));
        client.lose(1, PROBATION - 1, 8);
        let table = [0, 1];
        let mut rng = Rng::new(1);
        assert!((0..50).all(|_| client.pick(&table, PROBATION, &mut rng) == Some(0)));
        assert!(!client.admits(1, PROBATION));
        let later = PROBATION + FIRST_REST;
        assert!(client.admits(1, later));
        client.keep(held(0, 1, later));
        assert!(!client.admits(1, later));
        assert!(client.admits(1, later + PROBATION));
    }

    #[test]
    fn trusts_a_server_whose_connection_died_old() {
        let mut client = Client::new(4);
        client.keep(held(0, 1, 0));
        client.lose(1, PROBATION, 8);
        assert!(client.admits(1, PROBATION));
    }

    #[test]
    fn picks_the_one_whose_rest_ends_first_where_all_rest() {
        let mut client = Client::new(4);
        client.rest(5, 300);
        client.rest(6, 200);
        assert_eq!(client.pick(&[5, 6], 100, &mut Rng::new(1)), Some(6));
    }

    #[test]
    fn slows_down_after_ten_vain_attempts_and_is_fast_again_at_once() {
        let mut client = Client::new(4);
        for _ in 0..10 {
            client.note_vain_attempt();
        }
        assert_eq!(client.interval, 2 * ROVING_INTERVAL);
        assert!(client.reset_interval());
        assert_eq!(client.interval, ROVING_INTERVAL);
    }
}
