//! How long nobody has spoken since the tutor was heard: then the tutor speaks again. It knows the time as it is told.

use serde_json::json;

use super::Protocol;
use crate::domain::Millis;

/// What the tutor is asked when the learner stays silent, beside what the app asks.
const PROMPT: &str =
    "The learner has said nothing for a while. Help them to go on, in one short sentence.";

/// When the tutor will have been heard.
#[derive(Debug, Default)]
pub(super) struct Idle {
    now: Millis,
    /// All sound that has gone out so far, if it is played as it comes.
    heard_at: Millis,
    quiet: Option<Quiet>,
}

/// The tutor has spoken, and nobody has since.
#[derive(Clone, Copy, Debug)]
struct Quiet {
    since: Millis,
    /// Where the learner's sound was then, in milliseconds.
    at_ms: u64,
}

impl Idle {
    pub(super) fn now(&self) -> Millis {
        self.now
    }
}

impl Protocol {
    /// It is that late when the next input comes.
    pub fn set_time(&mut self, now: Millis) {
        self.idle.now = now;
    }

    /// When something happens by itself, if nothing else does: [`super::Input::Clock`] is wanted then.
    #[must_use]
    pub fn next_wake(&self) -> Option<Millis> {
        [self.quiet_until(), self.fetch_at()].into_iter().flatten().min()
    }

    /// When all sound that has gone out will have been heard, if it is played as it comes.
    pub(super) fn heard_at(&self) -> Millis {
        self.idle.heard_at
    }

    /// When the tutor speaks again, unless somebody does before.
    fn quiet_until(&self) -> Option<Millis> {
        let is_heard = self.playing.is_none();
        let quiet = self.idle.quiet.filter(|_| is_heard && !self.is_spoken_over())?;
        Some(quiet.since + self.session.idle_ms()?)
    }

    /// Sound of the tutor's goes out, so much of it in milliseconds.
    pub(super) fn sounds_for(&mut self, ms: u64) {
        self.idle.heard_at = self.idle.heard_at.max(self.idle.now) + ms;
    }

    /// A response has begun, or the learner has spoken.
    pub(super) fn end_quiet(&mut self) {
        self.idle.quiet = None;
    }

    /// A response is over; what was sent of it may still be heard.
    pub(super) fn begin_quiet(&mut self) {
        let since = self.idle.heard_at.max(self.idle.now);
        self.idle.quiet = Some(Quiet { since, at_ms: self.heard_ms() });
    }

    /// What was sent is heard no longer.
    pub(super) fn fall_silent(&mut self) {
        self.idle.heard_at = self.idle.now;
        if let Some(quiet) = &mut self.idle.quiet {
            quiet.since = quiet.since.min(self.idle.now);
        }
    }

    /// All that a carrier was given has been heard.
    pub(super) fn was_heard(&mut self) {
        self.idle.heard_at = self.idle.now;
        self.go_on_waiting();
    }

    /// What seemed to be a voice was none: whoever is waited for has the whole time again.
    pub(super) fn go_on_waiting(&mut self) {
        if let Some(quiet) = &mut self.idle.quiet {
            quiet.since = self.idle.now.max(self.idle.heard_at);
        }
    }

    /// Does what it is time for.
    pub(super) fn look_at_clock(&mut self) {
        self.fetch_ahead();
        if self.quiet_until().is_some_and(|due| due <= self.idle.now)
            && let Some(quiet) = self.idle.quiet.take()
        {
            self.time_out(quiet);
        }
    }

    /// The silence is committed as an item of the learner's, and answered.
    fn time_out(&mut self, quiet: Quiet) {
        let end_ms = self.heard_ms();
        let start_ms = end_ms.saturating_sub(self.session.idle_ms().unwrap_or(0)).max(quiet.at_ms);
        let item = self.names.next("item");
        let told = json!({"audio_start_ms": start_ms, "audio_end_ms": end_ms, "item_id": item});
        self.tell(("input_audio_buffer.timeout_triggered", told));
        self.commit_silence(&item, end_ms - start_ms);
        if self.session.creates() {
            self.respond_to_silence(PROMPT);
        }
    }
}
