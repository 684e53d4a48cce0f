//! The look-up of the system: `getaddrinfo`, which blocks, and knows of files, name servers and whatever else the
//! machine is set up for.

use std::net::SocketAddr;

use dns_lookup::{AddrInfoHints, LookupErrorKind, getaddrinfo};
use socket2::{Domain, Type};

use crate::net::endpoint::Family;
use crate::net::error::eai;
use crate::net::exhaustion;
use crate::net::lookup::{Answer, Query};
use crate::net::platform::{DEFAULT_HINTS, libuv_errno};

/// `AF_UNSPEC`, on every system.
const ANY_FAMILY: i32 = 0;

/// Asks as `net.connect` does: stream sockets, and with [`DEFAULT_HINTS`] unless a family is named or there are hints.
///
/// # Errors
/// What the system says, as one of [`eai`] or a negated system error.
pub fn ask_system(query: &Query) -> Answer {
    let Query { host, family, hints: flags } = query;
    let hints = AddrInfoHints {
        socktype: Type::STREAM.into(),
        address: match family {
            Family::Any => ANY_FAMILY,
            Family::V4 => Domain::IPV4.into(),
            Family::V6 => Domain::IPV6.into(),
        },
        flags: match (family, flags) {
            (Family::Any, 0) => DEFAULT_HINTS,
            _ => *flags,
        },
        ..AddrInfoHints::default()
    };
    let found = getaddrinfo(Some(host), None, Some(hints))
        .map_err(|error| exhaustion::recent().unwrap_or_else(|| libuv_error(error)))?;
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
            std::io::Error::from(error).raw_os_error().map_or(eai::FAIL, libuv_errno)
        }
        // A name that C can't hold (it has a NUL in it) is not the name of any host.
        LookupErrorKind::IO => eai::NONAME,
        LookupErrorKind::Unknown => eai::FAIL,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(host: &str, family: Family, hints: i32) -> Answer {
        ask_system(&Query { host: host.into(), family, hints })
    }

    fn address(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn finds_the_families_that_are_wanted() {
        let v4 = ask("localhost", Family::V4, 0).expect("an answer");
        assert_eq!(v4.to_vec(), [address("127.0.0.1:0")]);
        let any = ask("localhost", Family::Any, 0).expect("an answer");
        assert!(any.contains(&address("127.0.0.1:0")));
    }

    #[cfg(unix)]
    #[test]
    fn hands_hints_on() {
        assert_eq!(ask("localhost", Family::Any, libc::AI_NUMERICHOST), Err(eai::NONAME));
        // With AI_V4MAPPED an IPv4 address stands in where IPv6 is asked for.
        let mapped = ask("127.0.0.1", Family::V6, libc::AI_V4MAPPED | libc::AI_NUMERICHOST);
        assert_eq!(mapped.expect("an answer").to_vec(), [address("[::ffff:127.0.0.1]:0")]);
    }

    #[test]
    fn says_in_libuv_numbers_why_a_look_up_failed() {
        let unknown = ask("no-such-host.invalid", Family::Any, 0);
        assert!(
            [Err(eai::NONAME), Err(eai::AGAIN), Err(eai::NODATA)].contains(&unknown),
            "{unknown:?}"
        );
        assert_eq!(ask("nul\0", Family::Any, 0), Err(eai::NONAME));
    }
}
