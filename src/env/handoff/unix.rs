//! Descriptors of Unix, and what tells them apart.

use std::fs::{self, File};
use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::fs::MetadataExt;

use socket2::Socket;

/// A descriptor that is owned. As a file, which can be asked what it is.
pub type Descriptor = File;

/// What JavaScript knows a descriptor by.
pub type Number = RawFd;

/// Device and inode, which no other file has as long as this one is open.
#[derive(Debug, PartialEq, Eq)]
pub struct Identity(u64, u64);

impl Identity {
    /// That of a descriptor; `None` where it cannot be told.
    pub fn of(descriptor: &Descriptor) -> Option<Self> {
        descriptor.metadata().ok().map(|found| Self(found.dev(), found.ino()))
    }
}

/// The descriptor of a socket.
pub fn descriptor(socket: Socket) -> Descriptor {
    File::from(OwnedFd::from(socket))
}

/// The number of a descriptor, which nobody owns from now on.
pub fn into_number(descriptor: Descriptor) -> Number {
    descriptor.into_raw_fd()
}

/// The descriptor of a number.
///
/// # Safety
/// Nobody else may own it.
#[allow(unsafe_code, reason = "the descriptor comes back from JavaScript")]
pub unsafe fn from_number(number: Number) -> Descriptor {
    // SAFETY: as the caller promises.
    unsafe { File::from_raw_fd(number) }
}

/// Whether this surely is the thread that the process began with. Only Linux tells.
pub fn is_main_thread() -> bool {
    // A link to `PROCESS/task/THREAD` (proc(5)).
    let link = fs::read_link("/proc/thread-self").unwrap_or_default();
    let (process, thread) = (link.iter().next(), link.file_name());
    process.is_some() && process == thread
}
