//! The rover: picks a server, makes an attempt, stops.
//!
//! JavaScript calls it on its own thread, attempts end on the runtime's; all that both touch is in one [`State`]
//! behind a mutex, held for a few instructions and never over an `.await`. Locks are taken in one order: state, then
//! slot waiters and timers, or outbox.
//!
//! How an attempt lives: docs/architecture.md.

pub mod delivery;
pub mod in_flight;
mod launch;
pub mod questions;
pub mod schedule;

use std::any::Any;
use std::io;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::attempt::Limits;
use crate::attempt::outcome::Outcome;
use crate::env::{Environment, Observable};
use crate::failpoints::{self, Failpoint};
use crate::runtime::{Runtime, runtime};
use crate::servers::{Server, ServerKey, ServerTable};
use crate::stats::{ServerStats, Stats};
use delivery::{Delivery, Message};
use in_flight::{Attempt, AttemptKey, InFlight, Remains};
use schedule::{Pace, Roving};

/// A rover. Dropping it stops it.
pub struct Rover {
    shared: Arc<Shared>,
    key: usize,
}

/// What a rover is made with.
#[derive(Debug)]
pub struct Options {
    /// What bounds an attempt.
    pub limits: Limits,
    /// Bounds the attempts in flight plus the outcomes that JavaScript has not taken.
    pub max_pending: usize,
    /// The longest interval, where attempts bring no connection. What is less than the interval of `start` means that.
    pub max_interval: Duration,
    /// From 0 to 1: the fraction that each interval varies by, to either side.
    pub jitter: f64,
}

/// Whether an attempt was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is in flight and ends in one outcome.
    InFlight,
    /// There are no servers. Counted as an attempt that ended in an error; no outcome follows.
    NoServers,
    /// Too much is pending. Counted as skipped; no outcome follows.
    Skipped,
}

/// What all that belongs to one rover shares.
pub struct Shared {
    environment: Arc<Environment<Delivery>>,
    options: Options,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    servers: ServerTable,
    stats: Stats,
    in_flight: InFlight,
    roving: Option<Roving>,
    pace: Option<Pace>,
    /// Counts the calls of `start`, so that a late tick of a roving that has ended is known as such.
    serial: u64,
}

impl Rover {
    /// Creates a rover without servers, at rest.
    pub fn new(environment: &Arc<Environment<Delivery>>, options: Options) -> Self {
        let environment = Arc::clone(environment);
        let shared = Arc::new(Shared { environment, options, state: Mutex::default() });
        let rover = Arc::downgrade(&shared);
        let key = shared.environment.register(move || {
            if let Some(shared) = rover.upgrade() {
                shared.stop();
            }
        });
        Self { shared, key }
    }

    /// Adds a server: see [`ServerTable::add`].
    pub fn add_server(&self, server: Server) -> ServerKey {
        if let Server::Known(endpoint) = &server {
            failpoints::hit(Failpoint::Method, endpoint);
        }
        self.shared.state().servers.add(server)
    }

    /// Drops a server: see [`ServerTable::drop_server`].
    pub fn drop_server(&self, key: ServerKey) -> bool {
        self.shared.state().servers.drop_server(key)
    }

    /// Whether no server has the key, dropped or not.
    pub fn is_vacant(&self, key: ServerKey) -> bool {
        self.shared.state().servers.is_vacant(key)
    }

    /// Has a server not be picked for so long: see [`ServerTable::rest`].
    pub fn rest(&self, key: ServerKey, time: Duration) {
        let now = std::time::Instant::now();
        let deadline = Some(now + time).filter(|deadline| *deadline > now);
        self.shared.state().servers.rest(key, deadline);
    }

    /// Changes the highest slot that is wanted, for attempts in flight as well. Raised, it brings the shortest
    /// interval back.
    pub fn set_max_slot(&self, slot: f64) {
        if slot > self.shared.options.limits.max_slot.replace(slot) {
            self.shared.reset_pace(&mut self.shared.state());
        }
    }

    /// Makes one attempt now. Its outcome names `context`; it is an exhaustion where the runtime can't start.
    pub fn connect(&self, context: u32) -> Admission {
        let runtime = runtime();
        self.shared.admit(&mut self.shared.state(), runtime, context)
    }

    /// Ends the roving. Returns how many of its attempts are pending: each of them still ends in an outcome that
    /// JavaScript gets, a rejection included.
    pub fn stop_roving(&self) -> usize {
        let mut state = self.shared.state();
        let context = state.end_roving();
        context.map_or(0, |context| state.in_flight.count(context))
    }

    /// The totals, and how many attempts are pending.
    pub fn stats(&self) -> (Stats, usize) {
        let state = self.shared.state();
        (state.stats, state.in_flight.len())
    }

    /// What is counted of a server: see [`ServerTable::stats`].
    pub fn server_stats(&self, key: ServerKey) -> Option<(ServerStats, u32, bool)> {
        self.shared.state().servers.stats(key)
    }
}

impl Deref for Rover {
    type Target = Arc<Shared>;

    fn deref(&self) -> &Arc<Shared> {
        &self.shared
    }
}

impl Drop for Rover {
    fn drop(&mut self) {
        self.shared.environment.unregister(self.key);
        self.shared.stop();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Picks a server and makes an attempt at it.
    fn admit(
        self: &Arc<Self>,
        state: &mut State,
        runtime: io::Result<&'static Runtime>,
        context: u32,
    ) -> Admission {
        let Some(server) = state.pick() else {
            state.stats.attempts += 1;
            state.stats.tally.count(&Outcome::NoServers);
            self.adapt_pace(state, context, &Outcome::NoServers);
            return Admission::NoServers;
        };
        let Some(key) = self.add_attempt(state, context) else { return Admission::Skipped };
        self.choose(state, key, server);
        self.proceed(state, runtime, key, Instant::now());
        Admission::InFlight
    }

    /// Adds the record of an attempt, unless too much is pending.
    fn add_attempt(&self, state: &mut State, context: u32) -> Option<AttemptKey> {
        if state.in_flight.len() < self.options.max_pending {
            state.stats.attempts += 1;
            Some(state.in_flight.insert(context))
        } else {
            state.stats.skipped += 1;
            None
        }
    }

    /// Has an attempt refer to the server that was picked for it.
    fn choose(self: &Arc<Self>, state: &mut State, key: AttemptKey, server: ServerKey) {
        state.refer(key, server);
        if self.environment.is_observed(Observable::Attempts) {
            self.tell(state, key, Message::Made);
        }
    }

    /// Ends the roving and abandons all that is pending: no outcome follows, connections are closed. Returns the
    /// contexts of what was pending.
    pub fn stop(&self) -> Vec<u32> {
        let mut state = self.state();
        state.end_roving();
        let attempts: Vec<Attempt> = state.in_flight.drain().collect();
        let contexts = attempts.iter().map(|attempt| attempt.context).collect();
        self.discard(state, attempts);
        contexts
    }

    /// Abandons the attempts of one context that are pending. Returns how many they were.
    pub fn abandon(&self, context: u32) -> usize {
        let mut state = self.state();
        let attempts = state.in_flight.remove_all_of(context);
        let count = attempts.len();
        self.discard(state, attempts);
        count
    }

    /// Ends attempts whose records were removed, counts them as abandoned, and closes what they have.
    fn discard(&self, mut state: MutexGuard<'_, State>, attempts: Vec<Attempt>) {
        let mut all = Vec::with_capacity(attempts.len());
        for attempt in attempts {
            state.stats.abandoned += 1;
            attempt.server.inspect(|server| state.servers.release(*server, None));
            all.push(attempt.phase.abandon());
        }
        drop(state);
        let mut waiters = Vec::new();
        for Remains { ticket, waiter } in all {
            drop(ticket.and_then(|ticket| self.environment.outbox.remove(ticket)));
            waiters.extend(waiter);
        }
        if !waiters.is_empty()
            && let Ok(runtime) = runtime()
        {
            runtime.run(move || drop(waiters));
        }
    }
}

impl State {
    fn pick(&mut self) -> Option<ServerKey> {
        let server = self.servers.pick(|count| rand::random_range(0..count))?;
        if let Some(Server::Known(endpoint)) = self.servers.server(server) {
            failpoints::hit(Failpoint::Tick, endpoint);
        }
        Some(server)
    }

    /// Has an attempt refer to a server, and to the one before no more.
    fn refer(&mut self, key: AttemptKey, server: ServerKey) {
        let Some(attempt) = self.in_flight.get_mut(key) else { return };
        self.servers.refer(server);
        if let Some(before) = attempt.server.replace(server) {
            self.servers.release(before, None);
        }
    }

    /// Ends the roving, and returns its context.
    fn end_roving(&mut self) -> Option<u32> {
        self.pace = None;
        let roving = self.roving.take()?;
        let context = roving.context;
        roving.end();
        Some(context)
    }
}

/// The outcome of an attempt that panicked.
fn panic_outcome(panic: &(dyn Any + Send)) -> Outcome {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let message = text.or_else(|| panic.downcast_ref::<String>().cloned());
    Outcome::Internal(message.unwrap_or_else(|| "panic".to_owned()))
}
