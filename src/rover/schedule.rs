//! The schedule of a rover: when the next attempt is made.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{Admission, Options, Shared, State, panic_outcome};
use crate::attempt::outcome::{Outcome, Times};
use crate::runtime::timer_queue::TimerKey;
use crate::runtime::{Runtime, runtime};

/// How late a tick may be without moving those that follow: timers are about as exact as this.
const PUNCTUAL: Duration = Duration::from_millis(5);

/// After so many attempts in a row that brought no connection the interval doubles.
const VAIN_ATTEMPTS: u32 = 10;

/// How long an interval may be.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Intervals {
    min: Duration,
    /// What is less than `min` means that.
    max: Duration,
    jitter: f64,
}

/// The interval of a roving as it is now, whoever ticks.
#[derive(Debug)]
pub struct Pace {
    intervals: Intervals,
    current: Duration,
    /// Attempts in a row that brought no connection.
    vain: u32,
    /// Of JavaScript's ticks, those since the last one that was not left out.
    ticks: u32,
}

/// What `start` began.
pub struct Roving {
    /// The call of `start`.
    pub context: u32,
    /// What of it waits for JavaScript: a tick is skipped while that is not 0, or a blocked thread would find a
    /// crowd of connections that hold their slots.
    pub undelivered: u32,
    runtime: &'static Runtime,
    serial: u64,
    next: TimerKey,
    due: Instant,
}

impl Pace {
    fn new(intervals: Intervals) -> Self {
        Self { intervals, current: intervals.min, vain: 0, ticks: 0 }
    }

    /// The time to the next tick. `random` is from 0 to 1.
    fn interval(&self, random: f64) -> Duration {
        self.current.mul_f64(1.0 + self.intervals.jitter * (2.0 * random - 1.0))
    }

    /// The time from `start` to the first tick, so that rovers that are started together do not rove in step.
    fn first_interval(&self, random: f64) -> Duration {
        if self.intervals.jitter == 0.0 { self.current } else { self.current.mul_f64(random) }
    }

    fn note_vain_attempt(&mut self) {
        self.vain += 1;
        if self.vain.is_multiple_of(VAIN_ATTEMPTS) {
            self.current = (self.current * 2).min(self.intervals.max).max(self.intervals.min);
        }
    }

    /// Counts a tick of JavaScript's, which come at the shortest interval. Returns whether it is one to make an attempt
    /// at: where the interval is longer, those between are left out, so that it is a multiple.
    fn count_tick(&mut self) -> bool {
        self.ticks += 1;
        let is_due = self.intervals.min * (self.ticks + 1) > self.current;
        if is_due {
            self.ticks = 0;
        }
        is_due
    }

    /// Begins anew with the shortest interval. Returns whether it was longer.
    fn reset(&mut self) -> bool {
        (self.vain, self.ticks) = (0, 0);
        std::mem::replace(&mut self.current, self.intervals.min) > self.intervals.min
    }
}

impl Roving {
    /// Ends it: no tick follows.
    pub fn end(self) {
        self.runtime.timers.remove(self.next);
    }
}

impl State {
    /// Learns whether an attempt brought a connection.
    pub(super) fn note_pace(&mut self, context: u32, outcome: &Outcome) -> bool {
        let Some(pace) = &mut self.pace else { return false };
        if matches!(outcome, Outcome::Connection { .. }) {
            return pace.reset();
        }
        // Where JavaScript ticks, each of its attempts is a call of its own.
        if self.roving.as_ref().is_none_or(|roving| roving.context == context) {
            pace.note_vain_attempt();
        }
        false
    }

    /// Begins anew with the shortest interval. Returns whether it was longer.
    pub(super) fn reset_pace(&mut self) -> bool {
        self.pace.as_mut().is_some_and(Pace::reset)
    }

    /// The roving with this serial, if it goes on.
    fn roving(&mut self, serial: u64) -> Option<&mut Roving> {
        self.roving.as_mut().filter(|roving| roving.serial == serial)
    }
}

impl Shared {
    /// Makes one attempt now and one at each interval from now on, in place of a roving that goes on. Outcomes name
    /// `context`. Ticks that were missed, as when the machine slept, are not made up.
    ///
    /// # Errors
    /// What the system says when the runtime can't start; nothing has changed then.
    pub fn start(self: &Arc<Self>, context: u32, interval: Duration) -> std::io::Result<Admission> {
        let runtime = runtime()?;
        let mut state = self.state();
        state.end_roving();
        state.serial += 1;
        let serial = state.serial;
        let pace = state.pace.insert(self.pace(interval));
        let due = Instant::now() + pace.first_interval(rand::random());
        let next = self.schedule(runtime, serial, due);
        let undelivered = 0;
        state.roving = Some(Roving { context, undelivered, runtime, serial, next, due });
        Ok(self.admit(&mut state, Ok(runtime), context))
    }

    /// Begins the pace of a roving whose ticks are JavaScript's, one at each interval.
    pub fn begin_pace(&self, interval: Duration) {
        self.state().pace = Some(self.pace(interval));
    }

    /// Counts a tick of JavaScript's. Returns whether it is one to make an attempt at.
    pub fn count_tick(&self) -> bool {
        self.state().pace.as_mut().is_none_or(Pace::count_tick)
    }

    fn pace(&self, interval: Duration) -> Pace {
        let Options { max_interval, jitter, .. } = self.options;
        Pace::new(Intervals { min: interval, max: max_interval, jitter })
    }

    /// Brings the next tick forward, where the interval has become shorter.
    pub(super) fn hurry(self: &Arc<Self>, state: &mut State) {
        let (Some(roving), Some(pace)) = (&mut state.roving, &state.pace) else { return };
        let due = Instant::now() + pace.interval(rand::random());
        if due < roving.due {
            roving.runtime.timers.remove(roving.next);
            roving.due = due;
            roving.next = self.schedule(roving.runtime, roving.serial, due);
        }
    }

    /// Has the roving with this serial tick at a time.
    fn schedule(
        self: &Arc<Self>,
        runtime: &'static Runtime,
        serial: u64,
        time: Instant,
    ) -> TimerKey {
        let shared = Arc::clone(self);
        runtime.timers.insert_at(time, move |due| {
            // A panic is told of as an outcome.
            let ticking = AssertUnwindSafe(|| shared.tick(runtime, serial, due));
            if let Err(panic) = catch_unwind(ticking) {
                shared.report(serial, panic_outcome(&*panic));
            }
        })
    }

    fn tick(self: &Arc<Self>, runtime: &'static Runtime, serial: u64, due: Instant) {
        let mut state = self.state();
        let Some(interval) = state.pace.as_ref().map(|pace| pace.interval(rand::random())) else {
            return;
        };
        let Some(roving) = state.roving(serial) else { return };
        // Before anything that may go wrong.
        roving.due = next_tick(due, interval);
        roving.next = self.schedule(runtime, serial, roving.due);
        let context = roving.context;
        if roving.undelivered > 0 {
            state.stats.skipped += 1;
        } else if state.servers.is_empty() {
            self.ask_for_servers(&mut state, runtime, context);
        } else {
            self.admit(&mut state, Ok(runtime), context);
        }
    }

    /// Tells the outcome of a tick that made no attempt.
    fn report(self: &Arc<Self>, serial: u64, outcome: Outcome) {
        let mut state = self.state();
        let Some(context) = state.roving(serial).map(|roving| roving.context) else { return };
        if let Some(key) = self.add_attempt(&mut state, context) {
            drop(state);
            self.settle(key, outcome, Times::default());
        }
    }
}

/// When the tick after the one that was due is. One that is late, as when the machine slept, moves all that follow.
fn next_tick(due: Instant, interval: Duration) -> Instant {
    let now = Instant::now();
    if now > due + PUNCTUAL { now + interval } else { due + interval }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn pace(min: u32, max: u32, jitter: f64) -> Pace {
        Pace::new(Intervals { min: min * MS, max: max * MS, jitter })
    }

    #[test]
    fn doubles_after_ten_vain_attempts_up_to_the_longest_interval() {
        let mut pace = pace(100, 350, 0.0);
        let intervals: Vec<_> = (0..40)
            .map(|_| {
                pace.note_vain_attempt();
                pace.interval(0.3).as_millis()
            })
            .collect();
        let expected: Vec<_> = [(100, 9), (200, 10), (350, 21)]
            .into_iter()
            .flat_map(|(interval, count)| std::iter::repeat_n(interval, count))
            .collect();
        assert_eq!(intervals, expected);
        assert!(pace.reset());
        assert!(!pace.reset());
        assert_eq!(pace.interval(0.3), 100 * MS);
    }

    #[test]
    fn keeps_its_interval_where_the_longest_one_is_not_longer() {
        let mut pace = pace(100, 0, 0.0);
        (0..30).for_each(|_| pace.note_vain_attempt());
        assert_eq!(pace.interval(0.9), 100 * MS);
        assert!(!pace.reset());
    }

    #[test]
    fn varies_to_either_side_and_cuts_the_first_interval() {
        let jittered = pace(1000, 0, 0.1);
        assert_eq!(jittered.interval(0.0), 900 * MS);
        assert_eq!(jittered.interval(0.5), 1000 * MS);
        assert_eq!(jittered.interval(1.0), 1100 * MS);
        assert_eq!(jittered.first_interval(0.25), 250 * MS);
        assert_eq!(pace(1000, 0, 0.0).first_interval(0.25), 1000 * MS);
    }
}
