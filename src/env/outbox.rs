//! The outbox: what waits until the JavaScript thread takes it.
//!
//! It owns what is in it, descriptors included, so that nothing is lost when the JavaScript side goes away: a
//! threadsafe function drops its payload without freeing it then. The wake-up carries no payload.
//!
//! There is one wake-up for each item, since JavaScript runs microtasks and `nextTick` callbacks between two
//! wake-ups, and listeners rely on that between two events. Wake-ups of items that were removed serve later ones, so
//! there are never more wake-ups than the most items that waited.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Items that wait for the JavaScript thread, oldest first. Whoever pushes them bounds their number.
pub struct Outbox<T> {
    queue: Mutex<Queue<T>>,
    wake: Box<dyn Fn() + Send + Sync>,
}

/// Names an item as long as it waits. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(u64);

struct Queue<T> {
    // A map, and not a deque: items leave from the middle, and must leave no hole that stays.
    items: BTreeMap<Ticket, T>,
    last: Ticket,
    wakes: usize,
    is_closed: bool,
}

impl<T> Outbox<T> {
    /// Creates an outbox that calls `wake`, from any thread, to have [`Outbox::take`] called once, soon.
    pub fn new(wake: impl Fn() + Send + Sync + 'static) -> Self {
        let queue = Queue { items: BTreeMap::new(), last: Ticket(0), wakes: 0, is_closed: false };
        Self { queue: Mutex::new(queue), wake: Box::new(wake) }
    }

    /// Adds an item and wakes the JavaScript thread. A closed outbox drops it.
    pub fn push(&self, item: T) -> Ticket {
        let mut queue = self.queue();
        queue.last.0 += 1;
        let ticket = queue.last;
        if queue.is_closed {
            drop(queue);
            drop(item);
            return ticket;
        }
        queue.items.insert(ticket, item);
        let is_missing = queue.items.len() > queue.wakes;
        queue.wakes += usize::from(is_missing);
        drop(queue);
        if is_missing {
            (self.wake)();
        }
        ticket
    }

    /// Takes the oldest item; called once for each wake-up. `None` if it was removed.
    pub fn take(&self) -> Option<T> {
        let mut queue = self.queue();
        queue.wakes = queue.wakes.saturating_sub(1);
        queue.items.pop_first().map(|(_, item)| item)
    }

    /// Removes an item, unless it was taken.
    pub fn remove(&self, ticket: Ticket) -> Option<T> {
        self.queue().items.remove(&ticket)
    }

    /// Wakes the JavaScript thread for every item: for when there is a new way to do so.
    pub fn rewake(&self) {
        let mut queue = self.queue();
        queue.wakes = queue.items.len();
        let count = queue.wakes;
        drop(queue);
        (0..count).for_each(|_| (self.wake)());
    }

    /// Drops all items, and all that come later.
    pub fn close(&self) {
        let mut queue = self.queue();
        queue.is_closed = true;
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
    fn lets_the_wake_up_of_a_removed_item_serve_a_later_one() {
        let (outbox, wakes) = outbox();
        for round in 0..100 {
            let ticket = outbox.push(round);
            assert_eq!(outbox.remove(ticket), Some(round));
        }
        outbox.push(100);
        assert_eq!(wakes.load(Ordering::SeqCst), 1);
        assert_eq!(outbox.take(), Some(100));
    }

    #[test]
    fn removes_an_item_from_the_middle_once_and_keeps_the_order() {
        let (outbox, _) = outbox();
        let tickets: Vec<_> = (0..3).map(|item| outbox.push(item)).collect();
        assert_eq!(outbox.remove(tickets[1]), Some(1));
        assert_eq!(outbox.remove(tickets[1]), None);
        assert_eq!((outbox.take(), outbox.take(), outbox.take()), (Some(0), Some(2), None));
        assert_eq!(outbox.remove(tickets[2]), None);
    }

    #[test]
    fn wakes_again_for_what_waits() {
        let (outbox, wakes) = outbox();
        outbox.push(1);
        outbox.push(2);
        outbox.rewake();
        assert_eq!(wakes.load(Ordering::SeqCst), 4);
        assert_eq!((outbox.take(), outbox.take(), outbox.take()), (Some(1), Some(2), None));
        outbox.push(3);
        assert_eq!(wakes.load(Ordering::SeqCst), 5);
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
