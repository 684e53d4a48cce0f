//! The rover: picks, begins attempts, counts what became of them, stops.
//!
//! JavaScript calls it on its own thread, attempts end on the runtime's; all that both touch is in one
//! [`State`] behind a mutex, held for a few instructions and never over an `.await`. Locks are taken in
//! one order: state, then slot_waiters and timers, or outbox.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use slab::Slab;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::attempt::{Limits, Outcome, Stage, Waiting, attempt};
use crate::env::Environment;
use crate::failpoints;
use crate::gathering::Gathering;
use crate::net::error::SyscallError;
use crate::runtime::slot_waiters::{SlotWaiters, Waiter};
use crate::runtime::timer_queue::TimerKey;
use crate::runtime::{Runtime, runtime};
use crate::servers::{Registered, Server, ServerTable};
use crate::stats::Stats;

/// A rover. Dropping it stops it.
pub struct Rover {
    shared: Arc<Shared>,
    berth: usize,
}

/// What came of asking for an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    /// It is in flight and will end in one outcome.
    InFlight,
    /// There are no servers. Counted as an attempt that ended in an error; no outcome follows.
    NoServers,
    /// Too much is pending already. Counted as skipped; no outcome follows.
    Skipped,
}

/// An outcome on its way to JavaScript.
pub struct Delivery {
    rover: Arc<Shared>,
    origin: u32,
    server: Option<Arc<Registered>>,
    outcome: Outcome,
}

/// An outcome that JavaScript has taken.
#[derive(Debug)]
pub struct Settled {
    /// Who asked for the attempt.
    pub origin: u32,
    /// The server; `None` where there was none to pick.
    pub server: Option<Arc<Registered>>,
    /// How the attempt ended.
    pub outcome: Outcome,
}

/// How late a tick may be without moving those that follow: timers are about as exact as this.
const PUNCTUAL: Duration = Duration::from_millis(5);

struct Shared {
    environment: Arc<Environment<Delivery>>,
    limits: Limits,
    max_pending: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    servers: ServerTable,
    stats: Stats,
    in_flight: Slab<Whereabouts>,
    roving: Option<Roving>,
    /// Counts the calls of `start`, so that a tick of a roving that has ended knows it.
    serial: u64,
    /// Counts the calls of `stop`, so that an attempt that was abandoned in its last step knows it.
    epoch: u64,
}

/// Where an attempt in flight is.
enum Whereabouts {
    /// On its way to the rover's thread.
    Sent,
    /// It is a task there, which connects.
    Connecting(AbortHandle),
    /// It waits for its slot line, at this place of the slot_waiters.
    SlotWaiters(&'static SlotWaiters, usize),
}

struct Roving {
    runtime: &'static Runtime,
    next: TimerKey,
    interval: Duration,
    serial: u64,
    origin: u32,
    /// How many attempts of `origin` are pending.
    pending: usize,
    gathering: Gathering,
}

/// What an attempt in flight needs to report back.
struct Errand {
    ticket: usize,
    epoch: u64,
    origin: u32,
    registered: Arc<Registered>,
}

impl Rover {
    /// A rover without servers, at rest. `max_pending` bounds its attempts in flight plus its outcomes
    /// that JavaScript has not taken.
    pub fn new(
        environment: &Arc<Environment<Delivery>>,
        limits: Limits,
        max_pending: usize,
    ) -> Self {
        let environment = Arc::clone(environment);
        let shared = Arc::new(Shared { environment, limits, max_pending, state: Mutex::default() });
        let rover = Arc::downgrade(&shared);
        let berth = shared.environment.enlist(move || {
            if let Some(shared) = rover.upgrade() {
                shared.stop();
            }
        });
        Self { shared, berth }
    }

    /// Adds a server under a registration: see [`ServerTable::add`].
    pub fn add_server(&self, registration: u32, server: Server) {
        failpoints::hit(failpoints::Failpoint::Method, &server);
        self.shared.state().servers.add(registration, server);
    }

    /// Drops the server of a registration. An attempt to it that is in flight goes on.
    pub fn drop_server(&self, registration: u32) {
        self.shared.state().servers.drop_server(registration);
    }

    /// Changes the highest slot that is wanted, for attempts in flight as well.
    pub fn set_max_slot(&self, slot: f64) {
        self.shared.limits.max_slot.set(slot);
    }

    /// Begins one attempt now. Its outcome names `origin`; it is a local fault where the runtime can't
    /// begin.
    pub fn connect(&self, origin: u32) -> Begun {
        let runtime = runtime();
        self.shared.begin(&mut self.shared.state(), runtime, origin)
    }

    /// Begins one attempt now and one at each interval from now on, in place of a roving that goes on.
    /// Outcomes name `origin`. Ticks that were missed, as when the machine slept, are not made up.
    ///
    /// # Errors
    /// What the system says when the runtime can't begin; nothing has changed then.
    pub fn start(&self, origin: u32, interval: Duration) -> io::Result<Begun> {
        let runtime = runtime()?;
        let mut state = self.shared.state();
        self.shared.end_roving(&mut state);
        state.serial += 1;
        let serial = state.serial;
        let next = self.shared.schedule(runtime, serial, Instant::now() + interval);
        state.roving = Some(Roving {
            runtime,
            next,
            interval,
            serial,
            origin,
            pending: 0,
            gathering: Gathering::new(interval),
        });
        Ok(self.shared.begin(&mut state, Ok(runtime), origin))
    }

    /// Ends the roving. Answers with the number of its attempts that are pending: each of them still
    /// ends in an outcome that JavaScript gets, a rejection included.
    pub fn stop_roving(&self) -> usize {
        self.shared.end_roving(&mut self.shared.state())
    }

    /// Lets the roving go on under another origin. Answers as [`Rover::stop_roving`] does for the
    /// attempts under the one before.
    pub fn rename_roving(&self, origin: u32) -> usize {
        let mut state = self.shared.state();
        state.roving.as_mut().map_or(0, |roving| {
            // Somebody waits for these failures now. At the next tick they would come with an attempt
            // in flight once more, and a process that waits for all of them might never end.
            if roving.gathering.release() {
                self.shared.environment.outbox.flush();
            }
            roving.origin = origin;
            std::mem::take(&mut roving.pending)
        })
    }

    /// Ends the roving and gives up all that is pending: no outcome follows, connections are closed.
    pub fn stop(&self) {
        self.shared.stop();
    }

    /// What became of all attempts so far.
    pub fn stats(&self) -> Stats {
        self.shared.state().stats
    }
}

impl Drop for Rover {
    fn drop(&mut self) {
        self.shared.environment.dismiss(self.berth);
        self.shared.stop();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(
        self: &Arc<Self>,
        state: &mut State,
        runtime: io::Result<&'static Runtime>,
        origin: u32,
    ) -> Begun {
        let Some(registered) = state.servers.pick(|count| rand::random_range(0..count)) else {
            state.stats.begin();
            state.stats.settle(&Outcome::NoServers);
            return Begun::NoServers;
        };
        failpoints::hit(failpoints::Failpoint::Tick, &registered.server);
        if !self.has_room(state) {
            return Begun::Skipped;
        }
        state.enter(origin);
        if self.is_crowded(state) && state.gathering().is_some_and(Gathering::release) {
            self.environment.outbox.flush();
        }
        match runtime {
            Ok(runtime) => {
                let (ticket, epoch) = (state.in_flight.insert(Whereabouts::Sent), state.epoch);
                let errand = Errand { ticket, epoch, origin, registered };
                let shared = Arc::clone(self);
                if runtime.is_here() {
                    state.in_flight[ticket] =
                        Whereabouts::Connecting(shared.launch(runtime, errand));
                } else {
                    runtime.run(move || shared.spawn(runtime, errand));
                }
            }
            // Nothing can be tried without a thread to try it on: the server is not to blame.
            Err(error) => {
                let fault =
                    SyscallError::from_io("connect", &error, registered.server.peer.place());
                self.deliver(origin, Some(registered), Outcome::LocalFault(fault));
            }
        }
        Begun::InFlight
    }

    /// Whether another outcome may be pending; counts the attempt as skipped if not.
    fn has_room(&self, state: &mut State) -> bool {
        let has_room = state.stats.pending < self.max_pending as u64;
        if !has_room {
            state.stats.skip();
        }
        has_room
    }

    /// Whether so much is pending that nothing may be held back: the bound is not to be reached by that.
    fn is_crowded(&self, state: &State) -> bool {
        state.stats.pending > self.max_pending as u64 / 2
    }

    fn spawn(self: Arc<Self>, runtime: &'static Runtime, errand: Errand) {
        let (ticket, epoch) = (errand.ticket, errand.epoch);
        let task = Arc::clone(&self).launch(runtime, errand);
        self.note(ticket, epoch, Whereabouts::Connecting(task));
    }

    /// Notes where an attempt is, or ends it there where it was abandoned meanwhile. To be called on the rover's
    /// thread.
    fn note(&self, ticket: usize, epoch: u64, whereabouts: Whereabouts) {
        let mut state = self.state();
        if state.epoch == epoch {
            state.in_flight[ticket] = whereabouts;
        } else {
            drop(state);
            drop(whereabouts.abandon());
        }
    }

    /// Begins an attempt as a task. To be called where one may `tokio::spawn`.
    fn launch(self: Arc<Self>, runtime: &'static Runtime, errand: Errand) -> AbortHandle {
        let running = async move {
            let attempting = attempt(&errand.registered.server, &self.limits, &runtime.lookups);
            match AssertUnwindSafe(attempting).catch_unwind().await {
                Ok(Stage::Ended(outcome)) => self.finish(errand, outcome),
                Ok(Stage::Waiting(waiting)) => self.wait(runtime, errand, waiting),
                Err(panic) => self.finish(errand, internal(&*panic)),
            }
        };
        tokio::spawn(running).abort_handle()
    }

    /// Has an attempt wait for its slot line. To be called on the rover's thread.
    fn wait(self: Arc<Self>, runtime: &'static Runtime, errand: Errand, waiting: Waiting) {
        let (ticket, epoch) = (errand.ticket, errand.epoch);
        let shared = Arc::clone(&self);
        let done = move |waiting: Waiting, reply| {
            let concluding = AssertUnwindSafe(|| waiting.conclude(reply, &shared.limits));
            let outcome = catch_unwind(concluding).unwrap_or_else(|panic| internal(&*panic));
            shared.finish(errand, outcome);
        };
        if let Some(place) = runtime.slot_waiters.enter(waiting, Box::new(done)) {
            self.note(ticket, epoch, Whereabouts::SlotWaiters(&runtime.slot_waiters, place));
        }
    }

    fn finish(self: &Arc<Self>, errand: Errand, outcome: Outcome) {
        let Errand { ticket, epoch, origin, registered } = errand;
        let mut state = self.state();
        if state.epoch != epoch {
            drop(state);
            // Abandoned meanwhile: what it got is closed, and it is counted already.
            drop(outcome);
            return;
        }
        state.in_flight.remove(ticket);
        let is_roving = state.roving.as_ref().is_some_and(|roving| roving.origin == origin);
        if is_roving && matches!(outcome, Outcome::Rejected) {
            // Nobody waits for it, and most attempts of a balanced service end like this.
            state.leave(origin, &outcome);
            return;
        }
        let is_pressing = matches!(outcome, Outcome::Connection { .. }) || self.is_crowded(&state);
        let delivery = self.delivery(origin, Some(registered), outcome);
        let may_wait = is_roving && !is_pressing;
        if may_wait && state.gathering().is_some_and(Gathering::holds_back) {
            self.environment.outbox.push_deferred(delivery);
        } else {
            self.environment.outbox.push(delivery);
        }
    }

    /// Puts an outcome into the outbox. The caller holds the state, so that a `stop` finds the outcome
    /// either in flight or in the outbox.
    fn deliver(self: &Arc<Self>, origin: u32, server: Option<Arc<Registered>>, outcome: Outcome) {
        self.environment.outbox.push(self.delivery(origin, server, outcome));
    }

    fn delivery(
        self: &Arc<Self>,
        origin: u32,
        server: Option<Arc<Registered>>,
        outcome: Outcome,
    ) -> Delivery {
        Delivery { rover: Arc::clone(self), origin, server, outcome }
    }

    /// Has the roving with this serial tick at a time.
    fn schedule(
        self: &Arc<Self>,
        runtime: &'static Runtime,
        serial: u64,
        time: Instant,
    ) -> TimerKey {
        let shared = Arc::clone(self);
        runtime.timers.enter(time, move |due| {
            // A panic is to be told of.
            let ticking = AssertUnwindSafe(|| shared.tick(runtime, serial, due));
            if let Err(panic) = catch_unwind(ticking) {
                shared.report(serial, internal(&*panic));
            }
        })
    }

    fn tick(self: &Arc<Self>, runtime: &'static Runtime, serial: u64, due: Instant) {
        let mut state = self.state();
        let Some(roving) = state.roving(serial) else {
            return;
        };
        // Before anything that may go wrong.
        roving.next = self.schedule(runtime, serial, next_tick(due, roving.interval));
        let origin = roving.origin;
        if state.gathering().is_some_and(Gathering::is_due) {
            self.environment.outbox.flush();
        }
        if !state.servers.is_empty() {
            self.begin(&mut state, Ok(runtime), origin);
            return;
        }
        drop(state);
        self.report(serial, Outcome::NoServers);
    }

    /// Delivers the outcome of a tick that began no attempt.
    fn report(self: &Arc<Self>, serial: u64, outcome: Outcome) {
        let mut state = self.state();
        let Some(origin) = state.roving(serial).map(|roving| roving.origin) else {
            return;
        };
        if self.has_room(&mut state) {
            state.enter(origin);
            self.deliver(origin, None, outcome);
        }
    }

    /// Ends the roving. Answers with the number of its attempts that are pending.
    fn end_roving(&self, state: &mut State) -> usize {
        state.roving.take().map_or(0, |mut roving| {
            roving.runtime.timers.cancel(roving.next);
            if roving.gathering.release() {
                self.environment.outbox.flush();
            }
            roving.pending
        })
    }

    fn stop(self: &Arc<Self>) {
        let mut state = self.state();
        state.epoch += 1;
        self.end_roving(&mut state);
        let in_flight = std::mem::take(&mut state.in_flight);
        let waiters: Vec<Waiter> =
            in_flight.into_iter().filter_map(|(_, whereabouts)| whereabouts.abandon()).collect();
        self.environment.outbox.remove_if(|delivery| Arc::ptr_eq(&delivery.rover, self));
        state.stats.abandon();
        drop(state);
        if !waiters.is_empty()
            && let Ok(runtime) = runtime()
        {
            runtime.run(move || drop(waiters));
        }
    }
}

impl State {
    /// The roving with this serial, if it goes on.
    fn roving(&mut self, serial: u64) -> Option<&mut Roving> {
        self.roving.as_mut().filter(|roving| roving.serial == serial)
    }

    fn gathering(&mut self) -> Option<&mut Gathering> {
        self.roving.as_mut().map(|roving| &mut roving.gathering)
    }

    fn enter(&mut self, origin: u32) {
        self.stats.begin();
        if let Some(roving) = self.roving.as_mut().filter(|roving| roving.origin == origin) {
            roving.pending += 1;
        }
    }

    fn leave(&mut self, origin: u32, outcome: &Outcome) {
        self.stats.settle(outcome);
        if let Some(roving) = self.roving.as_mut().filter(|roving| roving.origin == origin) {
            roving.pending -= 1;
        }
    }
}

impl Whereabouts {
    /// Ends the attempt there. Answers with what is to be dropped by the rover's thread: to close connections
    /// takes long.
    fn abandon(self) -> Option<Waiter> {
        match self {
            // It knows by the epoch.
            Self::Sent => None,
            Self::Connecting(task) => {
                task.abort();
                None
            }
            Self::SlotWaiters(slot_waiters, place) => slot_waiters.dismiss(place),
        }
    }
}

impl Delivery {
    /// Counts the outcome as taken by JavaScript. A connection whose slot is no longer wanted becomes
    /// a rejection here.
    pub fn settle(self) -> Settled {
        let Self { rover, origin, server, mut outcome } = self;
        let mut state = rover.state();
        if let Outcome::Connection { slot, .. } = outcome
            && !rover.limits.max_slot.admits(slot)
        {
            outcome = Outcome::Rejected;
        }
        state.leave(origin, &outcome);
        drop(state);
        Settled { origin, server, outcome }
    }
}

/// When the tick after the one that was due is. One that is late, as when the machine slept, moves all that follow.
fn next_tick(due: Instant, interval: Duration) -> Instant {
    let now = Instant::now();
    if now > due + PUNCTUAL { now + interval } else { due + interval }
}

/// The outcome of an attempt that panicked.
fn internal(panic: &(dyn Any + Send)) -> Outcome {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let message = text.or_else(|| panic.downcast_ref::<String>().cloned());
    Outcome::Internal(message.unwrap_or_else(|| "panic".to_owned()))
}
