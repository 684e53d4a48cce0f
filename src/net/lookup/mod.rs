//! Look-ups of host names: off the JavaScript thread, off libuv's pool, on few threads.
//!
//! `getaddrinfo` blocks and can't be cancelled. So it runs on [`threads`] of our own, whose number is bounded, and
//! attempts that want the same name at the same time share one look-up, its failure included; those that come a
//! moment later get its answer, too. Dropping one waiter does not cancel a shared look-up; one that nobody waits for
//! any more is not begun.
//!
//! A name whose name server is silent blocks a thread for many seconds. Three things keep such names from holding up
//! the others, and a lost packet from silencing a name until the system asks again (5 s):
//!
//! - They may not have all threads: see [`Lane`].
//! - Where no thread is free at once, or a second has passed without an answer, a [`probe`] finds out without a thread
//!   whether the name server answers for this name. Then the system is asked (once more) in the express lane, and the
//!   first answer counts. Where a probe cannot tell, it is asked once more in the slow lane.
//! - [`habits`] remembers which names did not answer lately, and keeps them to the slow lane.
//!
//! What waits here is bounded by the attempts that wait for it: there is one look-up for a name, which asks the system
//! twice at most, and what has not begun is withdrawn with its last waiter.

mod habits;
mod message;
mod probe;
mod settings;
mod system;
mod threads;

use std::collections::HashMap;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, timeout};

use crate::net::endpoint::Family;
use crate::net::error::eai;
use crate::net::lookup::habits::{Habit, Habits};
use crate::net::lookup::probe::Prober;
use crate::net::lookup::system::ask_system;
use crate::net::lookup::threads::{Job, Lane, Threads};
use crate::net::platform::{errno, libuv_errno};

/// The addresses of a name in the system's order, port 0; or an error in libuv's numbering.
pub type Answer = Result<Arc<[SocketAddr]>, i32>;

/// What is looked up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Query {
    /// The name.
    pub host: Arc<str>,
    /// The kinds of addresses that are wanted.
    pub family: Family,
    /// Flags for `getaddrinfo`; 0 leaves them to us.
    pub hints: i32,
}

/// For how long an answer serves those who ask after it came. One that a name server sends is older
/// when it arrives. With 64 attempts in flight to one name, a look-up for every third of them takes 10 µs of process
/// CPU a rove; so it takes next to nothing.
const FRESHNESS: Duration = Duration::from_millis(5);

/// How long a look-up may take before it is asked once more.
const PATIENCE: Duration = Duration::from_secs(1);

/// The look-ups that are under way, or were a moment ago.
pub struct Lookups {
    ask: Arc<dyn Fn(&Query) -> Answer + Send + Sync>,
    prober: Prober,
    threads: Arc<Threads>,
    habits: Arc<Habits>,
    patience: Duration,
    known: Mutex<HashMap<Query, Known>>,
}

/// What is known of a name.
#[derive(Default)]
struct Known {
    /// The last answer, and when it came.
    last: Option<(Answer, Instant)>,
    /// The next one.
    in_progress: Weak<InProgress>,
}

/// A look-up that is under way. The task that sees to it owns it.
struct InProgress {
    tx: watch::Sender<Option<Answer>>,
    jobs: Mutex<Vec<Job>>,
}

impl Known {
    /// The last answer, as long as it is fresh.
    fn fresh(&self) -> Option<&Answer> {
        let (answer, came) = self.last.as_ref()?;
        Some(answer).filter(|_| came.elapsed() < FRESHNESS)
    }
}

impl Lookups {
    /// Look-ups that ask the system (`getaddrinfo`).
    pub fn new() -> Arc<Self> {
        Self::assemble(ask_system, Prober::of_system(), Threads::new(), PATIENCE)
    }

    /// Look-ups that ask `ask`, which may block, and send no probes.
    #[cfg(test)]
    pub fn with(ask: impl Fn(&Query) -> Answer + Send + Sync + 'static) -> Arc<Self> {
        Self::assemble(ask, Prober::with(Arc::default), Threads::new(), PATIENCE)
    }

    fn assemble(
        ask: impl Fn(&Query) -> Answer + Send + Sync + 'static,
        prober: Prober,
        threads: Arc<Threads>,
        patience: Duration,
    ) -> Arc<Self> {
        Arc::new(Self {
            ask: Arc::new(ask),
            prober,
            threads,
            habits: Arc::default(),
            patience,
            known: Mutex::default(),
        })
    }

    /// The addresses of a name.
    ///
    /// # Errors
    /// What the system says, as one of [`eai`] or a negated system error; `EAGAIN` where it has no thread.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the look-up to those who share it.
    pub async fn resolve(self: &Arc<Self>, query: &Query) -> Answer {
        let mut next = match self.find(query) {
            Ok(answer) => return answer,
            Err(next) => next,
        };
        let answer = next.wait_for(Option::is_some).await;
        answer.ok().and_then(|answer| answer.clone()).unwrap_or(Err(eai::FAIL))
    }

    /// Whether a look-up has not begun for want of a thread, which the system refused.
    pub fn lacks_a_thread(&self, query: &Query) -> bool {
        let in_progress = self.known().get(query).and_then(|known| known.in_progress.upgrade());
        self.threads.are_refused() && in_progress.is_some_and(|it| !it.has_begun())
    }

    /// The answer, or where it will come from.
    fn find(self: &Arc<Self>, query: &Query) -> Result<Answer, watch::Receiver<Option<Answer>>> {
        let mut known = self.known();
        if let Some(found) = known.get(query) {
            if let Some(answer) = found.fresh() {
                return Ok(answer.clone());
            }
            if let Some(in_progress) = found.in_progress.upgrade() {
                return Err(in_progress.tx.subscribe());
            }
        }
        let (tx, next) = watch::channel(None);
        let in_progress = Arc::new(InProgress { tx, jobs: Mutex::default() });
        known.retain(|_, known| known.in_progress.strong_count() > 0 || known.fresh().is_some());
        known.entry(query.clone()).or_default().in_progress = Arc::downgrade(&in_progress);
        tokio::spawn(Arc::clone(self).see_to(query.clone(), in_progress));
        Err(next)
    }

    /// The life of a look-up: until there is an answer, or nobody waits for it and it has not begun.
    async fn see_to(self: Arc<Self>, query: Query, in_progress: Arc<InProgress>) {
        let mut looking_up = pin!(self.look_up(&query, &in_progress));
        let answer = loop {
            match select(looking_up.as_mut(), pin!(in_progress.tx.closed())).await {
                Either::Left((answer, _)) => break answer,
                // What runs cannot be cancelled, and those who come meanwhile can have its answer.
                Either::Right(_) if in_progress.has_begun() => break looking_up.await,
                Either::Right(_) => {
                    // Under the lock nobody can join meanwhile.
                    let mut known = self.known();
                    if in_progress.tx.receiver_count() == 0 {
                        known.remove(&query);
                        return;
                    }
                }
            }
        };
        // What this machine has run out of may be there again for who asks next.
        let is_of_the_name = !matches!(answer, Err(errno) if !eai::contains(errno));
        let last = is_of_the_name.then(|| (answer.clone(), Instant::now()));
        if let Some(known) = self.known().get_mut(&query) {
            *known = Known { last, ..Known::default() };
        }
        in_progress.tx.send_replace(Some(answer));
    }

    async fn look_up(&self, query: &Query, in_progress: &InProgress) -> Answer {
        let (tx, mut answers) = mpsc::unbounded_channel();
        let ask = |lane| self.submit(lane, query, in_progress, &tx);
        let habit = self.habits.of(&query.host);
        let lane = match habit {
            Some(Habit::Silent | Habit::Deceptive) => Lane::Slow,
            // Where it can be probed its habit is not relied on: the name server may have gone since.
            Some(Habit::Prompt) if self.prober.settings().server.is_none() => Lane::Express,
            Some(Habit::Prompt) | None => Lane::General,
        };
        let was_begun_at_once = match ask(lane) {
            Ok(was_begun_at_once) => was_begun_at_once,
            Err(error) => return Err(error.raw_os_error().map_or(errno::EAGAIN, libuv_errno)),
        };
        if was_begun_at_once {
            if let Ok(Some(answer)) = timeout(self.patience, answers.recv()).await {
                return answer;
            }
            self.habits.note_silence(&query.host);
        }
        let asking_again = async {
            // What cannot be had now is waited for where it was asked for first.
            if habit != Some(Habit::Deceptive) && self.prober.probe(query).await {
                let _ = ask(Lane::Express);
                // Without a thread so far, it has not had a chance to answer.
                while !in_progress.has_begun() {
                    sleep(self.patience).await;
                }
                sleep(self.patience).await;
                self.habits.note(&query.host, Habit::Deceptive);
            } else {
                if !was_begun_at_once {
                    sleep(self.patience).await;
                }
                let _ = ask(Lane::Slow);
            }
            pending().await
        };
        match select(pin!(answers.recv()), pin!(asking_again)).await {
            Either::Left((answer, _)) => answer.unwrap_or(Err(eai::FAIL)),
            Either::Right((never, _)) => never,
        }
    }

    /// Has the system asked on a thread. Returns whether there was one at once.
    fn submit(
        &self,
        lane: Lane,
        query: &Query,
        in_progress: &InProgress,
        tx: &mpsc::UnboundedSender<Answer>,
    ) -> io::Result<bool> {
        let (ask, habits) = (Arc::clone(&self.ask), Arc::clone(&self.habits));
        let (query, tx, patience) = (query.clone(), tx.clone(), self.patience);
        let job = self.threads.submit(lane, move || {
            let began = Instant::now();
            let answer = catch_unwind(AssertUnwindSafe(|| ask(&query))).unwrap_or(Err(eai::FAIL));
            let is_late = began.elapsed() >= patience;
            // Where another was first, it has told how the name answers.
            if tx.send(answer).is_ok() {
                if is_late {
                    habits.note_silence(&query.host);
                } else {
                    habits.note(&query.host, Habit::Prompt);
                }
            }
        })?;
        let was_begun_at_once = job.was_begun_at_once;
        in_progress.jobs().push(job);
        Ok(was_begun_at_once)
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Query, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl InProgress {
    fn has_begun(&self) -> bool {
        self.jobs().iter().any(Job::has_begun)
    }

    fn jobs(&self) -> MutexGuard<'_, Vec<Job>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc as blocking;

    use futures_util::future::join;

    use super::*;
    use crate::net::lookup::settings::Settings;

    /// Short, so that the tests are.
    const PATIENCE: Duration = Duration::from_millis(50);

    /// Long: nothing waits for it that goes well.
    const LIMIT: Duration = Duration::from_secs(10);

    fn query(host: &str) -> Query {
        Query { host: host.into(), family: Family::Any, hints: 0 }
    }

    /// An answer that can be told from others.
    fn numbered(number: u16) -> Answer {
        Ok([SocketAddr::from(([127, 0, 0, 1], number))].into())
    }

    /// Look-ups that ask `ask` and take the names in `listed` for answered at once, all others for silent.
    fn lookups(
        listed: &'static str,
        ask: impl Fn(&Query) -> Answer + Send + Sync + 'static,
    ) -> (Arc<Lookups>, std::net::UdpSocket) {
        let silent = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
        let mut settings = Settings::parse("", listed);
        settings.server = Some(silent.local_addr().expect("an address"));
        let settings = Arc::new(settings);
        let prober = Prober::with(move || Arc::clone(&settings));
        (Lookups::assemble(ask, prober, Threads::new(), PATIENCE), silent)
    }

    /// A gate at which look-ups wait until it is dropped.
    fn gate() -> (blocking::Sender<()>, Arc<Mutex<blocking::Receiver<()>>>) {
        let (open, gate) = blocking::channel();
        (open, Arc::new(Mutex::new(gate)))
    }

    fn wait_at(gate: &Mutex<blocking::Receiver<()>>) {
        let _ = gate.lock().expect("the gate").recv();
    }

    /// How many look-ups are under way.
    fn count(lookups: &Lookups) -> usize {
        lookups.known().values().filter(|known| known.in_progress.strong_count() > 0).count()
    }

    async fn until(mut holds: impl FnMut() -> bool) {
        let waiting = async {
            while !holds() {
                sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(LIMIT, waiting).await.expect("it takes too long");
    }

    #[tokio::test]
    async fn shares_a_look_up_and_its_failure_among_those_who_wait_for_it() {
        let asked = Arc::new(AtomicUsize::new(0));
        let (open, gate) = gate();
        let lookups = Lookups::with({
            let asked = Arc::clone(&asked);
            move |_| {
                asked.fetch_add(1, Ordering::SeqCst);
                wait_at(&gate);
                Err(eai::AGAIN)
            }
        });
        let query = query("shared");
        let opening = async {
            until(|| asked.load(Ordering::SeqCst) == 1).await;
            drop(open);
        };
        let both = join(lookups.resolve(&query), lookups.resolve(&query));
        let (answers, ()) = join(both, opening).await;
        assert_eq!(answers, (Err(eai::AGAIN), Err(eai::AGAIN)));
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn turns_a_panic_into_a_failed_look_up() {
        let lookups = Lookups::with(|_| panic!("on purpose"));
        assert_eq!(lookups.resolve(&query("x")).await, Err(eai::FAIL));
    }

    #[tokio::test]
    async fn gives_an_answer_again_for_a_moment_and_forgets_it_then() {
        let asked = Arc::new(AtomicUsize::new(0));
        let lookups = Lookups::with({
            let asked = Arc::clone(&asked);
            move |_| numbered(asked.fetch_add(1, Ordering::SeqCst) as u16)
        });
        let query_x = query("x");
        assert_eq!(lookups.resolve(&query_x).await, numbered(0));
        if let Some(known) = lookups.known().get_mut(&query_x) {
            // However long this test has taken.
            known.last = Some((numbered(0), Instant::now() + LIMIT));
        }
        assert_eq!(lookups.resolve(&query_x).await, numbered(0));
        if let Some(known) = lookups.known().get_mut(&query_x) {
            known.last = Some((numbered(0), Instant::now() - FRESHNESS));
        }
        assert_eq!(lookups.resolve(&query_x).await, numbered(1));
        if let Some(known) = lookups.known().get_mut(&query_x) {
            known.last = Some((numbered(0), Instant::now() - FRESHNESS));
        }
        assert_eq!(lookups.resolve(&query("y")).await, numbered(2));
        let names: Vec<Query> = lookups.known().keys().cloned().collect();
        assert_eq!(names, [query("y")]);
    }

    #[tokio::test]
    async fn does_not_remember_what_this_machine_had_run_out_of() {
        let asked = AtomicUsize::new(0);
        let lookups = Lookups::with(move |_| match asked.fetch_add(1, Ordering::SeqCst) {
            0 => Err(errno::EMFILE),
            number => numbered(number as u16),
        });
        assert_eq!(lookups.resolve(&query("x")).await, Err(errno::EMFILE));
        assert_eq!(lookups.resolve(&query("x")).await, numbered(1));
    }

    #[tokio::test]
    async fn asks_once_more_where_no_answer_comes_and_takes_the_first_one() {
        let (_open, gate) = gate();
        for listed in ["127.0.0.1 x", ""] {
            let asked = AtomicUsize::new(0);
            let gate = Arc::clone(&gate);
            let ask = move |_: &Query| {
                let number = asked.fetch_add(1, Ordering::SeqCst);
                if number == 0 {
                    wait_at(&gate);
                }
                numbered(number as u16)
            };
            let began = Instant::now();
            let lookups = if listed.is_empty() {
                // Without a name server to probe.
                Lookups::assemble(ask, Prober::with(Arc::default), Threads::new(), PATIENCE)
            } else {
                lookups(listed, ask).0
            };
            let answer = timeout(LIMIT, lookups.resolve(&query("x"))).await;
            assert_eq!(answer.expect("an answer"), numbered(1), "{listed}");
            assert!(began.elapsed() >= PATIENCE);
        }
    }

    #[tokio::test]
    async fn finds_a_good_name_while_a_thousand_others_do_not_answer() {
        let (open, gate) = gate();
        let most = Arc::new(AtomicUsize::new(0));
        let (lookups, _silent) = lookups("127.0.0.1 good one-more", {
            let (running, most) = (AtomicUsize::new(0), Arc::clone(&most));
            move |query: &Query| {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                if query.host.starts_with("dead") {
                    wait_at(&gate);
                }
                running.fetch_sub(1, Ordering::SeqCst);
                numbered(7)
            }
        });
        let dead: Vec<_> = (0..1000)
            .map(|n| {
                let lookups = Arc::clone(&lookups);
                tokio::spawn(async move { lookups.resolve(&query(&format!("dead{n}"))).await })
            })
            .collect();
        until(|| count(&lookups) == 1000).await;
        // Longer than it takes for those that run to be known as silent.
        sleep(2 * PATIENCE).await;
        for name in ["good", "one-more"] {
            let answer = timeout(Duration::from_secs(1), lookups.resolve(&query(name))).await;
            assert_eq!(answer.expect("an answer"), numbered(7), "{name}");
        }
        assert!(most.load(Ordering::SeqCst) <= threads::MAX_THREADS - 3);
        dead.iter().for_each(tokio::task::JoinHandle::abort);
        // What has not begun goes with those who wait for it.
        until(|| count(&lookups) < threads::MAX_THREADS).await;
        drop(open);
        until(|| count(&lookups) == 0).await;
    }

    #[tokio::test]
    async fn finds_a_name_that_has_answered_before_where_none_can_be_probed() {
        let (_open, gate) = gate();
        let ask = move |query: &Query| {
            if query.host.starts_with("dead") {
                wait_at(&gate);
            }
            numbered(7)
        };
        let lookups = Lookups::assemble(ask, Prober::with(Arc::default), Threads::new(), PATIENCE);
        assert_eq!(lookups.resolve(&query("good")).await, numbered(7));
        for n in 0..100 {
            let lookups = Arc::clone(&lookups);
            tokio::spawn(async move { lookups.resolve(&query(&format!("dead{n}"))).await });
        }
        until(|| count(&lookups) == 100).await;
        sleep(2 * FRESHNESS).await;
        let answer = timeout(Duration::from_secs(1), lookups.resolve(&query("good"))).await;
        assert_eq!(answer.expect("an answer"), numbered(7));
    }

    #[tokio::test]
    async fn keeps_a_name_to_the_slow_lane_that_is_silent_in_spite_of_its_probe() {
        let (_open, gate) = gate();
        let (lookups, _silent) = lookups("127.0.0.1 mute", move |_| {
            wait_at(&gate);
            numbered(7)
        });
        let asking = {
            let lookups = Arc::clone(&lookups);
            tokio::spawn(async move { lookups.resolve(&query("mute")).await })
        };
        until(|| lookups.habits.of("mute") == Some(Habit::Deceptive)).await;
        asking.abort();
    }

    #[tokio::test]
    async fn does_not_take_a_name_for_deceptive_that_had_no_thread_so_far() {
        let (open, gate) = gate();
        let (lookups, _silent) = lookups("127.0.0.1 mute good", move |query| {
            if &*query.host == "mute" {
                wait_at(&gate);
            }
            numbered(7)
        });
        let asking = |query| {
            let lookups = Arc::clone(&lookups);
            tokio::spawn(async move { lookups.resolve(&query).await })
        };
        for hints in 0..20 {
            asking(Query { hints, ..query("mute") });
        }
        until(|| lookups.habits.of("mute").is_some()).await;
        let good = asking(query("good"));
        until(|| lookups.habits.of("mute") == Some(Habit::Deceptive)).await;
        sleep(2 * PATIENCE).await;
        assert_eq!(lookups.habits.of("good"), None);
        drop(open);
        assert_eq!(good.await.expect("a task"), numbered(7));
    }

    #[tokio::test]
    async fn knows_that_a_look_up_waits_for_a_thread_that_the_system_refused() {
        let (open, gate) = gate();
        let allowed = Mutex::new(Some(()));
        let threads = Threads::with(LIMIT, move |work| {
            let is_allowed = allowed.lock().expect("a number").take().is_some();
            if !is_allowed {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            std::thread::spawn(work);
            Ok(())
        });
        let ask = move |_: &Query| {
            wait_at(&gate);
            numbered(7)
        };
        let lookups = Lookups::assemble(ask, Prober::with(Arc::default), threads, PATIENCE);
        let asking: Vec<_> = ["running", "waiting"]
            .map(|name| {
                let lookups = Arc::clone(&lookups);
                tokio::spawn(async move { lookups.resolve(&query(name)).await })
            })
            .into();
        until(|| lookups.lacks_a_thread(&query("waiting"))).await;
        assert!(!lookups.lacks_a_thread(&query("running")));
        assert!(!lookups.lacks_a_thread(&query("unknown")));
        drop(open);
        for asking in asking {
            assert_eq!(asking.await.expect("a task"), numbered(7));
        }
    }
}
