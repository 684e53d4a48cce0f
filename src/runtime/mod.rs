//! The one Tokio runtime of the process: a thread of its own, started at the first attempt.
//!
//! It is never shut down. Threads that only wait don't keep a process from ending, and a runtime that outlives every
//! JavaScript environment has no shutdown that could go wrong.
//!
//! Waking a thread costs both sides system calls, so wake-ups are batched: jobs that come while the rover's thread is
//! awake are left for it without one, and JavaScript is woken when the rover's thread has nothing more to do at the
//! moment (main thread 4.8 -> 3.3 us a refused attempt).

mod poller;
pub mod slot_waiters;
pub mod timer_queue;

use std::cell::RefCell;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;

use tokio::runtime::Builder;
use tokio::sync::Notify;

use crate::net::lookup::Lookups;
use crate::net::reuse::close_spares;
use crate::runtime::slot_waiters::SlotWaiters;
use crate::runtime::timer_queue::TimerQueue;

/// How many wake-ups of JavaScript are held back, at most.
const MAX_HELD_BACK: usize = 32;

/// What attempts run on.
pub struct Runtime {
    /// The look-ups that they share.
    pub lookups: Arc<Lookups>,
    /// Where they wait for their slot lines.
    pub slot_waiters: Arc<SlotWaiters>,
    /// Callbacks for later.
    pub timers: Arc<TimerQueue>,
    inbox: Arc<Inbox>,
}

/// Wakes a JavaScript thread. Can be called from any thread.
pub type Wake = Arc<dyn Fn() + Send + Sync>;

type Job = Box<dyn FnOnce() + Send>;

/// Jobs for the rover's thread.
#[derive(Default)]
struct Inbox {
    jobs: Mutex<Vec<Job>>,
    arrival: Notify,
}

thread_local! {
    /// On the rover's thread, the wake-ups that are held back. `None` on any other.
    static HELD_BACK: RefCell<Option<Vec<Wake>>> = const { RefCell::new(None) };
}

/// Returns the runtime; the first call starts it.
///
/// # Errors
/// What the system says when it has no thread or no descriptor for it. A later call tries again.
pub fn runtime() -> io::Result<&'static Runtime> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    static STARTING: Mutex<()> = Mutex::new(());
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let _one_at_a_time = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let runtime = start()?;
    Ok(RUNTIME.get_or_init(|| runtime))
}

impl Runtime {
    /// Whether this is the rover's thread, which can `tokio::spawn` by itself: leaving a job for itself would cost it
    /// the same system call as another thread.
    pub fn is_here(&self) -> bool {
        HELD_BACK.with_borrow(Option::is_some)
    }

    /// Runs `job` on the rover's thread, soon and in order, where it may `tokio::spawn`.
    pub fn run(&self, job: impl FnOnce() + Send + 'static) {
        self.inbox.jobs.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(job));
        self.inbox.arrival.notify_one();
    }
}

/// Calls `wake` before the rover's thread parks; on any other thread at once.
pub fn wake_before_park(wake: &Wake) {
    let is_full = HELD_BACK.with_borrow_mut(|held_back| {
        held_back.as_mut().map(|held_back| {
            held_back.push(Arc::clone(wake));
            held_back.len() >= MAX_HELD_BACK
        })
    });
    match is_full {
        None => wake(),
        Some(true) => call_held_back(),
        Some(false) => {}
    }
}

fn before_park() {
    call_held_back();
    close_spares();
}

fn call_held_back() {
    let held_back = HELD_BACK.with_borrow_mut(|held_back| held_back.as_mut().map(std::mem::take));
    held_back.into_iter().flatten().for_each(|wake| wake());
}

fn start() -> io::Result<Runtime> {
    let runtime = Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .on_thread_park(before_park)
        .build()?;
    let inbox = Arc::new(Inbox::default());
    let timers = Arc::new(TimerQueue::default());
    let (slot_waiters, poller) = {
        let _context = runtime.enter();
        SlotWaiters::new(&timers)?
    };
    runtime.spawn(Arc::clone(&timers).run());
    runtime.spawn(Arc::clone(&slot_waiters).run(poller));
    let run = Arc::clone(&inbox).run();
    thread::Builder::new().name("rover".into()).spawn(move || {
        HELD_BACK.set(Some(Vec::new()));
        runtime.block_on(run);
    })?;
    Ok(Runtime { lookups: Lookups::new(), slot_waiters, timers, inbox })
}

impl Inbox {
    async fn run(self: Arc<Self>) {
        loop {
            self.arrival.notified().await;
            let jobs =
                std::mem::take(&mut *self.jobs.lock().unwrap_or_else(PoisonError::into_inner));
            for job in jobs {
                // A job that panics is a bug, and must not take the thread with it.
                let _ = catch_unwind(AssertUnwindSafe(job));
            }
        }
    }
}
