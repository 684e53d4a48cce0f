//! Panics on demand, so that tests can show that none reaches the host. Empty in a normal build.

use crate::net::endpoint::Endpoint;
#[cfg(feature = "failpoints")]
use crate::net::error::Target;

/// Where a panic can be had: by an endpoint whose host is the text behind the name.
#[derive(Clone, Copy, Debug)]
pub enum Failpoint {
    /// `panic in a method`
    Method,
    /// `panic in a tick`
    Tick,
    /// `panic in an attempt`
    Attempt,
}

/// Panics if this build has failpoints and the host of `endpoint` names this one.
#[cfg_attr(not(feature = "failpoints"), expect(unused_variables, reason = "failpoints are off"))]
pub fn hit(failpoint: Failpoint, endpoint: &Endpoint) {
    #[cfg(feature = "failpoints")]
    {
        let trigger = match failpoint {
            Failpoint::Method => "panic in a method",
            Failpoint::Tick => "panic in a tick",
            Failpoint::Attempt => "panic in an attempt",
        };
        if endpoint.target() == Target::Host(trigger.into()) {
            panic!("{trigger}");
        }
    }
}
