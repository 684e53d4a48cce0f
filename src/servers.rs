//! The server table: what a rover picks from. Add, drop and pick take constant time.
//!
//! A server is known by its *registration*, a small number that the host gives it. It may be another server's
//! when this one has been dropped: an attempt in flight knows by the server itself whether it was.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::net::error::Target;
use crate::net::literal::Literal;

/// A server as the app described it.
#[derive(Debug, PartialEq)]
pub struct Server {
    /// The app's name for it, in UTF-16: any JavaScript string, lone surrogates included.
    pub id: Box<[u16]>,
    /// Where it listens.
    pub peer: Endpoint,
    /// What the host wants to find again when it wraps the socket. Nothing here looks at it.
    pub wrap: Wrap,
}

/// Where a server listens.
#[derive(Clone, Debug, PartialEq)]
pub enum Endpoint {
    /// A TCP port.
    Tcp {
        /// A name or an IP address.
        host: Arc<str>,
        /// The port.
        port: u16,
        /// What kinds of addresses a look-up of `host` asks for.
        family: Family,
        /// The flags (`AI_*`) that a look-up is given; 0 leaves them to us.
        hints: i32,
        /// Where to connect from.
        local: Local,
        /// How many of the addresses of `host` are tried; `None` leaves it to the [`AddressPolicy`].
        addresses: Option<Addresses>,
    },
    /// A TCP port at addresses that are known already: the app has looked them up by itself.
    #[cfg_attr(not(test), expect(dead_code, reason = "JavaScript does not ask for it yet"))]
    Resolved {
        /// The name that was looked up.
        host: Arc<str>,
        /// The port.
        port: u16,
        /// The addresses of `host`, in the order of the app.
        found: Vec<Literal>,
        /// Where to connect from.
        local: Local,
        /// How many of `found` are tried; `None` leaves it to the [`AddressPolicy`].
        addresses: Option<Addresses>,
    },
    /// A Unix domain socket.
    Unix {
        /// Its path; on Linux an abstract name where it begins with a NUL.
        path: PathBuf,
    },
}

impl Endpoint {
    /// The peer as the subject of a fault, before an address of it is known.
    pub fn place(&self) -> Target {
        match self {
            Self::Tcp { host, .. } | Self::Resolved { host, .. } => Target::Host(Arc::clone(host)),
            Self::Unix { path } => Target::Path(path.clone()),
        }
    }
}

/// Where to connect from. By default the system chooses.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Local {
    /// The address; `None` is any.
    pub address: Option<Literal>,
    /// The port; 0 is any.
    pub port: u16,
}

impl Local {
    /// Whether the system may choose both.
    pub fn is_any(&self) -> bool {
        self.address.is_none() && self.port == 0
    }
}

/// How many of the addresses of a name are tried.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Addresses {
    /// The first one and no other.
    First,
    /// All, each with this head start over the next (RFC 8305, section 5).
    Raced(Duration),
}

impl Addresses {
    /// The head start that RFC 8305 recommends.
    pub const HEAD_START: Duration = Duration::from_millis(250);
}

/// In which order the addresses of a look-up are tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// That of the system.
    #[default]
    Verbatim,
    /// IPv4 addresses before IPv6 ones.
    #[cfg_attr(not(test), expect(dead_code, reason = "JavaScript does not ask for it yet"))]
    Ipv4First,
    /// IPv6 addresses before IPv4 ones.
    #[cfg_attr(not(test), expect(dead_code, reason = "JavaScript does not ask for it yet"))]
    Ipv6First,
}

/// What the app has asked Node for: `dns.setDefaultResultOrder`, `net.setDefaultAutoSelectFamily` and
/// `net.setDefaultAutoSelectFamilyAttemptTimeout`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AddressPolicy {
    /// In which order addresses are tried.
    pub order: Order,
    /// How many are tried, where the server does not say.
    pub addresses: Addresses,
}

impl Default for AddressPolicy {
    fn default() -> Self {
        Self { order: Order::Verbatim, addresses: Addresses::Raced(Addresses::HEAD_START) }
    }
}

/// The kinds of addresses that a look-up asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// Both.
    Any,
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
}

/// Socket options that the host sets when it wraps the descriptor.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Wrap {
    /// Bits whose meaning is the host's.
    pub flags: u32,
    /// In milliseconds.
    pub keep_alive_initial_delay: f64,
    /// In milliseconds.
    pub timeout: f64,
}

/// A server in a table, or one that was.
#[derive(Debug)]
pub struct Registered {
    /// Its number.
    pub registration: u32,
    /// The server.
    pub server: Server,
    is_dropped: AtomicBool,
}

impl Registered {
    /// Whether it was dropped from its table. An attempt in flight may ask long after; to look the number up
    /// in a table of many servers would take longer.
    pub fn is_dropped(&self) -> bool {
        self.is_dropped.load(Ordering::Relaxed)
    }

    fn drop_out(&self) {
        self.is_dropped.store(true, Ordering::Relaxed);
    }
}

/// The servers that a rover picks from.
#[derive(Debug, Default)]
pub struct ServerTable {
    servers: Vec<Arc<Registered>>,
    /// Where in `servers` each registration is; [`NOWHERE`] where it is vacant.
    positions: Vec<u32>,
}

const NOWHERE: u32 = u32::MAX;

impl ServerTable {
    /// Adds a server under a registration, and drops the one that has it, if any. Registrations are given from 0
    /// on: the table has room for all up to the highest.
    pub fn add(&mut self, registration: u32, server: Server) {
        self.drop_server(registration);
        let is_dropped = AtomicBool::new(false);
        let position = self.servers.len() as u32;
        self.servers.push(Arc::new(Registered { registration, server, is_dropped }));
        let index = registration as usize;
        if index >= self.positions.len() {
            self.positions.resize(index + 1, NOWHERE);
        }
        self.positions[index] = position;
    }

    /// Drops the server of a registration; a vacant one is a no-op. Attempts in flight to it go on.
    pub fn drop_server(&mut self, registration: u32) {
        let Some(position) = self.positions.get_mut(registration as usize) else {
            return;
        };
        let position = std::mem::replace(position, NOWHERE);
        if position == NOWHERE {
            return;
        }
        self.servers.swap_remove(position as usize).drop_out();
        if let Some(moved) = self.servers.get(position as usize) {
            self.positions[moved.registration as usize] = position;
        }
    }

    /// Whether there is nothing to pick.
    pub fn is_empty(&self) -> bool {
        self.servers.is_empty()
    }

    /// Picks a server with `index`, which is given the number of servers and answers with a
    /// position below it. `None` when there are no servers.
    pub fn pick(&self, index: impl FnOnce(usize) -> usize) -> Option<Arc<Registered>> {
        if self.is_empty() {
            return None;
        }
        Some(Arc::clone(&self.servers[index(self.servers.len())]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(path: &str) -> Server {
        Server {
            id: path.encode_utf16().collect(),
            peer: Endpoint::Unix { path: path.into() },
            wrap: Wrap::default(),
        }
    }

    fn pick(table: &ServerTable, index: usize) -> Arc<Registered> {
        table.pick(|_| index).expect("a server")
    }

    fn all(table: &ServerTable) -> Vec<u32> {
        let count = table.servers.len();
        let mut all: Vec<u32> = (0..count).map(|index| pick(table, index).registration).collect();
        all.sort_unstable();
        all
    }

    #[test]
    fn picks_nothing_from_an_empty_table() {
        assert!(ServerTable::default().pick(|_| 0).is_none());
    }

    #[test]
    fn picks_the_server_at_the_index_it_is_told() {
        let mut table = ServerTable::default();
        table.add(7, server("/a"));
        table.add(8, server("/b"));
        let picked = table.pick(|count| count - 1).expect("a server");
        assert_eq!((picked.registration, &picked.server), (8, &server("/b")));
        assert_eq!(all(&table), [7, 8]);
    }

    #[test]
    fn drops_the_server_before_under_the_same_registration() {
        let mut table = ServerTable::default();
        table.add(7, server("/a"));
        let replaced = pick(&table, 0);
        table.add(7, server("/b"));
        assert_eq!(pick(&table, 0).server, server("/b"));
        assert!(replaced.is_dropped());
        assert_eq!(all(&table), [7]);
    }

    #[test]
    fn finds_every_server_again_whatever_was_dropped() {
        let mut table = ServerTable::default();
        for registration in 0..6 {
            table.add(registration, server("/x"));
        }
        for (dropped, left) in [(5, vec![0, 1, 2, 3, 4]), (0, vec![1, 2, 3, 4]), (2, vec![1, 3, 4])]
        {
            table.drop_server(dropped);
            assert_eq!(all(&table), left);
        }
        table.drop_server(99);
        assert_eq!(all(&table), [1, 3, 4]);
    }

    #[test]
    fn leaves_a_dropped_server_to_those_who_hold_it() {
        let mut table = ServerTable::default();
        table.add(1, server("/a"));
        let held = pick(&table, 0);
        assert!(!held.is_dropped());
        table.drop_server(1);
        assert!(held.is_dropped());
        assert_eq!(held.server, server("/a"));
    }
}
