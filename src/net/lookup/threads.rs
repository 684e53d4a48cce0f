//! The threads on which look-ups block, a fixed number of them at most. They are made when there is work, and end when
//! there is none for a while.
//!
//! Work waits in one of three lanes, so that look-ups of names that do not answer cannot take all threads: some are left
//! for look-ups that will be over in a moment.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// How many threads there are at most. With the rover's own these are the 16 that the package promises.
pub const MAX_THREADS: usize = 15;

/// How many of them only look-ups may have that will be over in a moment.
const EXPRESS: usize = 4;

/// How long a thread waits for work before it ends.
const IDLE: Duration = Duration::from_secs(10);

/// How long work is expected to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Over in a moment: may use every thread.
    Express,
    /// Not known: may use all threads but those of the express lane.
    General,
    /// Long: may use about two thirds of those of the general lane, and is taken before what is in that lane, so that
    /// each of the two gets its share.
    Slow,
}

impl Lane {
    /// In the order in which a thread looks for work.
    const ALL: [Self; 3] = [Self::Express, Self::Slow, Self::General];
}

/// What runs on a thread.
pub type Work = Box<dyn FnOnce() + Send>;

/// The threads and the work that waits for them.
pub struct Threads {
    state: Mutex<State>,
    /// Work is there for an idle thread.
    call: Condvar,
    spawn: Box<Spawn>,
    idle_for: Duration,
}

/// Runs work on a thread of its own.
type Spawn = dyn Fn(Work) -> io::Result<()> + Send + Sync;

#[derive(Default)]
struct State {
    /// Work that has a thread, which will take it in a moment. It counts as running.
    ready: VecDeque<(Lane, Work)>,
    /// By lane, in the order in which it came. Bounded by whoever submits it: see [`super::Lookups`].
    waiting: [BTreeMap<u64, Work>; 3],
    running: [usize; 3],
    threads: usize,
    idle: usize,
    /// How many idle threads were called and have not woken yet.
    called: usize,
    /// How many threads there can be: fewer than [`MAX_THREADS`] since the system refused one more.
    capacity: usize,
    last_id: u64,
}

/// Work that was submitted. Dropping it withdraws it, if it has not begun.
pub struct Job {
    threads: Arc<Threads>,
    lane: Lane,
    id: u64,
    /// Whether a thread was there for it at once.
    pub was_begun_at_once: bool,
}

impl Threads {
    /// Threads that wait for work for ten seconds.
    pub fn new() -> Arc<Self> {
        Self::with(IDLE, spawn)
    }

    /// Threads that `spawn` makes.
    pub fn with(
        idle_for: Duration,
        spawn: impl Fn(Work) -> io::Result<()> + Send + Sync + 'static,
    ) -> Arc<Self> {
        let state = Mutex::new(State { capacity: MAX_THREADS, ..State::default() });
        Arc::new(Self { state, call: Condvar::new(), spawn: Box::new(spawn), idle_for })
    }

    /// Has `work` run when its turn in `lane` comes.
    ///
    /// # Errors
    /// What the system says where it has no thread, and there is none that could get to the work later.
    pub fn submit(
        self: &Arc<Self>,
        lane: Lane,
        work: impl FnOnce() + Send + 'static,
    ) -> io::Result<Job> {
        let mut state = self.state();
        state.last_id += 1;
        let id = state.last_id;
        let was_begun_at_once = self.provide_thread(&mut state, lane)?;
        if was_begun_at_once {
            state.running[lane as usize] += 1;
            state.ready.push_back((lane, Box::new(work)));
        } else {
            state.waiting[lane as usize].insert(id, Box::new(work));
        }
        Ok(Job { threads: Arc::clone(self), lane, id, was_begun_at_once })
    }

    /// Whether the system refused a thread when one was wanted last.
    pub fn are_refused(&self) -> bool {
        self.state().capacity < MAX_THREADS
    }

    /// Finds a thread for work in `lane`. `false` where it has to wait for its turn.
    fn provide_thread(self: &Arc<Self>, state: &mut State, lane: Lane) -> io::Result<bool> {
        if !state.admits(lane, MAX_THREADS) {
            return Ok(false);
        }
        if state.idle > 0 {
            state.idle -= 1;
            state.called += 1;
            self.call.notify_one();
            return Ok(true);
        }
        if state.threads == MAX_THREADS {
            return Ok(false);
        }
        let threads = Arc::clone(self);
        match (self.spawn)(Box::new(move || threads.work())) {
            Ok(()) => {
                state.threads += 1;
                state.capacity = MAX_THREADS;
                Ok(true)
            }
            Err(error) => {
                state.capacity = state.threads;
                if state.threads == 0 { Err(error) } else { Ok(false) }
            }
        }
    }

    /// The life of a thread.
    fn work(&self) {
        let mut state = self.state();
        loop {
            while let Some((lane, work)) = state.take() {
                drop(state);
                // Work that panics is a bug, and must not take the thread with it.
                let _ = catch_unwind(AssertUnwindSafe(work));
                state = self.state();
                state.running[lane as usize] -= 1;
            }
            state.idle += 1;
            let (rested, _) = self
                .call
                .wait_timeout_while(state, self.idle_for, |state| state.called == 0)
                .unwrap_or_else(PoisonError::into_inner);
            state = rested;
            if state.called == 0 {
                state.idle -= 1;
                state.threads -= 1;
                return;
            }
            state.called -= 1;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn spawn(work: Work) -> io::Result<()> {
    thread::Builder::new().name("rover-lookup".into()).spawn(work).map(drop)
}

impl State {
    /// Whether one more of `lane` may run, of so many threads.
    fn admits(&self, lane: Lane, threads: usize) -> bool {
        let general = threads - EXPRESS.min(threads / 2);
        let slow = (general - (general / 3).max(1)).max(1);
        let running = |lane: Lane| self.running[lane as usize];
        let is_general_free = running(Lane::General) + running(Lane::Slow) < general;
        match lane {
            Lane::Express => true,
            Lane::General => is_general_free,
            Lane::Slow => is_general_free && running(Lane::Slow) < slow,
        }
    }

    /// The next work that may begin. It counts as running from now on.
    fn take(&mut self) -> Option<(Lane, Work)> {
        self.ready.pop_front().or_else(|| {
            Lane::ALL.into_iter().find_map(|lane| {
                if !self.admits(lane, self.capacity) {
                    return None;
                }
                let (_, work) = self.waiting[lane as usize].pop_first()?;
                self.running[lane as usize] += 1;
                Some((lane, work))
            })
        })
    }
}

impl Job {
    /// Whether it has begun.
    pub fn has_begun(&self) -> bool {
        !self.threads.state().waiting[self.lane as usize].contains_key(&self.id)
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        let work = self.threads.state().waiting[self.lane as usize].remove(&self.id);
        // Not under the lock.
        drop(work);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;
    use std::time::Instant;

    use super::*;

    const SOON: Duration = Duration::from_secs(10);

    /// Work that says that it has begun and ends when its sender is dropped.
    fn blocking(
        begun: &mpsc::Sender<Lane>,
        lane: Lane,
    ) -> (mpsc::Sender<()>, impl FnOnce() + Send + 'static) {
        let (end, ended) = mpsc::channel::<()>();
        let begun = begun.clone();
        (end, move || {
            begun.send(lane).expect("a receiver");
            let _ = ended.recv();
        })
    }

    fn until(mut holds: impl FnMut() -> bool) {
        let began = Instant::now();
        while !holds() {
            assert!(began.elapsed() < SOON, "it takes too long");
            thread::yield_now();
        }
    }

    #[test]
    fn leaves_threads_for_what_is_over_in_a_moment() {
        let threads = Threads::with(Duration::from_millis(10), spawn);
        let (begun, beginnings) = mpsc::channel();
        let (mut jobs, mut ends) = (Vec::new(), Vec::new());
        let mut submit = |lane: Lane, count: usize| {
            for _ in 0..count {
                let (end, work) = blocking(&begun, lane);
                jobs.push(threads.submit(lane, work).expect("a thread"));
                ends.push(end);
            }
        };
        submit(Lane::Slow, 20);
        submit(Lane::General, 20);
        submit(Lane::Express, 20);
        let mut counts = [0; 3];
        for _ in 0..MAX_THREADS {
            counts[beginnings.recv_timeout(SOON).expect("a beginning") as usize] += 1;
        }
        assert_eq!(counts, [4, 3, 8]);
        assert_eq!(threads.state().threads, MAX_THREADS);
        assert_eq!(jobs.iter().filter(|job| job.has_begun()).count(), MAX_THREADS);

        drop((jobs, ends));
        until(|| threads.state().threads == 0);
        assert_eq!(beginnings.try_iter().count(), 0, "what was withdrawn does not begin");
    }

    #[test]
    fn gives_each_lane_its_share_of_the_threads_that_can_be_had() {
        let mut state = State::default();
        for (capacity, general, slow) in [(15, 11, 8), (8, 4, 3), (3, 2, 1), (2, 1, 1), (1, 1, 1)] {
            state.running = [0, general - 1, 0];
            assert!(state.admits(Lane::General, capacity));
            state.running = [0, general, 0];
            assert!(!state.admits(Lane::General, capacity));
            state.running = [0, 0, slow];
            assert!(!state.admits(Lane::Slow, capacity));
        }
    }

    #[test]
    fn uses_a_thread_again_and_survives_work_that_panics() {
        let threads = Threads::with(SOON, spawn);
        for _ in 0..3 {
            let (done, is_done) = mpsc::channel();
            let _panicking = threads.submit(Lane::General, || panic!("on purpose"));
            let _job = threads.submit(Lane::General, move || done.send(()).expect("a receiver"));
            is_done.recv_timeout(SOON).expect("the second one is done");
            // One that has done its work and is not idle yet would not be used.
            until(|| {
                let state = threads.state();
                state.running == [0; 3] && state.idle == state.threads
            });
        }
        assert!(threads.state().threads <= 2);
    }

    #[test]
    fn leaves_work_to_a_thread_that_is_there_where_the_system_has_no_more() {
        let allowed = Arc::new(AtomicUsize::new(0));
        let threads = Threads::with(SOON, {
            let allowed = Arc::clone(&allowed);
            move |work| {
                let take = |left: usize| left.checked_sub(1);
                match allowed.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take) {
                    Ok(_) => spawn(work),
                    Err(_) => Err(io::ErrorKind::WouldBlock.into()),
                }
            }
        });
        let (begun, beginnings) = mpsc::channel();
        let (_end, work) = blocking(&begun, Lane::General);
        assert!(threads.submit(Lane::General, work).is_err());
        assert!(threads.are_refused());

        allowed.store(1, Ordering::SeqCst);
        let (end, work) = blocking(&begun, Lane::General);
        let _job = threads.submit(Lane::General, work).expect("a thread");
        assert!(!threads.are_refused());
        beginnings.recv_timeout(SOON).expect("a beginning");
        let (_end, work) = blocking(&begun, Lane::Slow);
        let job = threads.submit(Lane::Slow, work).expect("a place");
        assert!(threads.are_refused() && !job.was_begun_at_once && !job.has_begun());
        drop(end);
        assert_eq!(beginnings.recv_timeout(SOON), Ok(Lane::Slow));
    }
}
