//! What is in flight: one record for each attempt, from when it is admitted until JavaScript takes its outcome. Their
//! number is the one count of what is pending.

use std::time::Duration;

use slab::Slab;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::env::outbox::Ticket;
use crate::runtime::slot_waiters::{SlotWaiters, Waiter};
use crate::runtime::timer_queue::{TimerKey, TimerQueue};
use crate::servers::ServerKey;

/// The attempts of a rover that are pending.
#[derive(Default)]
pub struct InFlight {
    attempts: Slab<Attempt>,
    generation: u64,
}

/// One attempt.
pub struct Attempt {
    /// Which of the attempts that had this index it is.
    pub generation: u64,
    /// The call that asked for it.
    pub context: u32,
    /// The server that was picked; `None` while there is none to pick.
    pub server: Option<ServerKey>,
    /// Where it is.
    pub phase: Phase,
}

/// Where an attempt is.
pub enum Phase {
    /// On its way to the rover's thread.
    Queued,
    /// JavaScript is asked what to connect to. Boxed: it is rare, and large.
    Asking(Box<Asking>),
    /// It is a task there, which connects.
    Connecting(AbortHandle),
    /// Connected; it waits for its slot line under this key.
    AwaitingSlot(&'static SlotWaiters, usize),
    /// It has ended, and its outcome waits for JavaScript.
    Settled(Ticket),
}

/// What an attempt knows while JavaScript is asked.
pub struct Asking {
    /// The question, unless JavaScript has taken it.
    pub question: Option<Ticket>,
    /// Ends it at the deadline, once JavaScript has taken the question.
    pub timer: Option<(&'static TimerQueue, TimerKey)>,
    /// Since when JavaScript has the question; before that, since when it waits.
    pub since: Instant,
    /// Where JavaScript has dialled: how long that took, and since when it waits for the slot line.
    pub connected: Option<(Duration, Instant)>,
}

/// Names an attempt; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptKey {
    /// The index of its record.
    pub index: u32,
    /// Which of the attempts that had this index it is.
    pub generation: u64,
}

/// What is left of an abandoned attempt.
#[derive(Default)]
pub struct Remains {
    /// What waits in the outbox for it.
    pub ticket: Option<Ticket>,
    /// A connection. Drop it on the rover's thread: closing takes long.
    pub waiter: Option<Waiter>,
}

impl InFlight {
    /// How many attempts are pending.
    pub fn len(&self) -> usize {
        self.attempts.len()
    }

    /// Adds the record of an attempt.
    pub fn insert(&mut self, context: u32) -> AttemptKey {
        self.generation += 1;
        let generation = self.generation;
        let attempt = Attempt { generation, context, server: None, phase: Phase::Queued };
        AttemptKey { index: self.attempts.insert(attempt) as u32, generation }
    }

    /// The record of an attempt, if it is still pending.
    pub fn get_mut(&mut self, key: AttemptKey) -> Option<&mut Attempt> {
        let attempt = self.attempts.get_mut(key.index as usize)?;
        (attempt.generation == key.generation).then_some(attempt)
    }

    /// Removes the record of an attempt, if it is still pending.
    pub fn remove(&mut self, key: AttemptKey) -> Option<Attempt> {
        self.get_mut(key)?;
        self.attempts.try_remove(key.index as usize)
    }

    /// Removes all records.
    pub fn drain(&mut self) -> impl Iterator<Item = Attempt> {
        std::mem::take(&mut self.attempts).into_iter().map(|(_, attempt)| attempt)
    }

    /// Removes the records of a context.
    pub fn remove_all_of(&mut self, context: u32) -> Vec<Attempt> {
        let of_context = self.attempts.iter().filter(|(_, attempt)| attempt.context == context);
        let indices: Vec<usize> = of_context.map(|(index, _)| index).collect();
        indices.into_iter().map(|index| self.attempts.remove(index)).collect()
    }

    /// How many attempts of a context are pending.
    pub fn count(&self, context: u32) -> usize {
        self.attempts.iter().filter(|(_, attempt)| attempt.context == context).count()
    }
}

impl Phase {
    /// Ends an attempt wherever it is, and returns what is left of it.
    pub fn abandon(self) -> Remains {
        match self {
            // The rover's thread will find no record of it.
            Self::Queued => Remains::default(),
            Self::Asking(asking) => {
                asking.timer.inspect(|(timers, key)| timers.remove(*key));
                Remains { ticket: asking.question, waiter: None }
            }
            Self::Connecting(task) => {
                task.abort();
                Remains::default()
            }
            Self::AwaitingSlot(slot_waiters, key) => {
                Remains { ticket: None, waiter: slot_waiters.cancel(key) }
            }
            Self::Settled(ticket) => Remains { ticket: Some(ticket), waiter: None },
        }
    }
}
