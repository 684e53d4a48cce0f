//! Remembers when this process last ran out of descriptors.
//!
//! A call that needs one and fails for want of it does not always say so: `getaddrinfo` can read neither
//! its files nor the answer of a name server then, and says "not found". What fails right after a
//! shortage is blamed on it, since the server did nothing wrong. To look whether there is one by then is not enough:
//! without the memory, `__test__/outcomes/few-descriptors.test.js` failed in 5 of 6 runs.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::net::platform::{errno, shortage};

/// How long a shortage explains what fails.
const MEMORY: Duration = Duration::from_secs(1);

static LAST: Mutex<Option<(Instant, i32)>> = Mutex::new(None);

/// Takes note of `error`, in libuv's numbering, if it is one of a shortage.
pub fn note(error: i32) {
    if [errno::EMFILE, errno::ENFILE].contains(&error) {
        *LAST.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), error));
    }
}

/// The error of a shortage that is there or was there a moment ago.
pub fn recent() -> Option<i32> {
    shortage().inspect(|error| note(*error));
    let last = *LAST.lock().unwrap_or_else(PoisonError::into_inner);
    last.filter(|(at, _)| at.elapsed() < MEMORY).map(|(_, error)| error)
}
