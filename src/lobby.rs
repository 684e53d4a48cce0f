//! The lobby: connected attempts whose slot line has not come yet.
//!
//! A server that is slow, or busy, may keep thousands of them waiting, for half a minute each. So one that waits
//! is no task of Tokio with a poller's entry and a timer of its own, but a line in a list: a fraction of the memory.

use std::io;
use std::os::fd::AsRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Registry, Token};
use slab::Slab;
use tokio::io::unix::AsyncFd;
use tokio::task::yield_now;

use crate::attempt::Waiting;
use crate::handshake::{HandshakeError, Reply};
use crate::timetable::{Appointment, Timetable};

/// How many of those that are ready are looked at before the other tasks of the thread have a turn.
const MAX_EVENTS: usize = 64;

/// Who waits for a slot line.
pub struct Lobby {
    guests: Mutex<Slab<Guest>>,
    registry: Registry,
    timetable: Arc<Timetable>,
}

/// Tells which of the guests are ready.
pub struct Doorman(AsyncFd<Poll>);

/// Takes an attempt on: with what the server said, or with `None` where its time is over.
pub type Done = Box<dyn FnOnce(Waiting, Option<Reply>) + Send>;

/// An attempt that waits. Dropping it closes its connection.
pub struct Guest {
    waiting: Waiting,
    done: Done,
    time_limit: Option<Appointment>,
}

impl Lobby {
    /// A lobby, and what [`Lobby::work`] needs. To be called within the runtime that it is to work on.
    ///
    /// # Errors
    /// What the system says when it has no descriptors for it.
    pub fn new(timetable: &Arc<Timetable>) -> io::Result<(Arc<Self>, Doorman)> {
        let poll = Poll::new()?;
        let registry = poll.registry().try_clone()?;
        #[allow(unsafe_code, reason = "the poller is told of the descriptor and does not own it")]
        // SAFETY: the descriptor is that of `poll` all the time, which the watch owns.
        let watch = unsafe { AsyncFd::register_with_interest(poll, tokio::io::Interest::READABLE) };
        let doorman = Doorman(watch?);
        let (guests, timetable) = (Mutex::default(), Arc::clone(timetable));
        Ok((Arc::new(Self { guests, registry, timetable }), doorman))
    }

    /// Has an attempt wait; `done` is called once, unless it is dismissed. To be called on the rover's thread,
    /// where [`Lobby::work`] runs. Answers with its place; where the system can't watch it, `None` after `done`
    /// was called.
    pub fn enter(self: &Arc<Self>, waiting: Waiting, done: Done) -> Option<usize> {
        let mut guests = self.guests();
        let entry = guests.vacant_entry();
        let place = entry.key();
        let descriptor = waiting.socket().as_raw_fd();
        let watched =
            self.registry.register(&mut SourceFd(&descriptor), Token(place), Interest::READABLE);
        if let Err(error) = watched {
            drop(guests);
            done(waiting, Some(Err(HandshakeError::Broken(error))));
            return None;
        }
        let time_limit = waiting.deadline().map(|deadline| {
            let lobby = Arc::clone(self);
            self.timetable.enter(deadline, move |_| lobby.expire(place))
        });
        entry.insert(Guest { waiting, done, time_limit });
        Some(place)
    }

    /// Takes the attempt at a place out, if it is still there, to be dropped: nothing is told of it.
    pub fn dismiss(&self, place: usize) -> Option<Guest> {
        let mut guests = self.guests();
        let guest = guests.try_remove(place)?;
        // Before anybody else can take the place.
        guest.time_limit.inspect(|appointment| self.timetable.cancel(*appointment));
        Some(guest)
    }

    /// Sees to those that are ready, as long as the runtime goes on.
    pub async fn work(self: Arc<Self>, Doorman(mut poll): Doorman) {
        let mut events = Events::with_capacity(MAX_EVENTS);
        while let Ok(mut ready) = poll.readable_mut().await {
            let asked = ready.get_inner_mut().poll(&mut events, Some(Duration::ZERO));
            // Otherwise there may be more of them, or a signal came between.
            let are_all = asked.is_ok() && events.iter().count() < MAX_EVENTS;
            if are_all {
                ready.clear_ready();
            }
            for event in &events {
                // A bug, and it must not take the others with it.
                let _ = catch_unwind(AssertUnwindSafe(|| self.serve(event.token().0)));
            }
            if !are_all {
                yield_now().await;
            }
        }
    }

    fn serve(&self, place: usize) {
        let mut guests = self.guests();
        // It may be gone since the system was asked.
        let Some(guest) = guests.get_mut(place) else { return };
        if let Some(reply) = guest.waiting.advance() {
            let guest = guests.remove(place);
            drop(guests);
            self.see_out(guest, Some(reply));
        }
    }

    fn expire(&self, place: usize) {
        let mut guests = self.guests();
        let Some(mut guest) = guests.try_remove(place) else { return };
        drop(guests);
        // The thread may have been kept from looking, as where the machine slept.
        let reply = guest.waiting.advance();
        self.see_out(guest, reply);
    }

    fn see_out(&self, guest: Guest, reply: Option<Reply>) {
        let Guest { waiting, done, time_limit } = guest;
        time_limit.inspect(|appointment| self.timetable.cancel(*appointment));
        // It can't fail: the descriptor is open, and was registered.
        let _ = self.registry.deregister(&mut SourceFd(&waiting.socket().as_raw_fd()));
        done(waiting, reply);
    }

    fn guests(&self) -> MutexGuard<'_, Slab<Guest>> {
        self.guests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;

    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
    use tokio::time::{Instant, sleep, timeout};

    use super::*;
    use crate::failure::Place;

    /// The slot, or what is no slot; `None` where the time was over.
    type Told = Option<Result<u64, String>>;

    /// A lobby at work.
    fn lobby() -> Arc<Lobby> {
        let timetable = Arc::new(Timetable::default());
        let (lobby, doorman) = Lobby::new(&timetable).expect("descriptors");
        tokio::spawn(timetable.work());
        tokio::spawn(Arc::clone(&lobby).work(doorman));
        lobby
    }

    /// Has an attempt wait: its place, its server, and what it is told in the end.
    fn enter(
        lobby: &Arc<Lobby>,
        limit: Option<Duration>,
    ) -> (usize, UnixStream, UnboundedReceiver<Told>) {
        let (ours, server) = UnixStream::pair().expect("a pair");
        ours.set_nonblocking(true).expect("an option");
        let deadline = limit.map(|limit| Instant::now() + limit);
        let waiting = Waiting::new(OwnedFd::from(ours).into(), Place::Host("x".into()), deadline);
        let (tell, told) = unbounded_channel();
        let done = move |_, reply: Option<Reply>| {
            let reply = reply.map(|reply| reply.map_err(|error| format!("{error:?}")));
            tell.send(reply).expect("a listener");
        };
        (lobby.enter(waiting, Box::new(done)).expect("a place"), server, told)
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
    async fn tells_what_the_server_said_when_all_of_it_has_come() {
        let lobby = lobby();
        let (_, mut early, mut told_early) = enter(&lobby, None);
        let (_, mut late, mut told_late) = enter(&lobby, Some(Duration::from_secs(60)));
        late.write_all(b"1").expect("room");
        early.write_all(b"7\r\n").expect("room");
        assert_eq!(next(&mut told_early).await, Some(Some(Ok(7))));
        assert!(told_late.try_recv().is_err());
        late.write_all(b"3\r\n").expect("room");
        assert_eq!(next(&mut told_late).await, Some(Some(Ok(13))));
        assert_eq!(next(&mut told_late).await, None);
        assert!(lobby.guests().is_empty());
    }

    #[tokio::test]
    async fn tells_what_was_there_already() {
        let (ours, mut server) = UnixStream::pair().expect("a pair");
        server.write_all(b"13\r\n").expect("room");
        let waiting = Waiting::new(OwnedFd::from(ours).into(), Place::Host("x".into()), None);
        let (tell, mut told) = unbounded_channel();
        let done = move |_, reply: Option<Reply>| tell.send(reply).expect("a listener");
        lobby().enter(waiting, Box::new(done)).expect("a place");
        assert!(matches!(next(&mut told).await, Some(Some(Ok(13)))));
    }

    #[tokio::test]
    async fn tells_that_the_server_has_closed() {
        let (_, server, mut told) = enter(&lobby(), None);
        drop(server);
        assert_eq!(next(&mut told).await, Some(Some(Err("Closed".into()))));
    }

    #[tokio::test]
    async fn tells_that_its_time_is_over_once() {
        let lobby = lobby();
        let (_, mut server, mut told) = enter(&lobby, Some(Duration::from_millis(20)));
        server.write_all(b"1").expect("room");
        assert_eq!(next(&mut told).await, Some(None));
        assert_eq!(next(&mut told).await, None);
        assert!(is_closed(&mut server));
    }

    #[tokio::test]
    async fn takes_a_line_that_has_come_for_what_was_said_also_where_the_time_is_over() {
        let timetable = Arc::new(Timetable::default());
        let (lobby, _idle) = Lobby::new(&timetable).expect("descriptors");
        let (_, mut server, mut told) = enter(&lobby, Some(Duration::ZERO));
        server.write_all(b"13\r\n").expect("room");
        tokio::spawn(timetable.work());
        assert_eq!(next(&mut told).await, Some(Some(Ok(13))));
    }

    #[tokio::test]
    async fn closes_what_is_dismissed_and_tells_nothing() {
        let lobby = lobby();
        let limit = Duration::from_millis(20);
        let (place, mut server, mut told) = enter(&lobby, Some(limit));
        drop(lobby.dismiss(place));
        assert!(is_closed(&mut server));
        assert_eq!(next(&mut told).await, None);
        // Whoever has the place next is not touched by what the one before left behind.
        let (next, _server, mut told) = enter(&lobby, None);
        assert_eq!(next, place);
        sleep(2 * limit).await;
        assert!(told.try_recv().is_err());
        assert!(lobby.dismiss(next).is_some());
        assert!(lobby.dismiss(next).is_none());
    }

    #[tokio::test]
    async fn serves_more_than_are_asked_for_at_once_and_lets_others_have_a_turn() {
        let lobby = lobby();
        let mut guests: Vec<_> = (0..3 * MAX_EVENTS).map(|_| enter(&lobby, None)).collect();
        for (_, server, _) in &mut guests {
            server.write_all(b"13\r\n").expect("room");
        }
        // The first turn is not the lobby's yet.
        let mut turns = -1;
        while !lobby.guests().is_empty() {
            yield_now().await;
            turns += 1;
        }
        assert!(turns >= 3, "{turns} turns");
        for (_, _, told) in &mut guests {
            assert_eq!(next(told).await, Some(Some(Ok(13))));
        }
    }

    #[tokio::test]
    async fn goes_on_where_one_that_is_told_panics() {
        let lobby = lobby();
        let (ours, mut server) = UnixStream::pair().expect("a pair");
        server.write_all(b"13\r\n").expect("room");
        let waiting = Waiting::new(OwnedFd::from(ours).into(), Place::Host("x".into()), None);
        lobby.enter(waiting, Box::new(|_, _| panic!("on purpose"))).expect("a place");
        let (_, mut server, mut told) = enter(&lobby, None);
        yield_now().await;
        server.write_all(b"13\r\n").expect("room");
        assert_eq!(next(&mut told).await, Some(Some(Ok(13))));
    }
}
