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
    /// Of JavaScript's ticks, the time that they stand for and that no attempt was made for so far.
    left_out: Duration,
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
        Self { intervals, current: intervals.min, vain: 0, left_out: Duration::ZERO }
    }

    /// The time to the next tick. `random` is from 0 to 1.
    fn interval(&self, random: f64) -> Duration {
        self.current.mul_f64(1.0 + self.intervals.jitter * (2.0 * random - 1.0))
    }

    /// The time from `start` to the first tick, so that rovers that are started together do not rove in step.
    fn first_interval(&self, random: f64) -> Duration {
        if self.intervals.jitter == 0.0 { self.current } else { self.current.mul_f64(random) }
    }

    /// Returns by how much the interval has become longer.
    fn note_vain_attempt(&mut self) -> Duration {
        let before = self.current;
        self.vain += 1;
        if self.vain.is_multiple_of(VAIN_ATTEMPTS) {
            self.current = (before * 2).min(self.intervals.max).max(self.intervals.min);
        }
        self.current - before
    }

    /// Counts a tick of JavaScript's, which come at the shortest interval. Returns whether it is one to make an attempt
    /// at: where the interval is longer, some are left out, so that it is right in the mean.
    fn count_tick(&mut self) -> bool {
        self.left_out += self.intervals.min;
        let is_due = self.left_out >= self.current;
        if is_due {
            self.left_out -= self.current;
        }
        is_due
    }

    /// Begins anew with the shortest interval. Returns whether it was longer.
    fn reset(&mut self) -> bool {
        let was_longer = self.current > self.intervals.min;
        *self = Self::new(self.intervals);
        was_longer
    }
}

impl Roving {
    /// Ends it: no tick follows.
    pub fn end(self) {
        self.runtime.timers.remove(self.next);
    }
}

impl State {
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

    /// Learns from an outcome how long the interval is from now on.
    pub(super) fn adapt_pace(self: &Arc<Self>, state: &mut State, context: u32, outcome: &Outcome) {
        if matches!(outcome, Outcome::Connection { .. }) {
            return self.reset_pace(state);
        }
        let is_counted = match &state.roving {
            Some(roving) => roving.context == context,
            // Where JavaScript ticks, each of its attempts is a call of its own.
            None => true,
        };
        let Some(pace) = state.pace.as_mut().filter(|_| is_counted) else { return };
        let longer = pace.note_vain_attempt();
        if let Some(roving) = &state.roving
            && longer > Duration::ZERO
        {
            self.reschedule(state, roving.due + longer);
        }
    }

    /// Moves the next tick to an interval from now, whenever it was due.
    pub fn postpone(self: &Arc<Self>) {
        let mut state = self.state();
        let Some(pace) = &state.pace else { return };
        let due = Instant::now() + pace.interval(rand::random());
        self.reschedule(&mut state, due);
    }

    /// Begins anew with the shortest interval.
    pub(super) fn reset_pace(self: &Arc<Self>, state: &mut State) {
        let Some(pace) = &mut state.pace else { return };
        // Otherwise the tick that is due stays: of two random intervals the shorter one would count.
        if !pace.reset() {
            return;
        }
        let due = Instant::now() + pace.interval(rand::random());
        if state.roving.as_ref().is_some_and(|roving| due < roving.due) {
            self.reschedule(state, due);
        }
    }

    /// Moves the next tick.
    fn reschedule(self: &Arc<Self>, state: &mut State, due: Instant) {
        let Some(roving) = &mut state.roving else { return };
        roving.runtime.timers.remove(roving.next);
        roving.due = due;
        roving.next = self.schedule(roving.runtime, roving.serial, due);
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
        // One that was moved when its time had come is another one by now.
        let Some(roving) = state.roving(serial).filter(|roving| roving.due == due) else { return };
        // Before anything that may go wrong.
        roving.due = next_tick(due, interval);
        roving.next = self.schedule(runtime, serial, roving.due);
        let context = roving.context;
        if roving.undelivered > 0 {
            state.stats.skipped += 1;
        } else if state.servers.is_empty() {
            self.ask_for_servers(&mut state, context);
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
    use crate::attempt::{Limits, MaxSlot};
    use crate::env::Environment;
    use crate::env::outbox::Outbox;
    use crate::rover::Rover;

    const MS: Duration = Duration::from_millis(1);
    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn makes_no_attempt_at_a_tick_that_was_moved_when_its_time_had_come() {
        let environment = Arc::new(Environment::new(Outbox::new(|| {})));
        let max_slot = MaxSlot::new(f64::INFINITY);
        let limits = Limits { connect_timeout: None, slot_timeout: None, max_slot };
        let options = Options { limits, max_pending: 9, max_interval: HOUR, jitter: 0.0 };
        let rover = Rover::new(&environment, options);
        rover.start(0, HOUR).expect("a runtime");
        let next = || rover.state().roving.as_ref().map(|roving| (roving.serial, roving.due));
        let (serial, before) = next().expect("a roving");
        rover.postpone();
        let (_, due) = next().expect("a roving");
        assert!(due > before);
        let attempts = || rover.stats().0.attempts;
        assert_eq!(attempts(), 1);
        rover.tick(runtime().expect("a runtime"), serial, before);
        assert_eq!((attempts(), next()), (1, Some((serial, due))));
        rover.tick(runtime().expect("a runtime"), serial, due);
        assert_eq!((attempts(), next()), (2, Some((serial, due + HOUR))));
    }

    fn pace(min: u32, max: u32, jitter: f64) -> Pace {
        Pace::new(Intervals { min: min * MS, max: max * MS, jitter })
    }

    #[test]
    fn doubles_after_ten_vain_attempts_up_to_the_longest_interval() {
        let mut pace = pace(100, 350, 0.0);
        let intervals: Vec<_> = (0..40)
            .map(|_| {
                let before = pace.interval(0.3);
                let longer = pace.note_vain_attempt();
                assert_eq!(pace.interval(0.3), before + longer);
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
    fn leaves_out_ticks_so_that_the_interval_is_right_in_the_mean() {
        for (max, expected) in [(100, "++++"), (150, "-++-++-++"), (300, "-+-+-+")] {
            let mut pace = pace(100, max, 0.0);
            assert!((0..10).all(|_| pace.count_tick()), "{max}");
            for _ in 0..VAIN_ATTEMPTS {
                pace.note_vain_attempt();
            }
            let ticks: String =
                expected.chars().map(|_| if pace.count_tick() { '+' } else { '-' }).collect();
            assert_eq!(ticks, expected, "{max}");
        }
    }

    #[test]
    fn keeps_its_interval_where_the_longest_one_is_not_longer() {
        let mut pace = pace(100, 0, 0.0);
        (0..30).for_each(|_| assert_eq!(pace.note_vain_attempt(), Duration::ZERO));
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
