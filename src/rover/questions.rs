//! Questions: what an attempt has to ask JavaScript, while it is in flight. The table is empty and the app's object may
//! not be; a server is bad so far; a server has a `lookup` of the app's own.

use std::sync::Arc;

use tokio::time::Instant;

use super::delivery::Message;
use super::in_flight::{Asking, AttemptKey, Phase};
use super::{Shared, State};
use crate::attempt::outcome::{Outcome, Times};
use crate::net::endpoint::Endpoint;
use crate::net::error::{SyscallError, Target};
use crate::runtime::{Runtime, runtime};
use crate::servers::ServerKey;

impl Shared {
    /// Asks JavaScript for servers, where there are none to pick.
    pub(super) fn ask_for_servers(
        self: &Arc<Self>,
        state: &mut State,
        runtime: &'static Runtime,
        context: u32,
    ) {
        if let Some(key) = self.add_attempt(state, context) {
            // Its time begins when there is something to connect to.
            self.ask(state, runtime, key, None, Target::Host("".into()));
        }
    }

    /// Asks JavaScript what an attempt is to connect to, until the deadline.
    pub(super) fn ask(
        self: &Arc<Self>,
        state: &mut State,
        runtime: &'static Runtime,
        key: AttemptKey,
        deadline: Option<Instant>,
        target: Target,
    ) {
        let question = Some(self.tell(state, key, Message::Question));
        let timers: &'static _ = &*runtime.timers;
        let timer = deadline.map(|deadline| {
            let shared = Arc::clone(self);
            let key = timers.insert_at(deadline, move |_| {
                let error = SyscallError::timed_out("getaddrinfo", target);
                shared.settle(key, Outcome::Unreachable(error.into()), Times::default());
            });
            (timers, key)
        });
        if let Some(attempt) = state.in_flight.get_mut(key) {
            attempt.phase = Phase::Asking(Box::new(Asking { question, timer, deadline }));
        }
    }

    /// See [`super::Rover::resume`].
    pub(super) fn resume(self: &Arc<Self>, key: AttemptKey, server: Option<ServerKey>) {
        let mut state = self.state();
        let Some(mut deadline) = state.end_question(key) else { return };
        match server {
            // The same one, as it is now.
            Some(server) => state.refer(key, server),
            None => {
                deadline = self.connect_deadline();
                let server = state.pick();
                server.inspect(|server| self.choose(&mut state, key, *server));
            }
        }
        self.proceed(&mut state, runtime(), key, deadline);
    }

    /// See [`super::Rover::resume_at`].
    pub(super) fn resume_at(self: &Arc<Self>, key: AttemptKey, endpoint: Endpoint) {
        let mut state = self.state();
        let Some(deadline) = state.end_question(key) else { return };
        match runtime() {
            Ok(runtime) => self.dial(&mut state, runtime, key, Arc::new(endpoint), deadline),
            Err(error) => {
                let error = SyscallError::from_io("connect", &error, endpoint.target());
                drop(self.settle_locked(
                    &mut state,
                    key,
                    Outcome::Exhausted(error),
                    Times::default(),
                ));
            }
        }
    }

    /// See [`super::Rover::fail`].
    pub(super) fn fail(self: &Arc<Self>, key: AttemptKey, outcome: Outcome) -> bool {
        let is_asking = self.state().end_question(key).is_some();
        if is_asking {
            self.settle(key, outcome, Times::default());
        }
        is_asking
    }
}

impl State {
    /// Takes note that a question is answered. Returns the deadline of the attempt; `None` if it is not asking.
    fn end_question(&mut self, key: AttemptKey) -> Option<Option<Instant>> {
        let attempt = self.in_flight.get_mut(key)?;
        let Phase::Asking(asking) = &attempt.phase else { return None };
        asking.timer.inspect(|(timers, key)| timers.remove(*key));
        let deadline = asking.deadline;
        attempt.phase = Phase::Queued;
        Some(deadline)
    }
}
