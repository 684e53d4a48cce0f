//! The timer queue: what is to be called later on the rover's thread.
//!
//! One timer of Tokio serves all of it, and an entry is a fraction of what a task with a timer of its own takes:
//! a process may have thousands of rovers, and of attempts that wait.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

/// Callbacks, in the order of time.
#[derive(Default)]
pub struct TimerQueue {
    timers: Mutex<Timers>,
    earlier: Notify,
}

/// Names a timer; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimerKey(Instant, u64);

type Callback = Box<dyn FnOnce(Instant) + Send>;

#[derive(Default)]
struct Timers {
    callbacks: BTreeMap<TimerKey, Callback>,
    serial: u64,
    /// Whether the thread sleeps until the first is due; otherwise it will look by itself.
    is_asleep: bool,
}

impl TimerQueue {
    /// Has `callback` called at `time`, with `time`, or as soon after it as possible. It must not panic.
    pub fn insert_at(
        &self,
        time: Instant,
        callback: impl FnOnce(Instant) + Send + 'static,
    ) -> TimerKey {
        let mut timers = self.timers();
        timers.serial += 1;
        let key = TimerKey(time, timers.serial);
        timers.callbacks.insert(key, Box::new(callback));
        let is_first = timers.callbacks.first_key_value().is_some_and(|(first, _)| *first == key);
        if is_first && std::mem::take(&mut timers.is_asleep) {
            self.earlier.notify_one();
        }
        key
    }

    /// Drops a callback, unless it is being called or was.
    pub fn remove(&self, key: TimerKey) {
        let callback = self.timers().callbacks.remove(&key);
        drop(callback);
    }

    /// Calls what is due, as long as the runtime lives.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the callbacks uncalled.
    pub async fn run(self: Arc<Self>) {
        loop {
            let earlier = self.earlier.notified();
            match self.call_what_is_due() {
                // Whether an earlier one has come or the time has: there is something to look at.
                Some(next) => drop(timeout_at(next, earlier).await),
                None => earlier.await,
            }
        }
    }

    /// Returns the time when the next one is due, if there is one.
    fn call_what_is_due(&self) -> Option<Instant> {
        // What becomes due meanwhile has its turn after others of this thread had theirs.
        let now = Instant::now();
        loop {
            let mut timers = self.timers();
            timers.is_asleep = false;
            match timers.callbacks.first_entry() {
                Some(entry) if entry.key().0 <= now => {
                    let (TimerKey(time, _), callback) = entry.remove_entry();
                    drop(timers);
                    // A bug, and it must not take the others with it.
                    let _ = catch_unwind(AssertUnwindSafe(|| callback(time)));
                }
                next => {
                    let next = next.map(|entry| entry.key().0);
                    timers.is_asleep = true;
                    return next;
                }
            }
        }
    }

    fn timers(&self) -> MutexGuard<'_, Timers> {
        self.timers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::time::Duration;

    use tokio::time::{advance, sleep};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// A timer queue at work, and the names that were called.
    fn timers() -> (Arc<TimerQueue>, Sender<&'static str>, Receiver<&'static str>) {
        let timers = Arc::new(TimerQueue::default());
        tokio::spawn(Arc::clone(&timers).run());
        let (called, calls) = channel();
        (timers, called, calls)
    }

    #[tokio::test(start_paused = true)]
    async fn calls_what_is_due_in_the_order_of_time() {
        let (timers, called, calls) = timers();
        let began = Instant::now();
        for (seconds, name) in [(3, "third"), (1, "first"), (2, "second")] {
            let called = called.clone();
            let time = began + seconds * SECOND;
            timers.insert_at(time, move |due| {
                assert_eq!(due, time);
                called.send(name).expect("a listener");
            });
        }
        sleep(2 * SECOND + SECOND / 2).await;
        assert_eq!(calls.try_iter().collect::<Vec<_>>(), ["first", "second"]);
        sleep(SECOND).await;
        assert_eq!(calls.try_iter().collect::<Vec<_>>(), ["third"]);
    }

    #[tokio::test(start_paused = true)]
    async fn sleeps_no_longer_than_to_what_was_entered_meanwhile() {
        let (timers, called, calls) = timers();
        timers.insert_at(Instant::now() + 10 * SECOND, |_| {});
        sleep(SECOND).await;
        timers.insert_at(Instant::now() + SECOND, move |_| called.send("it").expect("a listener"));
        sleep(SECOND + SECOND / 2).await;
        assert_eq!(calls.try_recv(), Ok("it"));
    }

    #[tokio::test(start_paused = true)]
    async fn calls_nothing_that_was_cancelled_and_drops_it() {
        let (timers, called, calls) = timers();
        let key = timers.insert_at(Instant::now() + SECOND, move |_| {
            called.send("it").expect("a listener");
        });
        timers.remove(key);
        timers.remove(key);
        assert!(calls.recv().is_err());
        sleep(2 * SECOND).await;
    }

    #[tokio::test(start_paused = true)]
    async fn goes_on_when_a_call_panics_or_enters_another() {
        let (timers, called, calls) = timers();
        timers.insert_at(Instant::now() + SECOND, |_| panic!("on purpose"));
        let again = Arc::clone(&timers);
        timers.insert_at(Instant::now() + SECOND, move |due| {
            again.insert_at(due + SECOND, move |_| called.send("it").expect("a listener"));
        });
        // Over the second one in a leap: what is late is called all the same.
        sleep(Duration::ZERO).await;
        advance(3 * SECOND).await;
        sleep(Duration::ZERO).await;
        sleep(SECOND).await;
        assert_eq!(calls.try_recv(), Ok("it"));
    }
}
