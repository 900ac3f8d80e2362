//! The signals that ask the process to end. It ends nothing itself.

use std::io;

#[cfg(unix)]
use std::io::IsTerminal;

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Holds the signals from the moment it is made: from then on none of them ends the process by itself.
#[cfg(unix)]
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    /// Asked while there is one: a terminal that is gone is none.
    is_at_terminal: bool,
}

#[cfg(unix)]
impl Signals {
    /// # Errors
    /// When the system does not let them be held.
    pub(super) fn hold() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
            is_at_terminal: io::stdin().is_terminal(),
        })
    }

    /// Resolves with the next signal that asks for the end. A terminal that hangs up does; a service is only told to
    /// read its settings anew, which it does at its next start.
    pub(super) async fn next(&mut self) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hangup.recv() => if self.is_at_terminal {
                    return;
                },
            }
            tracing::info!("SIGHUP changes nothing: settings are read at the start");
        }
    }
}

/// Where there are no signals, what is pressed at the terminal.
#[cfg(not(unix))]
pub(super) struct Signals;

#[cfg(not(unix))]
impl Signals {
    /// # Errors
    /// Never.
    #[expect(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
    pub(super) fn hold() -> io::Result<Self> {
        Ok(Self)
    }

    pub(super) async fn next(&mut self) {
        drop(tokio::signal::ctrl_c().await);
    }
}
