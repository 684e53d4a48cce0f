//! Remembers when this process last ran out of descriptors.
//!
//! A call that needs one and fails for want of it does not always say so: `getaddrinfo` can read neither
//! its files nor the answer of a name server then, and says "not found". What fails right after a
//! shortage is blamed on it, since the server did nothing wrong.

use std::fs::File;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a shortage explains what fails.
const MEMORY: Duration = Duration::from_secs(1);

/// How many descriptors have to be free for there to be no shortage: as many as a look-up needs.
const NEEDED: usize = 4;

static LAST: Mutex<Option<(Instant, i32)>> = Mutex::new(None);

/// Takes note of `error`, a system error number, if it is one of a shortage.
pub fn note(error: i32) {
    if [libc::EMFILE, libc::ENFILE].contains(&error) {
        *LAST.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), error));
    }
}

/// The error number of a shortage that is there or was there a moment ago.
pub fn recent() -> Option<i32> {
    let probes: io::Result<Vec<File>> = (0..NEEDED).map(|_| File::open("/dev/null")).collect();
    if let Some(error) = probes.err().and_then(|error| error.raw_os_error()) {
        note(error);
    }
    let last = *LAST.lock().unwrap_or_else(PoisonError::into_inner);
    last.filter(|(at, _)| at.elapsed() < MEMORY).map(|(_, error)| error)
}
