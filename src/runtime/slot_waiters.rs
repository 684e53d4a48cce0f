//! The slot waiters: connected attempts whose slot line has not come yet.
//!
//! A server that is slow, or busy, may keep thousands of them waiting, for half a minute each. So a waiter is no task
//! of Tokio with a poller's entry and a timer of its own, but an entry of a slab, watched by one [`poller`](super::poller)
//! for all: 600 bytes an attempt less.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use slab::Slab;
use tokio::time::Instant;

use crate::attempt::Connected;
use crate::attempt::handshake::{HandshakeError, Reply};
use crate::runtime::poller::{Poller, Registry, Watch};
use crate::runtime::timer_queue::{TimerKey, TimerQueue};

/// Connected attempts that wait for their slot lines.
pub struct SlotWaiters {
    waiters: Mutex<Slab<Waiter>>,
    registry: Registry,
    timers: Arc<TimerQueue>,
}

/// Completion callback: the server's reply, or `None` if the slot deadline passed.
pub type Done = Box<dyn FnOnce(Connected, Option<Reply>) + Send>;

/// An attempt that waits. Dropping it closes its connection.
pub struct Waiter {
    connected: Connected,
    watch: Watch,
    done: Done,
    timer: Option<TimerKey>,
}

impl SlotWaiters {
    /// Creates an empty set, and the poller that [`SlotWaiters::run`] needs. Call it within the runtime that is to
    /// run it.
    ///
    /// # Errors
    /// What the system says when it has no descriptors for it.
    pub fn new(timers: &Arc<TimerQueue>) -> io::Result<(Arc<Self>, Poller)> {
        let (poller, registry) = Poller::open()?;
        let (waiters, timers) = (Mutex::default(), Arc::clone(timers));
        Ok((Arc::new(Self { waiters, registry, timers }), poller))
    }

    /// Registers an attempt that waits until `deadline`, and returns its key. `done` is called once, unless the
    /// attempt is cancelled. Where the system can't watch it, returns `None` after `done` was called. Call it on the
    /// rover's thread, where [`SlotWaiters::run`] runs.
    pub fn register(
        self: &Arc<Self>,
        connected: Connected,
        deadline: Option<Instant>,
        done: Done,
    ) -> Option<usize> {
        let mut waiters = self.waiters();
        let entry = waiters.vacant_entry();
        let key = entry.key();
        let watch = match self.registry.register(connected.socket(), key) {
            Ok(watch) => watch,
            Err(error) => {
                drop(waiters);
                done(connected, Some(Err(HandshakeError::Broken(error))));
                return None;
            }
        };
        let timer = deadline.map(|deadline| {
            let slot_waiters = Arc::clone(self);
            self.timers.insert_at(deadline, move |_| slot_waiters.on_timeout(key))
        });
        entry.insert(Waiter { connected, watch, done, timer });
        Some(key)
    }

    /// Removes an attempt, if it still waits, to be dropped. `done` is not called.
    pub fn cancel(&self, key: usize) -> Option<Waiter> {
        let mut waiters = self.waiters();
        let waiter = waiters.try_remove(key)?;
        // Before another attempt can get the key.
        waiter.timer.inspect(|timer| self.timers.remove(*timer));
        Some(waiter)
    }

    /// Completes the attempts that are ready, as long as the runtime lives.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the attempts waiting for ever.
    pub async fn run(self: Arc<Self>, poller: Poller) {
        let on_readable = |key| {
            // A bug, and it must not take the others with it.
            let _ = catch_unwind(AssertUnwindSafe(|| self.on_readable(key)));
        };
        poller.run(on_readable).await;
    }

    fn on_readable(&self, key: usize) {
        let mut waiters = self.waiters();
        // It may have gone since the system was asked.
        let Some(waiter) = waiters.get_mut(key) else { return };
        if let Some(reply) = waiter.connected.advance() {
            let waiter = waiters.remove(key);
            drop(waiters);
            self.complete(waiter, Some(reply));
        }
    }

    fn on_timeout(&self, key: usize) {
        let mut waiters = self.waiters();
        let Some(mut waiter) = waiters.try_remove(key) else { return };
        drop(waiters);
        // The thread may have been kept from looking, as where the machine slept.
        let reply = waiter.connected.advance();
        self.complete(waiter, reply);
    }

    fn complete(&self, waiter: Waiter, reply: Option<Reply>) {
        let Waiter { connected, watch, done, timer } = waiter;
        timer.inspect(|timer| self.timers.remove(*timer));
        self.registry.deregister(connected.socket(), watch);
        done(connected, reply);
    }

    fn waiters(&self) -> MutexGuard<'_, Slab<Waiter>> {
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::io::{Read, Write};
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;
    use std::time::Duration;

    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
    use tokio::task::yield_now;
    use tokio::time::{Instant, sleep, timeout};

    use super::*;
    use crate::net::error::Target;
    use crate::runtime::poller::MAX_EVENTS;

    /// The slot, or what is no slot; `None` where the time was over.
    type Told = Option<Result<u64, String>>;

    /// Slot waiters that run.
    fn slot_waiters() -> Arc<SlotWaiters> {
        let timers = Arc::new(TimerQueue::default());
        let (slot_waiters, poller) = SlotWaiters::new(&timers).expect("descriptors");
        tokio::spawn(timers.run());
        tokio::spawn(Arc::clone(&slot_waiters).run(poller));
        slot_waiters
    }

    fn connected(socket: UnixStream) -> Connected {
        let target = Target::Host("x".into());
        Connected::new(OwnedFd::from(socket).into(), target, Duration::ZERO)
    }

    /// Has an attempt wait: its key, its server, and what it is told in the end.
    fn register(
        slot_waiters: &Arc<SlotWaiters>,
        limit: Option<Duration>,
    ) -> (usize, UnixStream, UnboundedReceiver<Told>) {
        let (ours, server) = UnixStream::pair().expect("a pair");
        ours.set_nonblocking(true).expect("an option");
        let deadline = limit.map(|limit| Instant::now() + limit);
        let connected = connected(ours);
        let (tell, told) = unbounded_channel();
        let done = move |_, reply: Option<Reply>| {
            let reply = reply.map(|reply| reply.map_err(|error| format!("{error:?}")));
            tell.send(reply).expect("a listener");
        };
        (slot_waiters.register(connected, deadline, Box::new(done)).expect("a key"), server, told)
    }

    /// What is told next; `None` when nothing will be any more.
    async fn next<T>(told: &mut UnboundedReceiver<T>) -> Option<T> {
        timeout(Duration::from_secs(10), told.recv()).await.expect("something is told")
    }

    /// Whether our side of a connection is closed.
    fn is_closed(server: &mut UnixStream) -> bool {
        server.set_nonblocking(true).expect("an option");
        matches!(server.read(&mut [0]), Ok(0))
    }

    #[tokio::test]
    async fn completes_with_the_reply_when_all_of_it_has_come() {
        let slot_waiters = slot_waiters();
        let (_, mut early, mut told_early) = register(&slot_waiters, None);
        let (_, mut late, mut told_late) = register(&slot_waiters, Some(Duration::from_secs(60)));
        late.write_all(b"1").expect("room");
        early.write_all(b"7\r\n").expect("room");
        assert_eq!(next(&mut told_early).await, Some(Some(Ok(7))));
        assert!(told_late.try_recv().is_err());
        late.write_all(b"3\r\n").expect("room");
        assert_eq!(next(&mut told_late).await, Some(Some(Ok(13))));
        assert_eq!(next(&mut told_late).await, None);
        assert!(slot_waiters.waiters().is_empty());
    }

    #[tokio::test]
    async fn completes_with_what_was_there_already() {
        let (ours, mut server) = UnixStream::pair().expect("a pair");
        server.write_all(b"13\r\n").expect("room");
        let connected = connected(ours);
        let (tell, mut told) = unbounded_channel();
        let done = move |_, reply: Option<Reply>| tell.send(reply).expect("a listener");
        slot_waiters().register(connected, None, Box::new(done)).expect("a key");
        assert!(matches!(next(&mut told).await, Some(Some(Ok(13)))));
    }

    #[tokio::test]
    async fn completes_when_the_server_has_closed() {
        let (_, server, mut told) = register(&slot_waiters(), None);
        drop(server);
        assert_eq!(next(&mut told).await, Some(Some(Err("Closed".into()))));
    }

    #[tokio::test]
    async fn completes_once_when_the_deadline_passes() {
        let slot_waiters = slot_waiters();
        let (_, mut server, mut told) = register(&slot_waiters, Some(Duration::from_millis(20)));
        server.write_all(b"1").expect("room");
        assert_eq!(next(&mut told).await, Some(None));
        assert_eq!(next(&mut told).await, None);
        assert!(is_closed(&mut server));
    }

    #[tokio::test]
    async fn prefers_a_line_that_has_come_to_a_deadline_that_passed() {
        let timers = Arc::new(TimerQueue::default());
        let (slot_waiters, _idle) = SlotWaiters::new(&timers).expect("descriptors");
        let (_, mut server, mut told) = register(&slot_waiters, Some(Duration::ZERO));
        server.write_all(b"13\r\n").expect("room");
        tokio::spawn(timers.run());
        assert_eq!(next(&mut told).await, Some(Some(Ok(13))));
    }

    #[tokio::test]
    async fn closes_what_is_cancelled_and_does_not_call_back() {
        let slot_waiters = slot_waiters();
        let limit = Duration::from_millis(20);
        let (key, mut server, mut told) = register(&slot_waiters, Some(limit));
        drop(slot_waiters.cancel(key));
        assert!(is_closed(&mut server));
        assert_eq!(next(&mut told).await, None);
        // Whoever has the key next is not touched by what the one before left behind.
        let (next, _server, mut told) = register(&slot_waiters, None);
        assert_eq!(next, key);
        sleep(2 * limit).await;
        assert!(told.try_recv().is_err());
        assert!(slot_waiters.cancel(next).is_some());
        assert!(slot_waiters.cancel(next).is_none());
    }

    #[tokio::test]
    async fn serves_more_than_are_asked_for_at_once_and_lets_others_have_a_turn() {
        let slot_waiters = slot_waiters();
        let mut waiters: Vec<_> =
            (0..3 * MAX_EVENTS).map(|_| register(&slot_waiters, None)).collect();
        for (_, server, _) in &mut waiters {
            server.write_all(b"13\r\n").expect("room");
        }
        // The first turn is not that of the slot waiters yet.
        let mut turns = -1;
        while !slot_waiters.waiters().is_empty() {
            yield_now().await;
            turns += 1;
        }
        assert!(turns >= 3, "{turns} turns");
        for (_, _, told) in &mut waiters {
            assert_eq!(next(told).await, Some(Some(Ok(13))));
        }
    }

    #[tokio::test]
    async fn goes_on_where_a_callback_panics() {
        let slot_waiters = slot_waiters();
        let (ours, mut server) = UnixStream::pair().expect("a pair");
        server.write_all(b"13\r\n").expect("room");
        let connected = connected(ours);
        slot_waiters
            .register(connected, None, Box::new(|_, _| panic!("on purpose")))
            .expect("a key");
        let (_, mut server, mut told) = register(&slot_waiters, None);
        yield_now().await;
        server.write_all(b"13\r\n").expect("room");
        assert_eq!(next(&mut told).await, Some(Some(Ok(13))));
    }
}
