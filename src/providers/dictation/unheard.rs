//! Voice that a service was sent and has told nothing of. It reads no clock.

use std::time::Duration;

use tokio::time::Instant;

use super::Sound;

/// Follows one exchange, with one measure of how much may stay untold.
#[derive(Debug)]
pub(super) struct Unheard {
    most: Duration,
    is_voiced: bool,
    /// How much voice has been sent, and since when.
    voice: Duration,
    since: Option<Instant>,
}

impl Unheard {
    pub(super) fn new(most: Duration) -> Self {
        Self { most, is_voiced: false, voice: Duration::ZERO, since: None }
    }

    pub(super) fn sent(&mut self, sound: &Sound, now: Instant) {
        match sound {
            Sound::VoiceOn => self.is_voiced = true,
            Sound::VoiceOff => self.is_voiced = false,
            Sound::Frame(frame) if self.is_voiced => {
                self.since.get_or_insert(now);
                self.voice += Duration::from_millis(frame.duration_ms());
            }
            Sound::Frame(_) | Sound::Expect(_) | Sound::Flush => {}
        }
    }

    /// The service has told something.
    pub(super) fn told(&mut self) {
        self.voice = Duration::ZERO;
        self.since = None;
    }

    /// When it should have told something. Sound that comes all at once gives it the time that it took to be spoken.
    pub(super) fn due(&self) -> Option<Instant> {
        self.since.filter(|_| self.voice >= self.most).map(|since| since + self.most)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::domain::AudioFrame;

    #[tokio::test(start_paused = true)]
    async fn only_voice_is_to_be_told_of_and_short_answers_add_up() {
        let began = Instant::now();
        let most = Duration::from_secs(4);
        let mut unheard = Unheard::new(most);
        let second =
            Sound::Frame(AudioFrame { sample_rate: 16_000, pcm: Bytes::from(vec![0; 32_000]) });
        for _ in 0..100 {
            unheard.sent(&second, began);
        }
        assert_eq!(unheard.due(), None);
        for _ in 0..4 {
            assert_eq!(unheard.due(), None);
            unheard.sent(&Sound::VoiceOn, began);
            unheard.sent(&second, began);
            unheard.sent(&Sound::VoiceOff, began);
            unheard.sent(&second, began);
        }
        assert_eq!(unheard.due(), Some(began + most));
        unheard.told();
        assert_eq!(unheard.due(), None);
    }
}
