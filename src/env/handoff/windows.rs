//! SOCKETs of Windows, and what tells them apart.

use std::os::windows::io::{FromRawSocket, IntoRawSocket, RawSocket};

use socket2::{SockAddr, Socket};

/// A SOCKET that is owned.
pub type Descriptor = Socket;

/// What JavaScript knows a SOCKET by. 32 bits of it count, so it is a whole number there.
pub type Number = RawSocket;

/// The addresses of both ends, which no other connection has as long as this one is open.
#[derive(Debug, PartialEq, Eq)]
pub struct Identity(SockAddr, SockAddr);

impl Identity {
    /// That of a SOCKET; `None` where it cannot be told.
    pub fn of(descriptor: &Descriptor) -> Option<Self> {
        Some(Self(descriptor.local_addr().ok()?, descriptor.peer_addr().ok()?))
    }
}

/// The SOCKET of a socket.
pub fn descriptor(socket: Socket) -> Descriptor {
    socket
}

/// The number of a SOCKET, which nobody owns from now on.
pub fn into_number(descriptor: Descriptor) -> Number {
    descriptor.into_raw_socket()
}

/// The SOCKET of a number.
///
/// # Safety
/// Nobody else may own it.
#[allow(unsafe_code, reason = "the SOCKET comes back from JavaScript")]
pub unsafe fn from_number(number: Number) -> Descriptor {
    // SAFETY: as the caller promises.
    unsafe { Socket::from_raw_socket(number) }
}

/// Whether this surely is the thread that the process began with. Windows does not tell.
pub fn is_main_thread() -> bool {
    false
}
