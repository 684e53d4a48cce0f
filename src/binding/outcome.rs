//! What JavaScript is told: the arguments of `deliver`.

use napi::bindgen_prelude::{Either, FnArgs};
use napi_derive::napi;

use crate::attempt::outcome::{Outcome, Verdict};
use crate::env::handoff::Handoff;
use crate::net::error::{ConnectError, SyscallError, Target};
use crate::rover::delivery::{Message, Taken};
use crate::servers::Change;

/// What is told, and so what its `detail` is.
#[napi]
pub enum OutcomeKind {
    /// Nothing: it was removed.
    None,
    /// An attempt was made; no outcome yet.
    Made,
    /// What is an attempt to connect to? `number` and `attempt` name it to `resume`, `resumeAt` or `fail`.
    Question,
    /// `number` is the slot; a descriptor is on offer, unless JavaScript has dialled.
    Connection,
    /// `number` is the slot, which was too high; the connection is closed.
    Rejected,
    /// `detail` is an error line, or an array of them where several addresses were tried.
    Unreachable,
    /// The server closed before it gave a slot.
    Closed,
    /// `detail` is what the server sent instead of a slot line, at most 32 bytes, as Latin-1.
    Protocol,
    /// This machine ran out of something; `detail` is an error line.
    Exhausted,
    /// The server can't be used, or this machine ran out of something; `number` is that of the question.
    Invalid,
    /// What JavaScript did in our place failed, the app's own `lookup` or dialling a named pipe; `number` is that of the
    /// question.
    LookupFailed,
    /// There was no server to pick.
    NoServers,
    /// A bug of ours; `detail` is the message.
    Internal,
}

/// How the state of a server changed with an outcome.
#[napi]
pub enum ServerChange {
    /// It did not.
    None,
    /// It gave a slot, after it was down.
    Up,
    /// It failed, after it was up.
    Down,
}

// Text, not `Buffer`s: their memory is never freed where a worker is terminated with some of them alive.
type Detail = Either<String, Vec<String>>;

/// The arguments of `deliver`: kind, context, server, number, detail, change, attempt.
pub type Arguments = FnArgs<(u32, u32, i32, f64, Option<Detail>, u32, u32)>;

/// The `server` of an attempt that has none.
const NO_SERVER: i32 = -1;

/// The `context` of what belongs to no call. No call has this key.
const NO_CONTEXT: u32 = u32::MAX;

/// The arguments for what was taken from the outbox. A descriptor in it is put on offer.
pub fn arguments(taken: Taken, handoff: &mut Handoff) -> Arguments {
    handoff.withdraw();
    let Taken { key, context, server, message, change: taken_change } = taken;
    let mut number = key.generation as f64;
    let (mut detail, mut change) = (None, ServerChange::None);
    let kind = match message {
        Message::Made => OutcomeKind::Made,
        Message::Question => OutcomeKind::Question,
        Message::Outcome(outcome) => {
            change = match taken_change {
                None => ServerChange::None,
                Some(Change::Up) => ServerChange::Up,
                Some(Change::Down) => ServerChange::Down,
            };
            if let Verdict::GaveSlot(slot) = outcome.verdict() {
                // Exact: a slot fits into 53 bits.
                number = slot as f64;
            }
            let (kind, about) = describe(outcome, handoff);
            detail = about;
            kind
        }
    };
    let server = server.map_or(NO_SERVER, |server| server as i32);
    (kind as u32, context, server, number, detail, change as u32, key.index).into()
}

fn describe(outcome: Outcome, handoff: &mut Handoff) -> (OutcomeKind, Option<Detail>) {
    match outcome {
        Outcome::Connection { socket, .. } => {
            socket.into_iter().for_each(|socket| handoff.offer(socket));
            (OutcomeKind::Connection, None)
        }
        Outcome::Rejected { .. } => (OutcomeKind::Rejected, None),
        Outcome::Unreachable(ConnectError(errors)) => {
            let detail = match &errors[..] {
                [error] => Either::A(error_line(error)),
                errors => Either::B(errors.iter().map(error_line).collect()),
            };
            (OutcomeKind::Unreachable, Some(detail))
        }
        Outcome::Closed => (OutcomeKind::Closed, None),
        Outcome::Protocol(received) => {
            let text = received.into_iter().map(char::from).collect();
            (OutcomeKind::Protocol, Some(Either::A(text)))
        }
        Outcome::Exhausted(error) => (OutcomeKind::Exhausted, Some(Either::A(error_line(&error)))),
        Outcome::Invalid => (OutcomeKind::Invalid, None),
        Outcome::LookupFailed => (OutcomeKind::LookupFailed, None),
        Outcome::NoServers => (OutcomeKind::NoServers, None),
        Outcome::Internal(message) => (OutcomeKind::Internal, Some(Either::A(message))),
    }
}

/// The arguments for a bug of ours, which belongs to no call.
pub fn internal(message: &str) -> Arguments {
    let detail = Some(Either::A(message.to_owned()));
    (OutcomeKind::Internal as u32, NO_CONTEXT, NO_SERVER, -1.0, detail, 0, 0).into()
}

/// The arguments where there is nothing to tell.
pub fn none() -> Arguments {
    (OutcomeKind::None as u32, NO_CONTEXT, NO_SERVER, -1.0, None, 0, 0).into()
}

/// An error in one line, which costs JavaScript a fraction of what an object does: the system call, the error as libuv
/// numbers it, the TCP port or else `host` or `path`, and the address, host or path. Behind an address comes the near end,
/// where it is to be told: its address and port where the app has chosen that, and otherwise both as one word.
fn error_line(SyscallError { syscall, errno, target, local }: &SyscallError) -> String {
    let near_end = local.as_ref().map_or_else(String::new, |local| {
        format!(" {}{}{}", local.address, if local.is_chosen { ' ' } else { ':' }, local.port)
    });
    match target {
        Target::Address(address) => {
            format!("{syscall} {errno} {} {}{near_end}", address.port(), address.ip())
        }
        Target::Literal(literal, port) => format!("{syscall} {errno} {port} {literal}{near_end}"),
        Target::Host(host) => format!("{syscall} {errno} host {host}"),
        Target::Path(path) => format!("{syscall} {errno} path {}", path.display()),
    }
}
