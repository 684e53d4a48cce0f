//! Where a server listens, as the app described it, and which of its addresses are tried. Knows no socket.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::error::Target;
use super::literal::Literal;

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
    /// What a system call is about before an address is known.
    pub fn target(&self) -> Target {
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
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Addresses {
    /// The first one and no other.
    #[default]
    First,
    /// All, each with this head start over the next (RFC 8305, section 5).
    Raced(Duration),
}

/// In which order the addresses of a look-up are tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// That of the system.
    #[default]
    Verbatim,
    /// IPv4 addresses before IPv6 ones.
    Ipv4First,
    /// IPv6 addresses before IPv4 ones.
    Ipv6First,
}

/// What the app has asked Node for: `dns.setDefaultResultOrder`, `net.setDefaultAutoSelectFamily` and
/// `net.setDefaultAutoSelectFamilyAttemptTimeout`. JavaScript sets it before the first attempt.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct AddressPolicy {
    /// In which order addresses are tried.
    pub order: Order,
    /// How many are tried, where the server does not say.
    pub addresses: Addresses,
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
