//! Look-ups of host names: off the JavaScript thread, off libuv's pool, on few threads.
//!
//! `getaddrinfo` blocks and can't be cancelled. So it runs on the runtime's blocking threads, whose
//! number is fixed, and attempts that want the same name at the same time share one look-up, its
//! failure included; those that come a moment later get its answer, too, and have the next one asked for ahead
//! of time. Who stops waiting leaves the look-up to the others; one that nobody waits for any more is not begun.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dns_lookup::{AddrInfoHints, LookupErrorKind, getaddrinfo};
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use crate::net::error::eai;
use crate::net::exhaustion;
use crate::servers::Family;

/// The addresses of a name in the system's order, port 0; or an error in libuv's numbering.
pub type Answer = Result<Arc<[SocketAddr]>, i32>;

type Question = (Arc<str>, Family);

/// For how long an answer serves those who ask after it came. One that a name server sends is older
/// when it arrives.
const FRESHNESS: Duration = Duration::from_millis(5);

/// When an answer that is still wanted is asked for again, so that those who want it need not wait for the next.
const AHEAD: Duration = Duration::from_millis(3);

/// The look-ups that are under way, or were a moment ago.
pub struct Lookups {
    ask: fn(&str, Family) -> Answer,
    known: Mutex<HashMap<Question, Known>>,
}

/// What is known of a name.
#[derive(Default)]
struct Known {
    /// The last answer, and when it came.
    last: Option<(Answer, Instant)>,
    /// The next one.
    coming: Option<Coming>,
}

type Coming = watch::Receiver<Option<Answer>>;

impl Known {
    /// The last answer and its age, as long as it is fresh.
    fn fresh(&self) -> Option<(&Answer, Duration)> {
        let (answer, came) = self.last.as_ref()?;
        Some((answer, came.elapsed())).filter(|(_, age)| *age < FRESHNESS)
    }
}

impl Lookups {
    /// Look-ups that ask the system (`getaddrinfo`).
    pub fn new() -> Arc<Self> {
        Self::with(ask_system)
    }

    /// Look-ups that ask `ask`, which may block.
    pub fn with(ask: fn(&str, Family) -> Answer) -> Arc<Self> {
        Arc::new(Self { ask, known: Mutex::default() })
    }

    /// The addresses of `host`.
    ///
    /// # Errors
    /// What the system says, as one of [`eai`] or a negated system error.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the look-up to those who share it.
    pub async fn resolve(self: &Arc<Self>, host: &Arc<str>, family: Family) -> Answer {
        let mut coming = match self.find((Arc::clone(host), family)) {
            Ok(answer) => return answer,
            Err(coming) => coming,
        };
        let answer = coming.wait_for(Option::is_some).await;
        answer.ok().and_then(|answer| answer.clone()).unwrap_or(Err(eai::FAIL))
    }

    /// The answer, or where it will come from.
    fn find(self: &Arc<Self>, question: Question) -> Result<Answer, Coming> {
        let mut known = self.known();
        let found = known.get(&question);
        let coming = found.and_then(|found| found.coming.as_ref());
        let Some((answer, age)) = found.and_then(Known::fresh) else {
            let coming = coming.cloned();
            return Err(coming.unwrap_or_else(|| self.begin(&mut known, question)));
        };
        let (answer, is_time) = (answer.clone(), age >= AHEAD && coming.is_none());
        if is_time {
            // Where no thread can be had this panics: then there is an answer all the same.
            let _ = catch_unwind(AssertUnwindSafe(|| self.begin(&mut known, question)));
        }
        Ok(answer)
    }

    fn begin(self: &Arc<Self>, known: &mut HashMap<Question, Known>, question: Question) -> Coming {
        let (teller, coming) = watch::channel(None);
        let (lookups, asked) = (Arc::clone(self), question.clone());
        // Before it is noted: where no thread can be had this panics, and must leave nothing.
        spawn_blocking(move || lookups.run(&asked, &teller));
        known.retain(|_, known| known.coming.is_some() || known.fresh().is_some());
        known.entry(question).or_default().coming = Some(coming.clone());
        coming
    }

    fn run(&self, question: &Question, teller: &watch::Sender<Option<Answer>>) {
        {
            let mut known = self.known();
            let is_fresh = known.get(question).is_some_and(|known| known.fresh().is_some());
            // What is known holds one receiver. Under the lock nobody can join meanwhile.
            if teller.receiver_count() <= 1 && !is_fresh {
                known.remove(question);
                return;
            }
        }
        let (host, family) = question;
        let answer =
            catch_unwind(AssertUnwindSafe(|| (self.ask)(host, *family))).unwrap_or(Err(eai::FAIL));
        if let Some(known) = self.known().get_mut(question) {
            *known = Known { last: Some((answer.clone(), Instant::now())), coming: None };
        }
        teller.send_replace(Some(answer));
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Question, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks as `net.connect` does: stream sockets, and only families that this machine has an address
/// of, unless one is named.
fn ask_system(host: &str, family: Family) -> Answer {
    let hints = AddrInfoHints {
        socktype: libc::SOCK_STREAM,
        address: match family {
            Family::Any => libc::AF_UNSPEC,
            Family::V4 => libc::AF_INET,
            Family::V6 => libc::AF_INET6,
        },
        flags: if family == Family::Any { libc::AI_ADDRCONFIG } else { 0 },
        ..AddrInfoHints::default()
    };
    let found = getaddrinfo(Some(host), None, Some(hints))
        .map_err(|error| exhaustion::recent().map_or_else(|| libuv_error(error), |error| -error))?;
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for entry in found.filter_map(Result::ok) {
        // glibc gives an address twice where the hosts file has the name under ::1 as well.
        if !addresses.contains(&entry.sockaddr) {
            addresses.push(entry.sockaddr);
        }
    }
    if addresses.is_empty() { Err(eai::NODATA) } else { Ok(addresses.into()) }
}

fn libuv_error(error: dns_lookup::LookupError) -> i32 {
    match error.kind() {
        LookupErrorKind::Again => eai::AGAIN,
        LookupErrorKind::Badflags => eai::BADFLAGS,
        LookupErrorKind::NoName => eai::NONAME,
        LookupErrorKind::NoData => eai::NODATA,
        LookupErrorKind::Fail => eai::FAIL,
        LookupErrorKind::Family => eai::FAMILY,
        LookupErrorKind::Socktype => eai::SOCKTYPE,
        LookupErrorKind::Service => eai::SERVICE,
        LookupErrorKind::Memory => eai::MEMORY,
        LookupErrorKind::System => {
            std::io::Error::from(error).raw_os_error().map_or(eai::FAIL, |error| -error)
        }
        // A name that C can't hold (it has a NUL in it) is not the name of any host.
        LookupErrorKind::IO => eai::NONAME,
        LookupErrorKind::Unknown => eai::FAIL,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    use tokio::time::advance;

    use super::*;

    fn name(host: &str) -> Arc<str> {
        host.into()
    }

    fn address(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    #[tokio::test]
    async fn asks_the_system_for_the_families_that_are_wanted() {
        let lookups = Lookups::new();
        let v4 = lookups.resolve(&name("localhost"), Family::V4).await.expect("an answer");
        assert_eq!(v4.to_vec(), [address("127.0.0.1:0")]);
        let any = lookups.resolve(&name("localhost"), Family::Any).await.expect("an answer");
        assert!(any.contains(&address("127.0.0.1:0")));
    }

    #[tokio::test]
    async fn says_in_libuv_numbers_why_a_look_up_failed() {
        let lookups = Lookups::new();
        let unknown = lookups.resolve(&name("no-such-host.invalid"), Family::Any).await;
        assert!(
            [Err(eai::NONAME), Err(eai::AGAIN), Err(eai::NODATA)].contains(&unknown),
            "{unknown:?}"
        );
        assert_eq!(lookups.resolve(&name("nul\0"), Family::Any).await, Err(eai::NONAME));
    }

    #[tokio::test]
    async fn shares_a_look_up_and_its_failure_among_those_who_wait_for_it() {
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        static GATE: Mutex<Option<mpsc::Receiver<()>>> = Mutex::new(None);
        let (open, gate) = mpsc::channel();
        *GATE.lock().expect("the gate") = Some(gate);
        let lookups = Lookups::with(|_, _| {
            ASKED.fetch_add(1, Ordering::SeqCst);
            let gate = GATE.lock().expect("the gate").take();
            gate.expect("asked once").recv().expect("a sender");
            Err(eai::AGAIN)
        });
        let host = name("shared");
        let (first, second) = (
            tokio::spawn({
                let (l, h) = (lookups.clone(), host.clone());
                async move { l.resolve(&h, Family::Any).await }
            }),
            tokio::spawn({
                let (l, h) = (lookups.clone(), host.clone());
                async move { l.resolve(&h, Family::Any).await }
            }),
        );
        tokio::task::yield_now().await;
        open.send(()).expect("a waiting look-up");
        assert_eq!(first.await.expect("a task"), Err(eai::AGAIN));
        assert_eq!(second.await.expect("a task"), Err(eai::AGAIN));
        assert_eq!(ASKED.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn turns_a_panic_into_a_failed_look_up() {
        let lookups = Lookups::with(|_, _| panic!("on purpose"));
        assert_eq!(lookups.resolve(&name("x"), Family::Any).await, Err(eai::FAIL));
    }

    #[tokio::test(start_paused = true)]
    async fn gives_an_answer_again_for_a_moment_and_forgets_it_then() {
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        let lookups = Lookups::with(|_, _| {
            ASKED.fetch_add(1, Ordering::SeqCst);
            Err(eai::NONAME)
        });
        let ask = async |host: &str| {
            assert_eq!(lookups.resolve(&name(host), Family::Any).await, Err(eai::NONAME));
            ASKED.load(Ordering::SeqCst)
        };
        assert_eq!(ask("x").await, 1);
        advance(FRESHNESS / 2).await;
        assert_eq!(ask("x").await, 1);
        advance(FRESHNESS / 2).await;
        assert_eq!(ask("x").await, 2);
        advance(FRESHNESS).await;
        assert_eq!(ask("y").await, 3);
        assert_eq!(lookups.known().keys().map(|(host, _)| &**host).collect::<Vec<_>>(), ["y"]);
    }

    #[tokio::test(start_paused = true)]
    async fn asks_again_ahead_of_time_for_an_answer_that_is_wanted() {
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        static GATE: Mutex<Option<mpsc::Receiver<()>>> = Mutex::new(None);
        let (open, gate) = mpsc::channel();
        *GATE.lock().expect("the gate") = Some(gate);
        let lookups = Lookups::with(|_, _| {
            let number = ASKED.fetch_add(1, Ordering::SeqCst) as u16;
            let gate = GATE.lock().expect("the gate");
            gate.as_ref().expect("a gate").recv().expect("a sender");
            Ok([SocketAddr::from(([127, 0, 0, 1], number))].into())
        });
        let ask = async || {
            let answer = lookups.resolve(&name("x"), Family::Any).await;
            answer.expect("an address")[0].port()
        };
        open.send(()).expect("a gate");
        assert_eq!(ask().await, 0);
        advance(AHEAD).await;
        // Two who want it make for one look-up, and wait for none.
        assert_eq!((ask().await, ask().await), (0, 0));
        open.send(()).expect("a gate");
        while lookups.known().values().any(|known| known.coming.is_some()) {
            std::thread::yield_now();
        }
        assert_eq!(ask().await, 1);
        assert_eq!(ASKED.load(Ordering::SeqCst), 2);
    }
}
