//! An IP address as the app spelled it, perhaps with a zone (`fe80::1%eth0`).
//!
//! Which spellings are addresses is decided as `net.isIP` does, so that what `net.connect` takes without a
//! look-up is taken without one here.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::sync::Arc;

use crate::net::platform::zone_index;

/// An IP address in the app's own spelling. Errors show that spelling, as Node's do.
#[derive(Clone, Debug, PartialEq)]
pub struct Literal {
    text: Arc<str>,
    ip: IpAddr,
}

impl Literal {
    /// The address that `text` spells; `None` where it is a name.
    pub fn parse(text: &Arc<str>) -> Option<Self> {
        let ip = match text.split_once('%') {
            None => text.parse().ok()?,
            Some((address, zone)) if is_zone(zone) => IpAddr::V6(address.parse().ok()?),
            Some(_) => return None,
        };
        Some(Self { text: Arc::clone(text), ip })
    }

    /// The address without its zone.
    pub fn ip(&self) -> IpAddr {
        self.ip
    }

    /// The address to give to the system. A zone is the name of an interface or its number. One that this machine
    /// does not have counts as none, as in Node.
    ///
    /// # Errors
    /// What the system says where it cannot look for the interface, for want of a descriptor.
    pub fn socket_address(&self, port: u16) -> io::Result<SocketAddr> {
        match (self.ip, self.text.split_once('%')) {
            (IpAddr::V6(ip), Some((_, zone))) => {
                let index = zone_index(zone)?.or_else(|| zone.parse().ok());
                Ok(SocketAddrV6::new(ip, port, 0, index.unwrap_or(0)).into())
            }
            (ip, _) => Ok(SocketAddr::new(ip, port)),
        }
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// As in the pattern of `net.isIPv6`.
fn is_zone(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-.:".contains(&byte);
    !text.is_empty() && text.bytes().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<Literal> {
        Literal::parse(&text.into())
    }

    #[test]
    fn takes_for_an_address_what_net_is_ip_does() {
        for text in
            ["127.0.0.1", "::1", "0:0:0:0:0:0:0:1", "::ffff:7f00:1", "::1%lo", "::1%a-b.c:1"]
        {
            assert_eq!(parse(text).map(|literal| literal.to_string()).as_deref(), Some(text));
        }
        for text in
            ["localhost", "127.1", "01.2.3.4", "127.0.0.1%lo", "[::1]", "::1%", "::1%a_b", ""]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn finds_a_zone_by_name_and_by_number_and_leaves_out_one_that_is_not_there() {
        for (text, scope) in [("fe80::1%lo", 1), ("fe80::1%1", 1), ("fe80::1%no-such-zone", 0)] {
            let address = parse(text).expect("an address").socket_address(80).expect("a zone");
            let SocketAddr::V6(address) = address else { panic!("{address}") };
            assert_eq!((address.scope_id(), address.port()), (scope, 80), "{text}");
        }
    }
}
