//! The outbox: what waits until the JavaScript thread takes it.
//!
//! It owns what is in it, descriptors included, so that nothing is lost when the JavaScript side goes
//! away: a threadsafe function drops its payload on the floor then. The wake-up carries no payload.
//!
//! There is one wake-up for each item, since JavaScript runs microtasks and `nextTick` callbacks
//! between two wake-ups, and listeners rely on that between two events. An item may wait for its wake-up
//! until others have come, for it is cheaper to wake a thread once. Wake-ups of items that were
//! withdrawn serve later ones, so there are never more wake-ups than the most items that waited.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Items of a kind that wait for the JavaScript thread. Who puts them in bounds their number.
pub struct Outbox<T> {
    queue: Mutex<Queue<T>>,
    wake: Box<dyn Fn() + Send + Sync>,
}

struct Queue<T> {
    items: VecDeque<T>,
    wakes: usize,
    closed: bool,
}

impl<T> Outbox<T> {
    /// An outbox that calls `wake` from any thread to have [`Outbox::take`] called once, soon.
    pub fn new(wake: impl Fn() + Send + Sync + 'static) -> Self {
        let queue = Queue { items: VecDeque::new(), wakes: 0, closed: false };
        Self { queue: Mutex::new(queue), wake: Box::new(wake) }
    }

    /// Puts an item in. A closed outbox drops it.
    pub fn push(&self, item: T) {
        self.push_deferred(item);
        self.flush();
    }

    /// Puts an item in that is to be taken with a later one, or after [`Outbox::flush`]. A closed
    /// outbox drops it.
    pub fn push_deferred(&self, item: T) {
        let mut queue = self.queue();
        if queue.closed {
            drop(queue);
            drop(item);
            return;
        }
        queue.items.push_back(item);
    }

    /// Has all items taken that were put in quietly.
    pub fn flush(&self) {
        let mut queue = self.queue();
        let missing = queue.items.len().saturating_sub(queue.wakes);
        queue.wakes += missing;
        drop(queue);
        (0..missing).for_each(|_| (self.wake)());
    }

    /// Takes the oldest item out; to be called once for each wake-up. `None` when it was withdrawn.
    pub fn take(&self) -> Option<T> {
        let mut queue = self.queue();
        queue.wakes = queue.wakes.saturating_sub(1);
        queue.items.pop_front()
    }

    /// Withdraws the items that `unwanted` holds for, and says how many they were.
    pub fn remove_if(&self, mut unwanted: impl FnMut(&T) -> bool) -> usize {
        let mut queue = self.queue();
        let (withdrawn, kept) = queue.items.drain(..).partition::<VecDeque<T>, _>(&mut unwanted);
        queue.items = kept;
        drop(queue);
        withdrawn.len()
    }

    /// Drops all items, and all that come later.
    pub fn close(&self) {
        let mut queue = self.queue();
        queue.closed = true;
        let items = std::mem::take(&mut queue.items);
        drop(queue);
        drop(items);
    }

    fn queue(&self) -> MutexGuard<'_, Queue<T>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn outbox<T>() -> (Outbox<T>, Arc<AtomicUsize>) {
        let wakes = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&wakes);
        let outbox = Outbox::new(move || {
            counter.fetch_add(1, Ordering::SeqCst);
        });
        (outbox, wakes)
    }

    #[test]
    fn gives_items_out_in_order_with_a_wake_up_for_each() {
        let (outbox, wakes) = outbox();
        outbox.push(1);
        outbox.push(2);
        assert_eq!(wakes.load(Ordering::SeqCst), 2);
        assert_eq!((outbox.take(), outbox.take(), outbox.take()), (Some(1), Some(2), None));
    }

    #[test]
    fn announces_what_was_put_in_quietly_on_demand_or_with_the_next_item() {
        let (outbox, wakes) = outbox();
        outbox.push_deferred(1);
        outbox.push_deferred(2);
        assert_eq!(wakes.load(Ordering::SeqCst), 0);
        outbox.flush();
        outbox.flush();
        assert_eq!(wakes.load(Ordering::SeqCst), 2);
        outbox.push_deferred(3);
        outbox.push(4);
        assert_eq!(wakes.load(Ordering::SeqCst), 4);
        assert_eq!([outbox.take(), outbox.take(), outbox.take()], [Some(1), Some(2), Some(3)]);
    }

    #[test]
    fn lets_the_wake_up_of_a_withdrawn_item_serve_a_later_one() {
        let (outbox, wakes) = outbox();
        for round in 0..100 {
            outbox.push(round);
            assert_eq!(outbox.remove_if(|item| *item == round), 1);
        }
        outbox.push(100);
        assert_eq!(wakes.load(Ordering::SeqCst), 1);
        assert_eq!(outbox.take(), Some(100));
    }

    #[test]
    fn withdraws_only_what_is_unwanted_and_keeps_the_order() {
        let (outbox, _) = outbox();
        (0..6).for_each(|item| outbox.push(item));
        assert_eq!(outbox.remove_if(|item| item % 2 == 0), 3);
        assert_eq!((outbox.take(), outbox.take(), outbox.take()), (Some(1), Some(3), Some(5)));
    }

    #[test]
    fn drops_what_it_holds_and_what_comes_when_it_is_closed() {
        let (outbox, wakes) = outbox();
        let item = Arc::new(());
        outbox.push(Arc::clone(&item));
        outbox.close();
        outbox.push(Arc::clone(&item));
        assert_eq!(Arc::strong_count(&item), 1);
        assert_eq!(wakes.load(Ordering::SeqCst), 1);
        assert!(outbox.take().is_none());
    }
}
