//! Launch: from the server that was picked to the attempt on the rover's thread.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use futures_util::FutureExt;
use tokio::time::Instant;

use super::in_flight::{AttemptKey, Phase};
use super::{Shared, State, panic_outcome};
use crate::attempt::outcome::{Outcome, Times};
use crate::attempt::{Connected, Progress, attempt};
use crate::net::endpoint::Endpoint;
use crate::net::error::SyscallError;
use crate::runtime::Runtime;
use crate::servers::Server;

impl Shared {
    /// Goes on with the server that was chosen for an attempt, whose time began at `since`.
    pub(super) fn proceed(
        self: &Arc<Self>,
        state: &mut State,
        runtime: io::Result<&'static Runtime>,
        key: AttemptKey,
        since: Instant,
    ) {
        let Some(attempt) = state.in_flight.get_mut(key) else { return };
        match attempt.server.and_then(|server| state.servers.server(server)).cloned() {
            None => drop(self.settle_locked(state, key, Outcome::NoServers, Times::default())),
            Some(server) => self.try_server(state, runtime, key, server, since),
        }
    }

    /// Goes on with this server, whatever was chosen.
    pub(super) fn try_server(
        self: &Arc<Self>,
        state: &mut State,
        runtime: io::Result<&'static Runtime>,
        key: AttemptKey,
        server: Server,
        since: Instant,
    ) {
        match (server, runtime) {
            // Nothing can be tried without a thread to try it on: the server is not to blame.
            (server, Err(error)) => {
                let error = SyscallError::from_io("connect", &error, server.target());
                drop(self.settle_locked(state, key, Outcome::Exhausted(error), Times::default()));
            }
            (Server::Asked { .. }, Ok(_)) => self.ask(state, key),
            (Server::Known(endpoint), Ok(runtime)) => {
                self.dial(state, runtime, key, endpoint, since);
            }
        }
    }

    /// Has an attempt connect, on the rover's thread.
    fn dial(
        self: &Arc<Self>,
        state: &mut State,
        runtime: &'static Runtime,
        key: AttemptKey,
        endpoint: Arc<Endpoint>,
        since: Instant,
    ) {
        let shared = Arc::clone(self);
        if runtime.is_here() {
            let phase = shared.spawn(runtime, key, endpoint, since);
            if let Some(attempt) = state.in_flight.get_mut(key) {
                attempt.phase = phase;
            }
        } else {
            runtime.run(move || {
                // Abandoned meanwhile, it must not reach the server.
                if shared.state().in_flight.get_mut(key).is_some() {
                    let phase = Arc::clone(&shared).spawn(runtime, key, endpoint, since);
                    shared.enter(key, phase);
                }
            });
        }
    }

    /// Notes the phase of an attempt, or ends it there where it was abandoned meanwhile. Called on the rover's thread.
    fn enter(&self, key: AttemptKey, phase: Phase) {
        let mut state = self.state();
        match state.in_flight.get_mut(key) {
            Some(attempt) => attempt.phase = phase,
            None => {
                drop(state);
                drop(phase.abandon());
            }
        }
    }

    /// Connects in a task. Called where `tokio::spawn` works.
    fn spawn(
        self: Arc<Self>,
        runtime: &'static Runtime,
        key: AttemptKey,
        endpoint: Arc<Endpoint>,
        since: Instant,
    ) -> Phase {
        let running = async move {
            let policy = self.environment.policy();
            let trying = attempt(&endpoint, policy, &self.options.limits, &runtime.lookups, since);
            match AssertUnwindSafe(trying).catch_unwind().await {
                Ok(Progress::Ended(outcome, times)) => self.settle(key, outcome, times),
                Ok(Progress::Connected(connected)) => self.await_slot(runtime, key, connected),
                Err(panic) => self.settle(key, panic_outcome(&*panic), Times::default()),
            }
        };
        Phase::Connecting(tokio::spawn(running).abort_handle())
    }

    /// Has a connected attempt wait for its slot line. Called on the rover's thread.
    fn await_slot(
        self: Arc<Self>,
        runtime: &'static Runtime,
        key: AttemptKey,
        connected: Connected,
    ) {
        let shared = Arc::clone(&self);
        let done = move |connected: Connected, reply| {
            let concluding = AssertUnwindSafe(|| connected.conclude(reply, &shared.options.limits));
            let (outcome, times) = catch_unwind(concluding)
                .unwrap_or_else(|panic| (panic_outcome(&*panic), Times::default()));
            shared.settle(key, outcome, times);
        };
        let slot_waiters: &'static _ = &*runtime.slot_waiters;
        let deadline = self.options.limits.slot_timeout.map(|timeout| connected.since() + timeout);
        let waiter = runtime.slot_waiters.register(connected, deadline, Box::new(done));
        if let Some(waiter) = waiter {
            self.enter(key, Phase::AwaitingSlot(slot_waiters, waiter));
        }
    }
}
