//! Questions: what an attempt has to ask JavaScript, while it is in flight. The table is empty and the app's object may
//! not be; a server is bad so far; a server has a `lookup` of the app's own; a server is a named pipe of Windows, which
//! JavaScript dials.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::delivery::Message;
use super::in_flight::{Asking, AttemptKey, Phase};
use super::{Shared, State};
use crate::attempt::handshake::{HandshakeError, judge};
use crate::attempt::outcome::{Outcome, Times};
use crate::net::endpoint::Endpoint;
use crate::net::error::{SyscallError, Target};
use crate::runtime::timer_queue::{TimerKey, TimerQueue};
use crate::runtime::{Runtime, runtime};
use crate::servers::{Server, ServerKey};

impl Shared {
    /// Asks JavaScript for servers, where there are none to pick.
    pub(super) fn ask_for_servers(self: &Arc<Self>, state: &mut State, context: u32) {
        if let Some(key) = self.add_attempt(state, context) {
            self.ask(state, key);
        }
    }

    /// Asks JavaScript what an attempt is to connect to.
    pub(super) fn ask(self: &Arc<Self>, state: &mut State, key: AttemptKey) {
        let question = Some(self.tell(state, key, Message::Question));
        if let Some(attempt) = state.in_flight.get_mut(key) {
            let asking = Asking { question, timer: None, since: Instant::now(), connected: None };
            attempt.phase = Phase::Asking(Box::new(asking));
        }
    }

    /// JavaScript takes a question: the time of its attempt begins. It did not have its turn before, as where the
    /// thread was blocked, and the server is not to blame for that. Where there is no server yet there is no limit.
    pub(super) fn begin_asking(self: &Arc<Self>, state: &mut State, key: AttemptKey) {
        let target = state.target(key);
        let Some(attempt) = state.in_flight.get_mut(key) else { return };
        let Phase::Asking(asking) = &mut attempt.phase else { return };
        asking.question = None;
        asking.since = Instant::now();
        let (Some(target), Some(limit)) = (target, self.options.limits.connect_timeout) else {
            return;
        };
        let Ok(runtime) = runtime() else { return };
        let syscall = match &target {
            Target::Path(_) => "connect",
            _ => "getaddrinfo",
        };
        let deadline = asking.since + limit;
        asking.timer =
            Some(self.time_out(runtime, key, deadline, syscall, target, Times::default()));
    }

    /// Has an attempt end as unreachable at the deadline.
    fn time_out(
        self: &Arc<Self>,
        runtime: &'static Runtime,
        key: AttemptKey,
        deadline: Instant,
        syscall: &'static str,
        target: Target,
        times: Times,
    ) -> (&'static TimerQueue, TimerKey) {
        let timers: &'static _ = &*runtime.timers;
        let shared = Arc::clone(self);
        let on_timeout = move |_| {
            let error = SyscallError::timed_out(syscall, target);
            shared.settle(key, Outcome::Unreachable(error.into()), times);
        };
        (timers, timers.insert_at(deadline, on_timeout))
    }

    /// Answers a question: the attempt goes on with `server`, or with one that is picked now.
    pub fn resume(self: &Arc<Self>, key: AttemptKey, server: Option<ServerKey>) {
        let mut state = self.state();
        let Some(mut since) = state.end_question(key) else { return };
        match server {
            // The same one, as it is now.
            Some(server) => state.refer(key, server),
            None => {
                since = Instant::now();
                let server = state.pick();
                server.inspect(|server| self.choose(&mut state, key, *server));
            }
        }
        self.proceed(&mut state, runtime(), key, since);
    }

    /// Answers a question: the attempt goes on at `endpoint`.
    pub fn resume_at(self: &Arc<Self>, key: AttemptKey, endpoint: Endpoint) {
        let mut state = self.state();
        let Some(since) = state.end_question(key) else { return };
        let server = Server::Known(Arc::new(endpoint));
        self.try_server(&mut state, runtime(), key, server, since);
    }

    /// Answers a question: the attempt ends in `outcome`. Returns whether it was asking.
    pub fn fail(self: &Arc<Self>, key: AttemptKey, outcome: Outcome) -> bool {
        let is_asking = self.state().end_question(key).is_some();
        if is_asking {
            self.settle(key, outcome, Times::default());
        }
        is_asking
    }
}

/// What JavaScript has to do with a connection that it has dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reception {
    /// Read on: the slot line is not complete.
    More,
    /// Keep it until the outcome is delivered.
    Slot,
    /// Close it.
    Over,
}

impl Shared {
    /// JavaScript, which was asked, has dialled and is connected: the slot deadline counts from now on.
    pub fn connected(self: &Arc<Self>, key: AttemptKey) {
        let mut state = self.state();
        let (Some(target), Ok(runtime)) = (state.target(key), runtime()) else { return };
        let Some(attempt) = state.in_flight.get_mut(key) else { return };
        let Phase::Asking(asking) = &mut attempt.phase else { return };
        let (now, connect_time) = (Instant::now(), asking.since.elapsed());
        let times = Times { connect: Some(connect_time), slot: None };
        let deadline = self.options.limits.slot_timeout.map(|limit| now + limit);
        let timer =
            deadline.map(|deadline| self.time_out(runtime, key, deadline, "read", target, times));
        asking.connected = Some((connect_time, now));
        let before = std::mem::replace(&mut asking.timer, timer);
        before.inspect(|(timers, key)| timers.remove(*key));
    }

    /// JavaScript has received `line` in all on a connection that it has dialled, at most
    /// [`MAX_LINE`](crate::attempt::slot::MAX_LINE) bytes, and perhaps its end. Ends the attempt where that decides it.
    pub fn receive(self: &Arc<Self>, key: AttemptKey, line: &[u8], has_ended: bool) -> Reception {
        let max_slot = &self.options.limits.max_slot;
        let ControlFlow::Break(reply) = judge(line, has_ended) else { return Reception::More };
        let outcome = match reply {
            Ok(slot) if max_slot.admits(slot) => Outcome::Connection { slot, socket: None },
            Ok(slot) => Outcome::Rejected { slot },
            Err(HandshakeError::Protocol(received)) => Outcome::Protocol(received),
            // Where it broke, JavaScript fails the attempt.
            Err(HandshakeError::Closed | HandshakeError::Broken(_)) => Outcome::Closed,
        };
        let mut state = self.state();
        let connected = state.connected_at(key);
        if state.end_question(key).is_none() {
            return Reception::Over;
        }
        let is_slot = matches!(outcome, Outcome::Connection { .. });
        let has_line = is_slot || matches!(outcome, Outcome::Rejected { .. });
        let times = Times {
            connect: connected.map(|(connect_time, _)| connect_time),
            slot: connected.filter(|_| has_line).map(|(_, since)| since.elapsed()),
        };
        drop(self.settle_locked(&mut state, key, outcome, times));
        if is_slot { Reception::Slot } else { Reception::Over }
    }
}

impl State {
    /// What a system call about the server of an attempt would be about.
    fn target(&mut self, key: AttemptKey) -> Option<Target> {
        let server = self.in_flight.get_mut(key)?.server?;
        self.servers.server(server).map(Server::target)
    }

    fn connected_at(&mut self, key: AttemptKey) -> Option<(Duration, Instant)> {
        match &self.in_flight.get_mut(key)?.phase {
            Phase::Asking(asking) => asking.connected,
            _ => None,
        }
    }

    /// Takes note that a question is answered. Returns since when JavaScript had it; `None` if it is not asked.
    fn end_question(&mut self, key: AttemptKey) -> Option<Instant> {
        let attempt = self.in_flight.get_mut(key)?;
        let Phase::Asking(asking) = &attempt.phase else { return None };
        asking.timer.inspect(|(timers, key)| timers.remove(*key));
        let since = asking.since;
        attempt.phase = Phase::Queued;
        Some(since)
    }
}
