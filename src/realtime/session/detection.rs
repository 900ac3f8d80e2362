//! Who says when the learner has finished: a client's `turn_detection`, and what it means for parla's turn-taking.

use std::ops::RangeInclusive;

use serde_json::{Value, json};

use super::super::{fault::Fault, read::Fields};
use crate::{
    conversation::VoiceManner,
    domain::{Confidence, MicrophoneMode, Millis},
};

/// `low` eagerness leaves time to think, in milliseconds.
const PATIENT_MS: Millis = 2000;
/// `high` eagerness is that quick, in milliseconds.
const EAGER_MS: Millis = 500;
/// Longest silence that may be asked for, in milliseconds. No turn waits as long.
const LONGEST_MS: u64 = 60_000;
/// How long nobody may have spoken before the tutor does again, in milliseconds; as with OpenAI.
const IDLE_MS: RangeInclusive<u64> = 5_000..=30_000;

/// A client's `turn_detection`.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Detection {
    /// `null`: the client commits.
    Manual,
    Automatic {
        ends: Ends,
        /// The end of the learner's turn begins a response.
        creates: bool,
        /// Speech over a response cancels it.
        interrupts: bool,
    },
}

/// What ends the learner's turn.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Ends {
    /// `server_vad`: a silence of that length.
    Silence { threshold: f64, padding_ms: u64, silence_ms: u64, idle_ms: Option<u64> },
    /// `semantic_vad`: what was said, and this learner's habits.
    Sense(Eagerness),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Eagerness {
    Auto,
    Low,
    Medium,
    High,
}

impl Eagerness {
    const NAMES: [(&'static str, Self); 4] =
        [("auto", Self::Auto), ("low", Self::Low), ("medium", Self::Medium), ("high", Self::High)];

    fn name(self) -> &'static str {
        let names = Self::NAMES.into_iter();
        names.filter(|(_, known)| *known == self).map(|(name, _)| name).next().unwrap_or("auto")
    }
}

impl Ends {
    const SILENCE: Self =
        Self::Silence { threshold: 0.5, padding_ms: 300, silence_ms: 500, idle_ms: None };
    const SENSE: Self = Self::Sense(Eagerness::Auto);

    /// What the fields say; what they leave out stays as it is.
    fn merged(self, fields: Fields<'_>) -> Result<Self, Fault> {
        Ok(match self {
            Self::Silence { threshold, padding_ms, silence_ms, idle_ms } => Self::Silence {
                threshold: fields.number_in("threshold", 0.0..=1.0)?.unwrap_or(threshold),
                padding_ms: fields
                    .count_in("prefix_padding_ms", 0..=LONGEST_MS)?
                    .unwrap_or(padding_ms),
                silence_ms: fields
                    .count_in("silence_duration_ms", 0..=LONGEST_MS)?
                    .unwrap_or(silence_ms),
                idle_ms: match fields.raw("idle_timeout_ms") {
                    Some(Value::Null) => None,
                    _ => fields.count_in("idle_timeout_ms", IDLE_MS)?.or(idle_ms),
                },
            },
            Self::Sense(eagerness) => {
                Self::Sense(fields.choice("eagerness", &Eagerness::NAMES)?.unwrap_or(eagerness))
            }
        })
    }
}

impl Default for Detection {
    fn default() -> Self {
        Self::Automatic { ends: Ends::SENSE, creates: true, interrupts: true }
    }
}

impl Detection {
    /// What the field says on top of what holds.
    pub(super) fn merged(&self, fields: Fields<'_>, name: &str) -> Result<Self, Fault> {
        if fields.raw(name) == Some(&Value::Null) {
            return Ok(Self::Manual);
        }
        let Some(object) = fields.object(name)? else { return Ok(self.clone()) };
        let path = fields.path(name);
        let fields = Fields::new(object, &path);
        let kinds = [("server_vad", true), ("semantic_vad", false)];
        let by_silence = fields.choice("type", &kinds)?;
        let (ends, creates, interrupts) = match self {
            Self::Automatic { ends, creates, interrupts } => (ends.clone(), *creates, *interrupts),
            Self::Manual => (Ends::SILENCE, true, true),
        };
        let ends = match (by_silence, &ends) {
            (Some(true), Ends::Sense(_)) => Ends::SILENCE,
            (Some(false), Ends::Silence { .. }) => Ends::SENSE,
            _ => ends,
        };
        Ok(Self::Automatic {
            ends: ends.merged(fields)?,
            creates: fields.flag("create_response")?.unwrap_or(creates),
            interrupts: fields.flag("interrupt_response")?.unwrap_or(interrupts),
        })
    }

    /// How a microphone attends. Responses are the protocol's own: a microphone begins none.
    pub(super) fn manner(&self) -> VoiceManner {
        let (mode, interrupts, end_silence_ms) = match self {
            Self::Manual => (MicrophoneMode::Manual, false, None),
            Self::Automatic { ends, interrupts, .. } => {
                let silence_ms = match ends {
                    Ends::Silence { silence_ms, .. } => Some(*silence_ms),
                    Ends::Sense(Eagerness::Low) => Some(PATIENT_MS),
                    Ends::Sense(Eagerness::High) => Some(EAGER_MS),
                    Ends::Sense(Eagerness::Auto | Eagerness::Medium) => None,
                };
                (MicrophoneMode::HandsFree, *interrupts, silence_ms)
            }
        };
        let threshold = match self {
            Self::Automatic { ends: Ends::Silence { threshold, .. }, .. } => {
                Confidence::from_share(*threshold)
            }
            Self::Automatic { ends: Ends::Sense(_), .. } | Self::Manual => Confidence::HALF,
        };
        VoiceManner { mode, answers: false, interrupts, end_silence_ms, threshold }
    }

    /// How long nobody has to have spoken for the tutor to speak again, in milliseconds.
    pub(super) fn idle_ms(&self) -> Option<u64> {
        match self {
            Self::Automatic { ends: Ends::Silence { idle_ms, .. }, .. } => *idle_ms,
            Self::Automatic { ends: Ends::Sense(_), .. } | Self::Manual => None,
        }
    }

    pub(super) fn creates(&self) -> bool {
        matches!(self, Self::Automatic { creates: true, .. })
    }

    /// What is shown before a voice was heard, in milliseconds.
    pub(super) fn padding_ms(&self) -> u64 {
        match self {
            Self::Automatic { ends: Ends::Silence { padding_ms, .. }, .. } => *padding_ms,
            Self::Automatic { ends: Ends::Sense(_), .. } | Self::Manual => 0,
        }
    }

    pub(super) fn shown(&self) -> Value {
        let Self::Automatic { ends, creates, interrupts } = self else { return Value::Null };
        match ends {
            Ends::Silence { threshold, padding_ms, silence_ms, idle_ms } => json!({
                "type": "server_vad", "threshold": threshold, "prefix_padding_ms": padding_ms,
                "silence_duration_ms": silence_ms, "idle_timeout_ms": idle_ms,
                "create_response": creates, "interrupt_response": interrupts,
            }),
            Ends::Sense(eagerness) => json!({
                "type": "semantic_vad", "eagerness": eagerness.name(),
                "create_response": creates, "interrupt_response": interrupts,
            }),
        }
    }
}
