//! What is heard of a learner: voice, words, and how parla attends to them. Plain data; it decides nothing.

use serde::{Serialize, Serializer};

/// The words of one stretch of speech; a later one of the same segment replaces it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transcript {
    /// Counts the stretches of one microphone, from 0.
    pub segment: u64,
    /// As it was said, with hesitations, as far as the engine tells them.
    pub text: String,
    /// These words will not change any more.
    pub is_final: bool,
    pub confidence: Option<Confidence>,
    /// Empty where the engine knows no times.
    pub words: Vec<HeardWord>,
}

/// One word of a transcript, in milliseconds from the beginning of the sound that was listened to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeardWord {
    pub text: String,
    pub start_ms: u64,
    pub end_ms: u64,
    pub confidence: Option<Confidence>,
}

/// How sure an engine is, in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Confidence(u16);

/// What the learner's page shows of parla's attention.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Listening {
    #[default]
    Off,
    Hearing,
    /// The learner is silent and may go on.
    Waiting,
}

/// Who says when the learner has finished.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MicrophoneMode {
    /// Parla, from silence and words.
    #[default]
    HandsFree,
    /// The learner, who holds a button while speaking.
    PushToTalk,
    /// A program, which commits what it has sent.
    Manual,
}

impl Confidence {
    pub const HALF: Self = Self(500);

    /// From a share of one; what is no number or out of range is brought into it.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to 0 to 1000 just before"
    )]
    pub fn from_share(share: f64) -> Self {
        Self((share * 1000.0).round().clamp(0.0, 1000.0) as u16)
    }

    /// A share of one.
    #[must_use]
    pub fn share(self) -> f64 {
        f64::from(self.0) / 1000.0
    }
}

impl Serialize for Confidence {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.share())
    }
}

impl Listening {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Hearing => "hearing",
            Self::Waiting => "waiting",
        }
    }
}

impl MicrophoneMode {
    /// As clients write it.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "hands-free" => Some(Self::HandsFree),
            "push-to-talk" => Some(Self::PushToTalk),
            "manual" => Some(Self::Manual),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_confidence_is_a_share_of_one_whatever_an_engine_says() {
        let shares = [0.97, -1.0, 7.0, f64::NAN];
        let kept = shares.map(|share| Confidence::from_share(share).share());
        assert_eq!(kept, [0.97, 0.0, 1.0, 0.0]);
    }
}
