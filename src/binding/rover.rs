//! The native rover.

use napi_derive::napi;

use super::environment::NativeEnvironment;
use super::outcome::OutcomeKind;
use super::server::NativeServer;
use super::{invalid, milliseconds};
use crate::attempt::outcome::{Failure, Outcome};
use crate::attempt::{Limits, MaxSlot};
use crate::rover::in_flight::AttemptKey;
use crate::rover::questions::Reception;
use crate::rover::{Admission, Options, Rover};
use crate::stats::{Summary, Tally};

/// Whether an attempt was made.
#[napi]
pub enum NativeAdmission {
    /// It is in flight; an outcome will follow.
    InFlight,
    /// There are no servers; no outcome follows.
    NoServers,
    /// Too much is pending; no outcome follows.
    Skipped,
    /// Of `start()`: the system has no thread or no descriptors for the roving, which has not begun.
    NoRuntime,
}

/// What JavaScript has to do with a connection that it has dialled.
#[napi]
pub enum NativeReception {
    /// Read on.
    More,
    /// Keep it until the outcome is delivered.
    Slot,
    /// Close it.
    Over,
}

/// The options of a rover, checked: see `lib/options.js`.
#[napi(object)]
pub struct NativeOptions {
    /// In milliseconds; 0 is no limit.
    pub connect_timeout: f64,
    /// In milliseconds; 0 is no limit.
    pub slot_timeout: f64,
    /// How many attempts and outcomes may be pending.
    pub max_pending: f64,
    /// The highest slot that is wanted.
    pub max_slot: f64,
    /// The longest interval, in milliseconds.
    pub max_interval: f64,
    /// The fraction that each interval varies by, to either side.
    pub jitter: f64,
}

/// A `Float64Array` of the caller's. By another name, since napi takes no `&mut` of a slice.
type Numbers<'a> = &'a mut [f64];

/// A rover.
#[napi(js_name = "ClientRover")]
pub struct NativeRover(Rover);

#[napi]
impl NativeRover {
    /// A rover at rest, without servers.
    #[napi(constructor, catch_unwind)]
    pub fn new(environment: &NativeEnvironment, options: NativeOptions) -> Self {
        let limit = |number: f64| (number > 0.0).then(|| milliseconds(number));
        let limits = Limits {
            connect_timeout: limit(options.connect_timeout),
            slot_timeout: limit(options.slot_timeout),
            max_slot: MaxSlot::new(options.max_slot),
        };
        let max_interval = milliseconds(options.max_interval);
        let options = Options {
            limits,
            max_pending: options.max_pending as usize,
            max_interval,
            jitter: options.jitter,
        };
        Self(Rover::new(environment.shared(), options))
    }

    /// Adds a server and returns its key. Where it is `asked`, each pick of it is a question.
    #[napi(catch_unwind)]
    pub fn add_server(&self, server: NativeServer, is_asked: bool) -> napi::Result<u32> {
        Ok(self.0.add_server(server.into_server(is_asked)?))
    }

    /// Drops the server of a key. Returns whether the key is vacant: no attempt refers to it.
    #[napi(catch_unwind)]
    pub fn drop_server(&self, key: u32) -> bool {
        self.0.drop_server(key)
    }

    /// Whether no server has the key, dropped or not.
    #[napi(catch_unwind)]
    pub fn is_vacant(&self, key: u32) -> bool {
        self.0.is_vacant(key)
    }

    /// Has the server of a key not be picked for so many milliseconds; 0 ends that.
    #[napi(catch_unwind)]
    pub fn rest(&self, key: u32, time: f64) {
        self.0.rest(key, milliseconds(time));
    }

    /// Makes one attempt; its outcome names `context`.
    #[napi(catch_unwind)]
    pub fn connect(&self, context: u32) -> NativeAdmission {
        self.0.connect(context).into()
    }

    /// Makes one attempt now and one at each interval (in ms) from now on; their outcomes name `context`.
    #[napi(catch_unwind)]
    pub fn start(&self, context: u32, interval: f64) -> NativeAdmission {
        match self.0.start(context, milliseconds(interval)) {
            Ok(admission) => admission.into(),
            Err(_) => NativeAdmission::NoRuntime,
        }
    }

    /// Begins the pace of a roving whose ticks are JavaScript's, one at each interval (in ms).
    #[napi(catch_unwind)]
    pub fn begin_pace(&self, interval: f64) {
        self.0.begin_pace(milliseconds(interval));
    }

    /// Counts such a tick. Returns whether it is one to make an attempt at: see `MAX_INTERVAL`.
    #[napi(catch_unwind)]
    pub fn count_tick(&self) -> bool {
        self.0.count_tick()
    }

    /// Has the next attempt of the roving made an interval from now.
    #[napi(catch_unwind)]
    pub fn postpone(&self) {
        self.0.postpone();
    }

    /// Ends the roving. Returns how many outcomes of it are still to come.
    #[napi(catch_unwind)]
    pub fn stop_roving(&self) -> u32 {
        u32::try_from(self.0.stop_roving()).unwrap_or(u32::MAX)
    }

    /// Ends the roving and abandons what is pending: no outcome follows. Returns the contexts of what was pending,
    /// one for each attempt.
    #[napi(catch_unwind)]
    pub fn stop(&self) -> Vec<u32> {
        self.0.stop()
    }

    /// Abandons the attempt of a context. Returns whether it was pending: no outcome follows then.
    #[napi(catch_unwind)]
    pub fn abandon(&self, context: u32) -> bool {
        self.0.abandon(context) > 0
    }

    /// Answers a question: the attempt goes on with the server of `key`, or with one that is picked now.
    #[napi(catch_unwind)]
    pub fn resume(&self, attempt: u32, number: f64, key: Option<u32>) {
        self.0.resume(attempt_key(attempt, number), key);
    }

    /// Answers a question: the attempt goes on at the IP addresses that were found for `server`.
    #[napi(catch_unwind)]
    pub fn resume_at(
        &self,
        attempt: u32,
        number: f64,
        server: NativeServer,
        addresses: Vec<String>,
    ) -> napi::Result<()> {
        let endpoint = server.into_resolved(addresses)?;
        self.0.resume_at(attempt_key(attempt, number), endpoint);
        Ok(())
    }

    /// Answers a question: JavaScript has dialled, and is connected. `receive` or `fail` must follow.
    #[napi(catch_unwind)]
    pub fn connected(&self, attempt: u32, number: f64) {
        self.0.connected(attempt_key(attempt, number));
    }

    /// Goes on with an answer: what a server that JavaScript has dialled has sent in all, as Latin-1, and whether it has
    /// closed. To be called at each byte, until it says something else than `More`.
    #[napi(catch_unwind)]
    pub fn receive(
        &self,
        attempt: u32,
        number: f64,
        line: String,
        has_ended: bool,
    ) -> NativeReception {
        let line: Vec<u8> = line.chars().map(|char| char as u8).collect();
        match self.0.receive(attempt_key(attempt, number), &line, has_ended) {
            Reception::More => NativeReception::More,
            Reception::Slot => NativeReception::Slot,
            Reception::Over => NativeReception::Over,
        }
    }

    /// Answers a question: the attempt ends as `Invalid`, `LookupFailed` or `NoServers`. Returns whether it was asking:
    /// an outcome will follow.
    #[napi(catch_unwind)]
    pub fn fail(&self, attempt: u32, number: f64, kind: OutcomeKind) -> napi::Result<bool> {
        let outcome = match kind {
            OutcomeKind::Invalid => Outcome::Invalid,
            OutcomeKind::LookupFailed => Outcome::LookupFailed,
            OutcomeKind::NoServers => Outcome::NoServers,
            _ => return Err(invalid("kind")),
        };
        Ok(self.0.fail(attempt_key(attempt, number), outcome))
    }

    /// Changes the highest slot that is wanted.
    #[napi(catch_unwind)]
    pub fn set_max_slot(&self, slot: f64) {
        self.0.set_max_slot(slot);
    }

    /// Writes what became of all attempts so far, in the order of `TOTALS` in lib/stats.js.
    #[napi(catch_unwind, ts_args_type = "numbers: Float64Array")]
    pub fn stats(&self, numbers: Numbers<'_>) {
        let (stats, pending) = self.0.stats();
        let counts = counts(stats.attempts, stats.tally);
        let rest = [stats.abandoned as f64, stats.skipped as f64, pending as f64];
        write(numbers, counts.into_iter().chain(rest));
    }

    /// Writes what is counted of the server of a key, in the order of `FIELDS` in lib/stats.js: objects would cost ten
    /// times as much. Returns whether there is such a server.
    #[napi(catch_unwind, ts_args_type = "key: number, numbers: Float64Array")]
    pub fn server_stats(&self, key: u32, numbers: Numbers<'_>) -> bool {
        let Some((stats, pending, is_down)) = self.0.server_stats(key) else { return false };
        let last_error = match stats.last_failure {
            None => 0,
            Some(Failure::Syscall(errno)) => errno,
            Some(Failure::Closed) => OutcomeKind::Closed as i32,
            Some(Failure::Protocol) => OutcomeKind::Protocol as i32,
            Some(Failure::Lookup) => OutcomeKind::LookupFailed as i32,
        };
        let rest = [
            f64::from(pending),
            stats.failures as f64,
            f64::from(last_error),
            stats.last_slot.map_or(-1.0, |slot| slot as f64),
            f64::from(u8::from(is_down)),
        ];
        let times = [stats.connect_time.summary(), stats.slot_time.summary()];
        let counts = counts(stats.attempts, stats.tally);
        write(numbers, counts.into_iter().chain(rest).chain(times.into_iter().flat_map(in_order)));
        true
    }
}

fn attempt_key(index: u32, generation: f64) -> AttemptKey {
    AttemptKey { index, generation: generation as u64 }
}

impl From<Admission> for NativeAdmission {
    fn from(admission: Admission) -> Self {
        match admission {
            Admission::InFlight => Self::InFlight,
            Admission::NoServers => Self::NoServers,
            Admission::Skipped => Self::Skipped,
        }
    }
}

fn write(numbers: Numbers<'_>, values: impl Iterator<Item = f64>) {
    numbers.iter_mut().zip(values).for_each(|(number, value)| *number = value);
}

/// As `COUNTS` in lib/stats.js has them.
fn counts(attempts: u64, tally: Tally) -> [f64; 6] {
    let Tally { connections, rejected, unreachable, closed, errors } = tally;
    [attempts, connections, rejected, unreachable, closed, errors].map(|count| count as f64)
}

/// As `TIMES` in lib/stats.js has them.
fn in_order(summary: Summary) -> [f64; 7] {
    let Summary { count, min, mean, max, p50, p90, p99 } = summary;
    [count, min, mean, max, p50, p90, p99]
}
