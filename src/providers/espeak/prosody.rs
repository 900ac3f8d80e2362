//! How an emotion sounds with a voice that only knows rate, pitch, range and volume. One table, no state.

use serde::{Deserialize, Serialize};

use crate::domain::{Emotion, Speed};

/// The parameters that eSpeak NG takes with every job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Prosody {
    /// Words a minute, 80 to 450.
    pub(super) rate: i32,
    /// 0 to 100; 50 is the voice's own.
    pub(super) pitch: i32,
    /// How far the pitch moves, 0 (a monotone) to 100.
    pub(super) range: i32,
    /// Per cent of the normal volume; above 130 the sound is distorted.
    pub(super) volume: i32,
}

impl Prosody {
    /// A little slower than eSpeak's own 175 words a minute: the listener is learning the language.
    pub(super) fn of(emotion: Emotion, emphasis: bool) -> Self {
        let (rate, pitch, range, volume) = match emotion {
            Emotion::Neutral => (160, 50, 50, 100),
            Emotion::Happy => (172, 58, 65, 105),
            Emotion::Excited => (190, 66, 80, 115),
            Emotion::Encouraging => (166, 55, 62, 108),
            Emotion::Proud => (154, 54, 60, 112),
            Emotion::Curious => (162, 60, 70, 100),
            Emotion::Thoughtful => (138, 46, 45, 94),
            Emotion::Surprised => (178, 70, 85, 112),
            Emotion::Sad => (128, 38, 28, 84),
            Emotion::Empathetic => (140, 45, 42, 90),
            Emotion::Confused => (146, 57, 75, 95),
            Emotion::Serious => (150, 42, 32, 104),
            Emotion::Playful => (182, 62, 75, 104),
            Emotion::Calm => (136, 44, 38, 92),
        };
        let plain = Self { rate, pitch, range, volume };
        if emphasis { plain.emphasised() } else { plain }
    }

    /// Faster or slower, as far as eSpeak goes: half as fast as usual is its slowest.
    pub(super) fn at(self, speed: Speed) -> Self {
        let rate = self.rate * i32::from(speed.per_cent()) / 100;
        Self { rate: rate.clamp(80, 450), ..self }
    }

    fn emphasised(self) -> Self {
        Self {
            rate: self.rate * 9 / 10,
            pitch: self.pitch + 4,
            range: self.range + 15,
            volume: self.volume + 12,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speed_stays_within_what_espeak_can_do() {
        let rate = |share| Prosody::of(Emotion::Neutral, false).at(Speed::from_share(share)).rate;
        assert_eq!([0.25, 0.75, 1.0, 1.5, 4.0].map(rate), [80, 120, 160, 240, 450]);
    }

    #[test]
    fn every_emotion_differs_from_every_other_with_and_without_emphasis() {
        let mut seen = Vec::new();
        for &emotion in Emotion::ALL {
            for emphasis in [false, true] {
                let prosody = Prosody::of(emotion, emphasis);
                assert!(!seen.contains(&prosody), "{emotion:?}");
                assert!((80..=450).contains(&prosody.rate) && prosody.volume <= 130);
                assert!((0..=100).contains(&prosody.pitch) && (0..=100).contains(&prosody.range));
                seen.push(prosody);
            }
        }
    }
}
