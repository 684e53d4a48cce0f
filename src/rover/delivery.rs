//! Delivery: how every attempt ends, and how that gets to JavaScript.

use std::sync::Arc;

use super::in_flight::{AttemptKey, Phase};
use super::{Shared, State};
use crate::attempt::outcome::{Outcome, Times};
use crate::env::Observable;
use crate::servers::{Change, ServerKey};

/// What waits for JavaScript in the outbox.
pub struct Delivery {
    rover: Arc<Shared>,
    key: AttemptKey,
    message: Message,
}

/// What JavaScript is told of an attempt.
#[derive(Debug)]
pub enum Message {
    /// It was made; only where somebody subscribes.
    Made,
    /// What to connect to? `resume`, `resume_at` or `fail` must follow.
    Question,
    /// It has ended.
    Outcome(Outcome),
}

/// What JavaScript has taken.
#[derive(Debug)]
pub struct Taken {
    /// The attempt.
    pub key: AttemptKey,
    /// The call that asked for it.
    pub context: u32,
    /// The server; `None` where there was none to pick.
    pub server: Option<ServerKey>,
    /// What is told.
    pub message: Message,
    /// How the state of the server changes with it.
    pub change: Option<Change>,
}

impl Shared {
    /// Ends an attempt, unless it was abandoned: then what it got is closed.
    pub(super) fn settle(self: &Arc<Self>, key: AttemptKey, outcome: Outcome, times: Times) {
        let mut state = self.state();
        let abandoned = self.settle_locked(&mut state, key, outcome, times);
        drop(state);
        drop(abandoned);
    }

    /// The same for a caller who holds the state. Every outcome passes here. Returns that of an attempt that was
    /// abandoned, to be dropped.
    pub(super) fn settle_locked(
        self: &Arc<Self>,
        state: &mut State,
        key: AttemptKey,
        outcome: Outcome,
        times: Times,
    ) -> Option<Outcome> {
        let Some(attempt) = state.in_flight.get_mut(key) else { return Some(outcome) };
        let (context, server) = (attempt.context, attempt.server);
        let may_be_up = server.is_some_and(|server| state.servers.observe(server, &outcome, times));
        self.adapt_pace(state, context, &outcome);
        if !may_be_up && self.is_silent(state, context, &outcome) {
            state.finish(key, &outcome);
            return None;
        }
        let ticket = self.tell(state, key, Message::Outcome(outcome));
        if let Some(attempt) = state.in_flight.get_mut(key) {
            attempt.phase = Phase::Settled(ticket);
        }
        None
    }

    /// Whether nobody wants to know: most attempts of a balanced service end like this, and must not wake
    /// JavaScript.
    fn is_silent(&self, state: &State, context: u32, outcome: &Outcome) -> bool {
        let is_roving = state.roving.as_ref().is_some_and(|roving| roving.context == context);
        matches!(outcome, Outcome::Rejected { .. })
            && is_roving
            && !self.environment.is_observed(Observable::Rejections)
            // Whoever was told of the attempt finds its record until then.
            && !self.environment.is_observed(Observable::Attempts)
    }

    /// Puts a message about an attempt into the outbox. The caller holds the state, so that a `stop` finds the
    /// attempt either before or behind it.
    pub(super) fn tell(
        self: &Arc<Self>,
        state: &mut State,
        key: AttemptKey,
        message: Message,
    ) -> crate::env::outbox::Ticket {
        if let Some(attempt) = state.in_flight.get_mut(key) {
            let context = attempt.context;
            state.count_undelivered(context, 1);
        }
        self.environment.outbox.push(Delivery { rover: Arc::clone(self), key, message })
    }
}

impl State {
    /// Removes the record of an attempt that has ended, and counts its outcome.
    fn finish(&mut self, key: AttemptKey, outcome: &Outcome) {
        if let Some(attempt) = self.in_flight.remove(key) {
            self.stats.tally.count(outcome);
            attempt.server.inspect(|server| self.servers.release(*server, Some(outcome)));
        }
    }

    pub(super) fn count_undelivered(&mut self, context: u32, change: i32) {
        if let Some(roving) = self.roving.as_mut().filter(|roving| roving.context == context) {
            roving.undelivered = roving.undelivered.saturating_add_signed(change);
        }
    }
}

impl Delivery {
    /// Counts an outcome as taken by JavaScript. A connection whose slot is no longer wanted becomes a rejection
    /// here. `None` where there is nothing to tell any more.
    pub fn take(self) -> Option<Taken> {
        let Self { rover, key, mut message } = self;
        let mut state = rover.state();
        // Abandoned meanwhile, its context may be that of another call by now.
        let attempt = state.in_flight.get_mut(key)?;
        let (context, server) = (attempt.context, attempt.server);
        state.count_undelivered(context, -1);
        let mut change = None;
        match &mut message {
            Message::Made => {}
            Message::Question => rover.begin_asking(&mut state, key),
            Message::Outcome(outcome) => {
                if let Outcome::Connection { slot, .. } = *outcome
                    && !rover.options.limits.max_slot.admits(slot)
                {
                    *outcome = Outcome::Rejected { slot };
                }
                change = server.and_then(|server| state.servers.tell(server, outcome));
                state.finish(key, outcome);
            }
        }
        drop(state);
        Some(Taken { key, context, server, message, change })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::attempt::{Limits, MaxSlot};
    use crate::env::Environment;
    use crate::env::outbox::Outbox;
    use crate::net::error::Target;
    use crate::rover::{Options, Rover};
    use crate::servers::Server;

    const NEVER: Duration = Duration::from_secs(3600);

    #[test]
    fn counts_no_message_of_an_abandoned_attempt_against_the_next_roving_of_its_context() {
        let environment = Arc::new(Environment::new(Outbox::new(|| {})));
        environment.observe(Observable::Attempts as u8);
        let max_slot = MaxSlot::new(f64::INFINITY);
        let limits = Limits { connect_timeout: None, slot_timeout: None, max_slot };
        let options = Options { limits, max_pending: 9, max_interval: NEVER, jitter: 0.0 };
        let rover = Rover::new(&environment, options);
        rover.add_server(Server::Asked { target: Target::Host("slots.test".into()) });
        let undelivered = || rover.state().roving.as_ref().map(|roving| roving.undelivered);

        let context = 7;
        rover.start(context, NEVER).expect("a runtime");
        rover.stop();
        rover.start(context, NEVER).expect("a runtime");
        assert_eq!(undelivered(), Some(2));
        // That the first attempt was made: `stop` could not take it back, as it did the question.
        let stale = environment.outbox.take().expect("a message");
        assert!(stale.take().is_none());
        assert_eq!(undelivered(), Some(2));
        for left in [1, 0] {
            let taken = environment.outbox.take().and_then(Delivery::take).expect("a message");
            assert_eq!((taken.context, undelivered()), (context, Some(left)));
        }
        assert!(environment.outbox.take().is_none());
    }
}
