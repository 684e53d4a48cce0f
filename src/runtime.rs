//! The one Tokio runtime of the process: a thread of its own, begun at the first attempt.
//!
//! It is never shut down. Threads that only wait don't keep a process from ending, and a runtime
//! that outlives every JavaScript environment has no shutdown that could go wrong.

use std::future::pending;
use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;

use tokio::runtime::{Builder, Handle};

use crate::lookup::Lookups;

/// How many look-ups block a thread at the same time. Together with the rover's own thread and a
/// reserve this stays well under the 16 that the package promises.
const MAX_LOOKUP_THREADS: usize = 8;

/// What attempts run on.
pub struct Runtime {
    /// Where they are spawned.
    pub handle: Handle,
    /// The look-ups that they share.
    pub lookups: Arc<Lookups>,
}

/// The runtime; the first call begins it.
///
/// # Errors
/// What the system says when it has no thread or no descriptor for it. A later call tries again.
pub fn runtime() -> io::Result<&'static Runtime> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    static BEGINNING: Mutex<()> = Mutex::new(());
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let _one_at_a_time = BEGINNING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let runtime = begin()?;
    Ok(RUNTIME.get_or_init(|| runtime))
}

fn begin() -> io::Result<Runtime> {
    let runtime = Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .max_blocking_threads(MAX_LOOKUP_THREADS)
        .thread_name("rover-lookup")
        .build()?;
    let handle = runtime.handle().clone();
    thread::Builder::new().name("rover".into()).spawn(move || runtime.block_on(pending::<()>()))?;
    Ok(Runtime { handle, lookups: Lookups::new() })
}
