//! The binding: the only file that knows napi. Arguments in, outcomes and descriptors out.
//!
//! What is exported here is for `lib/`, which checks what the app hands in and makes events and
//! sockets of what comes out. Methods catch panics, which abort the process otherwise.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use napi::Env;
use napi::bindgen_prelude::{Either3, FnArgs, Function, Utf16String};
use napi::threadsafe_function::{ThreadsafeFunctionCallMode, UnknownReturnValue};
use napi_derive::napi;

use crate::attempt::{Limits, MaxSlot, Outcome};
use crate::env::Environment;
use crate::env::handoff::{Handoff, is_main_thread};
use crate::env::outbox::Outbox;
use crate::net::error::{ConnectError, SyscallError, Target};
use crate::net::literal::Literal;
use crate::rover::{Begun, Delivery, Rover, Settled};
use crate::runtime::{Wake, before_rest};
use crate::servers::{Addresses, Endpoint, Family, Local, Server, Wrap};
use crate::stats::Stats;

/// What an outcome is, and so what its `detail` is.
#[napi]
pub enum OutcomeKind {
    /// Nothing: the outcome was withdrawn.
    None,
    /// `slot` is the slot; a descriptor is on offer; `detail` is a `NativeWrap`, if there is any.
    Connection,
    /// The slot was too high; the connection is closed.
    Rejected,
    /// `detail` is a fault line, or an array of them where several addresses were tried.
    Unreachable,
    /// This machine ran out of something; `detail` is a fault line.
    LocalFault,
    /// `detail` is what the server sent instead of a slot line, at most 32 bytes, as Latin-1.
    Protocol,
    /// There was no server to pick.
    NoServers,
    /// A bug of ours; `detail` is the message.
    Internal,
}

/// What came of `connect()` and `start()`.
#[napi]
pub enum AttemptState {
    /// An outcome will follow.
    InFlight,
    /// There are no servers; no outcome follows.
    NoServers,
    /// Too much is pending; no outcome follows.
    Skipped,
    /// Of `start()`: the system has no thread or no descriptors for the roving, which has not begun.
    NoRuntime,
}

/// A server, checked.
#[napi(object)]
pub struct NativeServer {
    /// The app's name for it.
    pub id: Utf16String,
    /// A name or an IP address; not needed with `path`.
    pub host: Option<String>,
    /// The TCP port; not needed with `path`.
    pub port: Option<u16>,
    /// The path of a Unix socket.
    pub path: Option<String>,
    /// 0, 4 or 6.
    pub family: Option<u32>,
    /// The IP address to connect from.
    pub local_address: Option<String>,
    /// The head start of each address over the next, in milliseconds; 0 tries the first one only.
    pub head_start: Option<f64>,
    /// What to find again in `detail` with a connection.
    pub wrap: Option<NativeWrap>,
}

/// What the socket of a connection is to be set to.
#[napi(object)]
#[derive(Clone)]
pub struct NativeWrap {
    /// `allowHalfOpen` 1, `noDelay` 2, `keepAlive` 4, a Unix socket 8.
    pub flags: u32,
    /// In milliseconds.
    pub keep_alive_initial_delay: f64,
    /// In milliseconds.
    pub timeout: f64,
}

/// What bounds the attempts of a rover.
#[napi(object)]
pub struct NativeLimits {
    /// In milliseconds; 0 is no limit.
    pub connect_timeout: f64,
    /// In milliseconds; 0 is no limit.
    pub slot_timeout: f64,
    /// How many attempts and outcomes may be pending.
    pub max_pending: f64,
    /// The highest slot that is wanted.
    pub max_slot: f64,
}

/// What became of all attempts so far.
#[napi(object)]
pub struct NativeStats {
    /// Attempts begun.
    pub attempts: f64,
    /// Handed over as `connection`.
    pub connections: f64,
    /// Closed since the slot was above `MAX_SLOT`.
    pub rejected: f64,
    /// Reported as `unreachable`.
    pub unreachable: f64,
    /// Reported as `error`.
    pub errors: f64,
    /// Given up by `stop()`.
    pub abandoned: f64,
    /// Not begun, since `MAX_PENDING` was reached.
    pub skipped: f64,
    /// In flight, or waiting for JavaScript.
    pub pending: f64,
}

// Text, not `Buffer`s: their memory is never freed where a worker is terminated with some of them alive.
type Detail = Either3<String, Vec<String>, NativeWrap>;

/// The arguments of `deliver`: kind, origin, registration, slot, detail, server. The server comes
/// only where it is no longer registered and has to be described.
type Arguments = FnArgs<(u32, u32, u32, f64, Option<Detail>, Option<NativeServer>)>;

/// All rovers of this JavaScript environment, and the way their outcomes come to it.
#[napi(js_name = "Environment")]
pub struct NativeEnvironment {
    environment: Arc<Environment<Delivery>>,
    handoff: Rc<RefCell<Handoff>>,
}

#[napi]
impl NativeEnvironment {
    /// `deliver` is called once for each outcome, each time as a callback of its own.
    #[napi(
        constructor,
        catch_unwind,
        ts_args_type = "deliver: (kind: OutcomeKind, origin: number, registration: number, \
                        slot: number, detail?: string | string[] | NativeWrap | null, \
                        server?: NativeServer | null) => void"
    )]
    pub fn new(env: Env, deliver: Function<Arguments, UnknownReturnValue>) -> napi::Result<Self> {
        let handoff = Rc::new(RefCell::new(Handoff::new(!is_main_thread())));
        let source: Rc<OnceLock<Weak<Environment<Delivery>>>> = Rc::default();
        let (taking_from, offering_to) = (Rc::clone(&source), Rc::downgrade(&handoff));
        let wake = deliver
            .build_threadsafe_function::<()>()
            .weak::<true>()
            .callee_handled::<false>()
            .build_callback(move |_| {
                // A panic here would abort the process.
                let arguments = catch_unwind(AssertUnwindSafe(|| {
                    let environment = taking_from.get().and_then(Weak::upgrade);
                    let settled =
                        environment.and_then(|environment| environment.outbox.take())?.settle();
                    let handoff = offering_to.upgrade()?;
                    Some(arguments(settled, &mut handoff.borrow_mut()))
                }));
                Ok(arguments.unwrap_or_else(|_| Some(internal(0, "panic"))).unwrap_or_else(none))
            })?;
        let wake: Wake = Arc::new(move || {
            // Refused only when the environment is going down; the outbox still owns the outcome.
            let _ = wake.call((), ThreadsafeFunctionCallMode::NonBlocking);
        });
        let outbox = Outbox::new(move || before_rest(&wake));
        let environment = Arc::new(Environment::new(outbox));
        let _ = source.set(Arc::downgrade(&environment));
        // After the threadsafe function, so that this runs before the end of it (newest first).
        env.add_env_cleanup_hook(
            (Arc::downgrade(&environment), Rc::downgrade(&handoff)),
            |(environment, handoff)| {
                // A panic here would abort the process.
                let _ = catch_unwind(AssertUnwindSafe(|| {
                    if let Some(environment) = environment.upgrade() {
                        environment.shut_down();
                    }
                    if let Some(handoff) = handoff.upgrade() {
                        handoff.borrow_mut().end();
                    }
                }));
            },
        )?;
        Ok(Self { environment, handoff })
    }

    /// The descriptor of the connection that is being delivered. `adopted` or `refused` must follow.
    #[napi(catch_unwind)]
    pub fn claim(&self) -> napi::Result<i32> {
        self.handoff
            .borrow_mut()
            .claim()
            .ok_or_else(|| napi::Error::from_reason("No descriptor is on offer"))
    }

    /// A socket has the descriptor.
    #[napi(catch_unwind)]
    pub fn adopted(&self) {
        self.handoff.borrow_mut().adopted();
    }

    /// No socket has the descriptor: closes it.
    #[napi(catch_unwind)]
    pub fn refused(&self) {
        self.handoff.borrow_mut().refused();
    }
}

/// A rover.
#[napi(js_name = "ClientRover")]
pub struct NativeRover(Rover);

#[napi]
impl NativeRover {
    /// A rover at rest, without servers.
    #[napi(constructor, catch_unwind)]
    pub fn new(environment: &NativeEnvironment, limits: NativeLimits) -> Self {
        let max_pending = limits.max_pending as usize;
        let limits = Limits {
            connect_timeout: limit(limits.connect_timeout),
            slot_timeout: limit(limits.slot_timeout),
            max_slot: MaxSlot::new(limits.max_slot),
        };
        Self(Rover::new(&environment.environment, limits, max_pending))
    }

    /// Adds a server under a registration, a number that is vacant. There is room for all up to the highest.
    #[napi(catch_unwind)]
    pub fn add_server(&self, registration: u32, server: NativeServer) -> napi::Result<()> {
        self.0.add_server(registration, server.into_server()?);
        Ok(())
    }

    /// Drops the server of a registration.
    #[napi(catch_unwind)]
    pub fn drop_server(&self, registration: u32) {
        self.0.drop_server(registration);
    }

    /// Begins one attempt; its outcome names `origin`.
    #[napi(catch_unwind)]
    pub fn connect(&self, origin: u32) -> AttemptState {
        self.0.connect(origin).into()
    }

    /// Begins one attempt now and one at each interval (ms); their outcomes name `origin`.
    #[napi(catch_unwind)]
    pub fn start(&self, origin: u32, interval: f64) -> AttemptState {
        match self.0.start(origin, milliseconds(interval)) {
            Ok(begun) => begun.into(),
            Err(_) => AttemptState::NoRuntime,
        }
    }

    /// Ends the roving. Answers with how many outcomes of it are still to come.
    #[napi(catch_unwind)]
    pub fn stop_roving(&self) -> u32 {
        count(self.0.stop_roving())
    }

    /// Lets the roving go on under another origin. Answers with how many outcomes are still to come
    /// under the one before.
    #[napi(catch_unwind)]
    pub fn rename_roving(&self, origin: u32) -> u32 {
        count(self.0.rename_roving(origin))
    }

    /// Ends the roving and gives up what is pending: no outcome follows.
    #[napi(catch_unwind)]
    pub fn stop(&self) {
        self.0.stop();
    }

    /// Changes the highest slot that is wanted.
    #[napi(catch_unwind)]
    pub fn set_max_slot(&self, slot: f64) {
        self.0.set_max_slot(slot);
    }

    /// What became of all attempts so far.
    #[napi(catch_unwind)]
    pub fn stats(&self) -> NativeStats {
        self.0.stats().into()
    }
}

fn arguments(settled: Settled, handoff: &mut Handoff) -> Arguments {
    handoff.withdraw();
    let Settled { origin, server, outcome } = settled;
    let (mut slot, mut detail) = (-1.0, None);
    let kind = match outcome {
        Outcome::Connection { slot: number, descriptor } => {
            handoff.offer(descriptor);
            // Exact: a slot fits into 53 bits.
            slot = number as f64;
            let wrap = server.as_ref().and_then(|it| NativeWrap::from_wrap(it.server.wrap));
            detail = wrap.map(Either3::C);
            OutcomeKind::Connection
        }
        Outcome::Rejected => OutcomeKind::Rejected,
        Outcome::Unreachable(failure) => {
            detail = Some(match failure {
                ConnectError::One(fault) => Either3::A(fault_line(&fault)),
                ConnectError::Several(faults) => {
                    Either3::B(faults.iter().map(fault_line).collect())
                }
            });
            OutcomeKind::Unreachable
        }
        Outcome::LocalFault(fault) => {
            detail = Some(Either3::A(fault_line(&fault)));
            OutcomeKind::LocalFault
        }
        Outcome::Protocol(received) => {
            detail = Some(Either3::A(received.into_iter().map(char::from).collect()));
            OutcomeKind::Protocol
        }
        Outcome::NoServers => OutcomeKind::NoServers,
        Outcome::Internal(message) => return internal(origin, &message),
    };
    let registration = server.as_ref().map_or(0, |it| it.registration);
    let is_named =
        matches!(kind, OutcomeKind::Unreachable | OutcomeKind::Protocol | OutcomeKind::LocalFault);
    let described = server
        .filter(|it| is_named && it.is_dropped())
        .map(|it| NativeServer::from_server(&it.server));
    (kind as u32, origin, registration, slot, detail, described).into()
}

fn internal(origin: u32, message: &str) -> Arguments {
    let detail = Either3::A(message.to_owned());
    (OutcomeKind::Internal as u32, origin, 0, -1.0, Some(detail), None).into()
}

fn none() -> Arguments {
    (OutcomeKind::None as u32, 0, 0, -1.0, None, None).into()
}

impl From<Begun> for AttemptState {
    fn from(begun: Begun) -> Self {
        match begun {
            Begun::InFlight => Self::InFlight,
            Begun::NoServers => Self::NoServers,
            Begun::Skipped => Self::Skipped,
        }
    }
}

impl NativeServer {
    fn into_server(self) -> napi::Result<Server> {
        let peer = match self.path {
            Some(path) => Endpoint::Unix { path: PathBuf::from(path) },
            None => Endpoint::Tcp {
                host: self.host.ok_or_else(|| invalid("host"))?.into(),
                port: self.port.ok_or_else(|| invalid("port"))?,
                family: match self.family {
                    None | Some(0) => Family::Any,
                    Some(4) => Family::V4,
                    Some(6) => Family::V6,
                    Some(_) => return Err(invalid("family")),
                },
                hints: 0,
                local: Local { address: self.local_address.map(literal).transpose()?, port: 0 },
                addresses: self.head_start.map(|head_start| match head_start {
                    0.0 => Addresses::First,
                    _ => Addresses::Raced(milliseconds(head_start)),
                }),
            },
        };
        let wrap = self.wrap.map_or_else(Wrap::default, |wrap| Wrap {
            flags: wrap.flags,
            keep_alive_initial_delay: wrap.keep_alive_initial_delay,
            timeout: wrap.timeout,
        });
        Ok(Server { id: Box::from(&*self.id), peer, wrap })
    }

    /// As much as JavaScript needs to name a server that it has dropped.
    fn from_server(server: &Server) -> Self {
        let (host, port, path) = match &server.peer {
            Endpoint::Tcp { host, port, .. } | Endpoint::Resolved { host, port, .. } => {
                (Some(host.to_string()), Some(*port), None)
            }
            Endpoint::Unix { path } => (None, None, Some(path.to_string_lossy().into_owned())),
        };
        let id = server.id.to_vec().into();
        Self {
            id,
            host,
            port,
            path,
            family: None,
            local_address: None,
            head_start: None,
            wrap: None,
        }
    }
}

impl NativeWrap {
    fn from_wrap(wrap: Wrap) -> Option<Self> {
        let Wrap { flags, keep_alive_initial_delay, timeout } = wrap;
        (wrap != Wrap::default()).then_some(Self { flags, keep_alive_initial_delay, timeout })
    }
}

/// A fault in one line, which costs JavaScript a fraction of what an object does: the system call, the
/// error as libuv numbers it, the TCP port or else `host` or `path`, and the address, host or path.
fn fault_line(SyscallError { syscall, errno, place }: &SyscallError) -> String {
    match place {
        Target::Address(address) => {
            format!("{syscall} {errno} {} {}", address.port(), address.ip())
        }
        Target::Literal(literal, port) => format!("{syscall} {errno} {port} {literal}"),
        Target::Host(host) => format!("{syscall} {errno} host {host}"),
        Target::Path(path) => format!("{syscall} {errno} path {}", path.display()),
    }
}

impl From<Stats> for NativeStats {
    fn from(stats: Stats) -> Self {
        Self {
            attempts: stats.attempts as f64,
            connections: stats.connections as f64,
            rejected: stats.rejected as f64,
            unreachable: stats.unreachable as f64,
            errors: stats.errors as f64,
            abandoned: stats.abandoned as f64,
            skipped: stats.skipped as f64,
            pending: stats.pending as f64,
        }
    }
}

fn literal(text: String) -> napi::Result<Literal> {
    Literal::parse(&text.into()).ok_or_else(|| invalid("localAddress"))
}

fn milliseconds(number: f64) -> Duration {
    Duration::try_from_secs_f64(number / 1000.0).unwrap_or(Duration::MAX)
}

fn limit(number: f64) -> Option<Duration> {
    (number > 0.0).then(|| milliseconds(number))
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// `lib/` checks servers before they come here; this only keeps a slip there from going further.
fn invalid(field: &str) -> napi::Error {
    napi::Error::new(napi::Status::InvalidArg, format!("Invalid {field}"))
}
