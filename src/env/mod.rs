//! The environment: all rovers of one JavaScript environment, with the outbox and the shutdown they share.

pub mod handoff;
pub mod outbox;

use std::sync::{Mutex, MutexGuard, PoisonError};

use slab::Slab;

use crate::env::outbox::Outbox;

type Stop = Box<dyn Fn() + Send>;

/// All rovers of one JavaScript environment.
pub struct Environment<T> {
    /// Where their outcomes wait.
    pub outbox: Outbox<T>,
    stops: Mutex<Slab<Stop>>,
}

impl<T> Environment<T> {
    /// A environment without rovers.
    pub fn new(outbox: Outbox<T>) -> Self {
        Self { outbox, stops: Mutex::default() }
    }

    /// Adds a rover, known by what stops it. `stop` must not hold the rover. Answers with its berth.
    pub fn enlist(&self, stop: impl Fn() + Send + 'static) -> usize {
        self.stops().insert(Box::new(stop))
    }

    /// Removes the rover of a berth.
    pub fn dismiss(&self, berth: usize) {
        let stop = self.stops().try_remove(berth);
        drop(stop);
    }

    /// Stops all rovers and drops what waits for JavaScript; once and for all, but harmless again.
    pub fn shut_down(&self) {
        let stops = std::mem::take(&mut *self.stops());
        stops.iter().for_each(|(_, stop)| stop());
        self.outbox.close();
    }

    fn stops(&self) -> MutexGuard<'_, Slab<Stop>> {
        self.stops.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
