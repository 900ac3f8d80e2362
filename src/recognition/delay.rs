//! How long after a voice has ended its words are known. It reads no clock.

use std::time::Duration;

use tokio::time::Instant;

use super::Perception;
use crate::domain::Transcript;

/// Follows one microphone.
#[derive(Debug, Default)]
pub(super) struct Delay {
    heard_ms: u64,
    /// When the voice ended whose words are still to come.
    ended: Option<Instant>,
}

impl Delay {
    pub(super) fn heard(&mut self, sound_ms: u64) {
        self.heard_ms += sound_ms;
    }

    /// A voice's end is noticed a little later than it was.
    pub(super) fn voice(&mut self, perception: &Perception, now: Instant) {
        self.ended = match perception {
            Perception::VoiceOff { at_ms } => {
                let ago = Duration::from_millis(self.heard_ms.saturating_sub(*at_ms));
                now.checked_sub(ago)
            }
            Perception::VoiceOn { .. } => None,
            _ => self.ended,
        };
    }

    /// The time that it took, when these are the first final words behind a voice.
    pub(super) fn told(&mut self, transcript: &Transcript, now: Instant) -> Option<Duration> {
        let has_words = transcript.is_final && !transcript.text.is_empty();
        let ended = if has_words { self.ended.take() } else { None };
        ended.map(|ended| now - ended)
    }
}
