//! When a microphone that is open and gives no sound is told of. It reads no clock.

use std::time::Duration;

use tokio::time::Instant;

/// A voice that no sound comes of any more has ended: its client is muted, or saves what is silent.
const GONE: Duration = Duration::from_secs(2);
/// How often somebody is told that nothing is heard.
const QUIET: Duration = Duration::from_secs(60);

/// Follows one microphone.
pub(super) struct Absence {
    /// When sound came last.
    since: Instant,
    /// What has been told of the time since then.
    told: u32,
}

/// What it means that no sound has come.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Missed {
    /// Whoever spoke is no longer heard.
    Voice,
    Quiet(Duration),
}

impl Absence {
    pub(super) fn new(now: Instant) -> Self {
        Self { since: now, told: 0 }
    }

    pub(super) fn sound(&mut self, now: Instant) {
        *self = Self::new(now);
    }

    /// When something is missed next.
    pub(super) fn due(&self) -> Instant {
        self.since + if self.told == 0 { GONE } else { QUIET * self.told }
    }

    /// That time has come.
    pub(super) fn miss(&mut self) -> Missed {
        let quiet = QUIET * self.told;
        self.told += 1;
        if quiet.is_zero() { Missed::Voice } else { Missed::Quiet(quiet) }
    }
}
