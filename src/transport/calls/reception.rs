//! Where calls begin: a thread that gives way to all others, because agreeing on keys is milliseconds of work in which
//! the calls that stand already have to sound. It knows no call.

use std::{io, thread};

use tokio::runtime::{Builder, Handle};

use super::niceness::give_way;
use crate::shutdown::Shutdown;

/// Runs what is spawned there until the server goes down. Without a further thread it is where everything else is.
pub(super) fn open(shutdown: &Shutdown) -> Handle {
    start(shutdown.clone()).unwrap_or_else(|error| {
        tracing::warn!(%error, "no thread for calls that begin: those that stand may stutter");
        Handle::current()
    })
}

fn start(shutdown: Shutdown) -> io::Result<Handle> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    thread::Builder::new().name("reception".to_owned()).spawn(move || {
        give_way();
        runtime.block_on(shutdown.draining());
    })?;
    Ok(handle)
}
