//! What parla asks of its PocketSphinx workers, and what they answer. It is plain data; a job's sound is its body.

use serde::{Deserialize, Serialize};

/// What the installed library can hear.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Catalogue {
    /// Where its English model is.
    pub(super) model: String,
}

/// An utterance to be understood.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Job {
    /// What was expected; with nothing expected anything may have been said.
    pub(super) expected: Vec<String>,
    /// It goes on: only what is expected is looked for, and any beginning of that will do.
    pub(super) is_glance: bool,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Answer {
    Heard(Hypothesis),
    Refused { reason: String },
}

/// What was probably said; no words when nothing was understood.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Hypothesis {
    pub(super) text: String,
    /// A share of one.
    pub(super) confidence: f64,
    pub(super) words: Vec<PlacedWord>,
}

/// Times are in milliseconds from the beginning of the job's sound.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct PlacedWord {
    pub(super) text: String,
    pub(super) start_ms: u64,
    pub(super) end_ms: u64,
}
