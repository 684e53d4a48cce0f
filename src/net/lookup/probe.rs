//! Probes: whether the name server answers for a name, asked without a thread.
//!
//! A look-up of the system blocks a thread for as long as the name server is silent, and there are few threads. A probe
//! asks the same questions by UDP and looks only for whether replies come; the answer itself is left to the system.
//! Where it comes the look-up will be over in a moment, and where it does not a thread would only wait for it as well.
//!
//! All probes share one socket, which is open only while there are any.

use std::collections::HashMap;
use std::future::pending;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures_util::future::join;
use tokio::net::UdpSocket;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use crate::net::endpoint::Family;
use crate::net::lookup::Query;
use crate::net::lookup::message::{self, RecordType, Reply, question};
use crate::net::lookup::settings::{Settings, SettingsFiles};

/// After how long without a reply a question is sent once more. It doubles each time.
const RETRY: Duration = Duration::from_millis(500);

/// No longer than this, though.
const MAX_RETRY: Duration = Duration::from_secs(2);

/// More questions are not kept waiting at the same time: their ids would collide. The others count as not answered.
const MAX_WAITING: usize = 1 << 15;

/// Longer than every reply that matters; what is behind it is cut off.
const MAX_MESSAGE: usize = 512;

/// Sends probes.
pub struct Prober {
    settings: Box<dyn Fn() -> Arc<Settings> + Send + Sync>,
    channel: Mutex<Weak<Channel>>,
}

impl Prober {
    /// Probes of the name server that is set up on this machine.
    pub fn of_system() -> Self {
        let files = SettingsFiles::default();
        Self::with(move || files.get())
    }

    /// Probes according to these settings.
    pub fn with(settings: impl Fn() -> Arc<Settings> + Send + Sync + 'static) -> Self {
        Self { settings: Box::new(settings), channel: Mutex::default() }
    }

    /// What is set up on this machine: see [`SettingsFiles::get`] for what that costs. Without a name server there are
    /// no probes.
    pub fn settings(&self) -> Arc<Settings> {
        (self.settings)()
    }

    /// Returns `true` once it is known that a look-up of `query` will not have to wait for a name server, and `false`
    /// where that cannot be found out. Does not return while the name server is silent.
    ///
    /// # Cancel safety
    /// Dropping the future ends the probe.
    pub async fn probe(&self, query: &Query) -> bool {
        let settings = self.settings();
        if settings.is_local(&query.host) {
            return true;
        }
        let Some(channel) = settings.server.and_then(|server| self.channel(server).ok()) else {
            return false;
        };
        let mut is_answered = false;
        for name in settings.candidates(&query.host) {
            let replies = match query.family {
                Family::Any => {
                    let both = join(
                        channel.ask(&name, RecordType::A),
                        channel.ask(&name, RecordType::Aaaa),
                    );
                    both.await.into()
                }
                Family::V4 => [channel.ask(&name, RecordType::A).await, None],
                Family::V6 => [channel.ask(&name, RecordType::Aaaa).await, None],
            };
            is_answered |= replies.iter().any(Option::is_some);
            if replies.contains(&Some(Reply::Records)) {
                break;
            }
        }
        is_answered
    }

    /// The channel to `server`: the one that is in use, or else a new one.
    fn channel(&self, server: SocketAddr) -> io::Result<Arc<Channel>> {
        let mut last = self.channel.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(channel) = last.upgrade().filter(|channel| channel.server == server) {
            return Ok(channel);
        }
        let channel = Channel::open(server)?;
        *last = Arc::downgrade(&channel);
        Ok(channel)
    }
}

/// A socket to a name server, and the questions that wait for a reply. Dropping it closes the socket.
struct Channel {
    server: SocketAddr,
    socket: Arc<UdpSocket>,
    waiting: Arc<Mutex<Waiting>>,
    reader: AbortHandle,
}

/// By the id of the question: the question, and where the reply goes.
type Waiting = HashMap<u16, (Arc<[u8]>, oneshot::Sender<Reply>)>;

impl Channel {
    fn open(server: SocketAddr) -> io::Result<Arc<Self>> {
        let any: SocketAddr = match server {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = std::net::UdpSocket::bind(any)?;
        // Nothing of others comes in, and errors of the network do.
        socket.connect(server)?;
        socket.set_nonblocking(true)?;
        let socket = Arc::new(UdpSocket::from_std(socket)?);
        let waiting = Arc::new(Mutex::default());
        let reader = tokio::spawn(read(Arc::clone(&socket), Arc::clone(&waiting))).abort_handle();
        Ok(Arc::new(Self { server, socket, waiting, reader }))
    }

    /// The reply for these records of a name; `None` where it cannot be asked for. Asks again until there is one.
    async fn ask(&self, name: &str, record_type: RecordType) -> Option<Reply> {
        let asking = Asking::new(self, name, record_type)?;
        let Asking { question, mut reply, .. } = asking;
        let _waiting = asking.entry;
        let mut retry = RETRY;
        loop {
            // A network that cannot be reached makes the look-up fail in a moment as well.
            if self.socket.send(&question).await.is_err() {
                return Some(Reply::Nothing);
            }
            match timeout(retry, &mut reply).await {
                Ok(Ok(reply)) => return Some(reply),
                // The reader has ended, and nobody will reply.
                Ok(Err(_)) => pending().await,
                Err(_silent) => retry = MAX_RETRY.min(2 * retry),
            }
        }
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// A question that waits for its reply.
struct Asking<'a> {
    question: Arc<[u8]>,
    reply: oneshot::Receiver<Reply>,
    entry: Entry<'a>,
}

/// Takes a question out of those that wait when it is dropped.
struct Entry<'a> {
    channel: &'a Channel,
    id: u16,
}

impl<'a> Asking<'a> {
    fn new(channel: &'a Channel, name: &str, record_type: RecordType) -> Option<Self> {
        let mut waiting = lock(&channel.waiting);
        if waiting.len() >= MAX_WAITING {
            return None;
        }
        let id = std::iter::repeat_with(rand::random).find(|id| !waiting.contains_key(id))?;
        let question: Arc<[u8]> = question(id, name, record_type)?.into();
        let (tx, reply) = oneshot::channel();
        waiting.insert(id, (Arc::clone(&question), tx));
        Some(Self { question, reply, entry: Entry { channel, id } })
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        lock(&self.channel.waiting).remove(&self.id);
    }
}

/// Hands out the replies that come.
async fn read(socket: Arc<UdpSocket>, waiting: Arc<Mutex<Waiting>>) {
    let mut buffer = [0; MAX_MESSAGE];
    loop {
        let received = socket.recv(&mut buffer).await;
        let mut waiting = lock(&waiting);
        match received {
            Ok(length) => {
                let message = &buffer[..length];
                let Some(id) = message::id(message) else { continue };
                let reply = waiting.get(&id).and_then(|(asked, _)| message::reply(message, asked));
                if let (Some(reply), Some((_, tx))) = (reply, waiting.remove(&id)) {
                    let _ = tx.send(reply);
                }
            }
            // No name server is there, which a look-up is told as well.
            Err(_) => waiting.drain().for_each(|(_, (_, tx))| {
                let _ = tx.send(Reply::Nothing);
            }),
        }
    }
}

fn lock(waiting: &Mutex<Waiting>) -> MutexGuard<'_, Waiting> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;
    use tokio::time::Instant;

    use super::*;
    use crate::net::lookup::message::tests::replied;

    /// A name server of ours, and a prober that asks it.
    async fn server(search: &str) -> (UdpSocket, Prober) {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let mut settings = Settings::parse(search, "");
        settings.server = Some(socket.local_addr().expect("an address"));
        let settings = Arc::new(settings);
        (socket, Prober::with(move || Arc::clone(&settings)))
    }

    fn query(host: &str, family: Family) -> Query {
        Query { host: host.into(), family, hints: 0 }
    }

    /// Receives a question: it, the name asked for, and from where.
    async fn receive(server: &UdpSocket) -> (Vec<u8>, String, SocketAddr) {
        let mut buffer = [0; MAX_MESSAGE];
        let (length, from) = server.recv_from(&mut buffer).await.expect("a question");
        let name = String::from_utf8_lossy(&buffer[12..length - 5]).into_owned();
        (buffer[..length].to_vec(), name, from)
    }

    /// Replies to what comes for as long as the prober is at work; what `silent` holds for is left unanswered.
    async fn probe(
        server: &UdpSocket,
        prober: &Prober,
        query: &Query,
        mut reply: impl FnMut(&str) -> Option<(u8, u8)>,
    ) -> Option<bool> {
        let serving = async {
            loop {
                let (question, name, from) = receive(server).await;
                if let Some((code, records)) = reply(&name) {
                    let message = replied(&question, code, records);
                    server.send_to(&message, from).await.expect("room");
                }
            }
        };
        let probing = timeout(Duration::from_secs(2), prober.probe(query));
        tokio::select! {
            () = serving => unreachable!("it serves for good"),
            probed = probing => probed.ok(),
        }
    }

    #[tokio::test]
    async fn knows_that_a_name_is_answered_for_whatever_the_answer() {
        let (server, prober) = server("").await;
        for reply in [(0, 1), (0, 0), (2, 0), (3, 0)] {
            let query = query("a.test", Family::Any);
            assert_eq!(probe(&server, &prober, &query, |_| Some(reply)).await, Some(true));
        }
    }

    #[tokio::test]
    async fn asks_again_where_a_message_is_lost() {
        let (server, prober) = server("").await;
        let mut lost = 2;
        let began = Instant::now();
        let query = query("a.test", Family::V4);
        let answer = probe(&server, &prober, &query, |_| {
            lost -= 1;
            (lost < 1).then_some((0, 1))
        });
        assert_eq!(answer.await, Some(true));
        assert!(began.elapsed() >= RETRY);
    }

    #[tokio::test]
    async fn does_not_return_while_a_question_that_the_look_up_asks_is_not_answered() {
        let (server, prober) = server("search x").await;
        // The records of IPv6 are a question of their own, and so is the name as it is.
        let mut questions = 0;
        let query_both = query("a", Family::Any);
        let answer = probe(&server, &prober, &query_both, |_| {
            questions += 1;
            (questions == 1).then_some((0, 1))
        });
        assert_eq!(answer.await, None);
        let query = query("a", Family::V4);
        let answer = probe(&server, &prober, &query, |name| name.contains('x').then_some((3, 0)));
        assert_eq!(answer.await, None);
        // It is not asked for where the look-up will have found the name before.
        let answer = probe(&server, &prober, &query, |name| name.contains('x').then_some((0, 1)));
        assert_eq!(answer.await, Some(true));
    }

    #[tokio::test]
    async fn cannot_tell_where_there_is_no_name_server_or_the_name_cannot_be_asked_for() {
        let settings = Arc::new(Settings::parse("", ""));
        let prober = Prober::with(move || Arc::clone(&settings));
        assert_eq!(prober.settings().server, None);
        assert!(!prober.probe(&query("a.test", Family::Any)).await);
        let (_server, prober) = server("").await;
        assert!(prober.settings().server.is_some());
        assert!(!prober.probe(&query("a..test", Family::Any)).await);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn knows_that_a_name_server_is_not_there() {
        let (server, prober) = server("").await;
        drop(server);
        assert!(prober.probe(&query("a.test", Family::Any)).await);
    }

    #[tokio::test]
    async fn has_one_socket_for_all_probes_and_none_without_any() {
        let (server, prober) = server("").await;
        let probing = async {
            let queries: Vec<Query> =
                (0..100).map(|n| query(&format!("{n}.test"), Family::V4)).collect();
            timeout(RETRY / 2, join_all(queries.iter().map(|query| prober.probe(query)))).await
        };
        let receiving = async {
            let mut from = Vec::new();
            for _ in 0..100 {
                from.push(receive(&server).await.2);
            }
            from.dedup();
            from.len()
        };
        let (probed, sockets) = join(probing, receiving).await;
        assert!(probed.is_err(), "nobody replies");
        assert_eq!(sockets, 1);
        assert!(prober.channel.lock().expect("the channel").upgrade().is_none());
    }
}
