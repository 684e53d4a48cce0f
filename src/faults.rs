//! Panics on demand, so that tests can show that none reaches the host. Nothing in a normal build.

use crate::servers::Server;

/// Where a panic can be had: by a server whose id is the text behind the name.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// `panic in a method`
    Method,
    /// `panic in a tick`
    Tick,
    /// `panic in an attempt`
    Attempt,
}

/// Panics if this build injects faults and the id of `server` asks for `fault`.
#[cfg_attr(not(feature = "inject-faults"), expect(unused_variables, reason = "faults are off"))]
pub fn strike(fault: Fault, server: &Server) {
    #[cfg(feature = "inject-faults")]
    {
        let trigger = match fault {
            Fault::Method => "panic in a method",
            Fault::Tick => "panic in a tick",
            Fault::Attempt => "panic in an attempt",
        };
        if String::from_utf16_lossy(&server.id) == trigger {
            panic!("{trigger}");
        }
    }
}
