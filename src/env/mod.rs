//! The environment: what all rovers of one JavaScript environment share. Knows neither napi nor what is delivered.

pub mod handoff;
pub mod outbox;

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use slab::Slab;

use crate::net::endpoint::AddressPolicy;
use outbox::Outbox;

type Stop = Box<dyn Fn() + Send>;

/// What all rovers of one JavaScript environment share.
pub struct Environment<T> {
    /// Where their outcomes wait for the JavaScript thread.
    pub outbox: Outbox<T>,
    observed: AtomicU8,
    policy: Mutex<AddressPolicy>,
    stops: Mutex<Slab<Stop>>,
}

/// What somebody may subscribe to besides outcomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Observable {
    /// Every attempt, as it is made.
    Attempts = 1,
    /// Every slot above `MAX_SLOT`.
    Rejections = 2,
}

impl<T> Environment<T> {
    /// Creates an environment without rovers.
    pub fn new(outbox: Outbox<T>) -> Self {
        Self {
            outbox,
            observed: AtomicU8::new(0),
            policy: Mutex::default(),
            stops: Mutex::default(),
        }
    }

    /// Registers a rover's stop callback and returns its key. The callback must capture the rover weakly, or it
    /// is never freed.
    pub fn register(&self, stop: impl Fn() + Send + 'static) -> usize {
        self.stops().insert(Box::new(stop))
    }

    /// Removes the stop callback of a key.
    pub fn unregister(&self, key: usize) {
        let stop = self.stops().try_remove(key);
        drop(stop);
    }

    /// Whether somebody subscribes to it.
    pub fn is_observed(&self, observable: Observable) -> bool {
        self.observed.load(Ordering::Relaxed) & observable as u8 != 0
    }

    /// Sets what is subscribed to: the sum of [`Observable`]s.
    pub fn observe(&self, observables: u8) {
        self.observed.store(observables, Ordering::Relaxed);
    }

    /// Which addresses of a name are tried where the server does not say it.
    pub fn policy(&self) -> AddressPolicy {
        *self.policy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets which addresses of a name are tried, for attempts that are made from now on.
    pub fn set_policy(&self, policy: AddressPolicy) {
        *self.policy.lock().unwrap_or_else(PoisonError::into_inner) = policy;
    }

    /// Stops all rovers and drops what waits for JavaScript. For good; calling it again does nothing.
    pub fn shut_down(&self) {
        let stops = std::mem::take(&mut *self.stops());
        stops.iter().for_each(|(_, stop)| stop());
        self.outbox.close();
    }

    fn stops(&self) -> MutexGuard<'_, Slab<Stop>> {
        self.stops.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
