//! Panics on demand, so that tests can show that none reaches the host. Nothing in a normal build.

use crate::servers::Server;

/// Where a panic can be had: by a server whose id is the text behind the name.
#[derive(Clone, Copy, Debug)]
pub enum Failpoint {
    /// `panic in a method`
    Method,
    /// `panic in a tick`
    Tick,
    /// `panic in an attempt`
    Attempt,
}

/// Panics if this build has failpoints and the id of `server` names `failpoint`.
#[cfg_attr(not(feature = "failpoints"), expect(unused_variables, reason = "failpoints are off"))]
pub fn hit(failpoint: Failpoint, server: &Server) {
    #[cfg(feature = "failpoints")]
    {
        let trigger = match failpoint {
            Failpoint::Method => "panic in a method",
            Failpoint::Tick => "panic in a tick",
            Failpoint::Attempt => "panic in an attempt",
        };
        if String::from_utf16_lossy(&server.id) == trigger {
            panic!("{trigger}");
        }
    }
}
