//! What parla asks of its eSpeak workers, and what they answer. It is plain data.
//!
//! An [`Answer`]'s frame carries the samples of all spans after each other as its body.

use serde::{Deserialize, Serialize};

use super::{prosody::Prosody, words::Mark};

/// What the installed library can speak.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Catalogue {
    pub(super) voices: Vec<InstalledVoice>,
    /// Names of speakers that can be put on any voice: `f3`.
    pub(super) variants: Vec<String>,
    /// Of the library: `1.51`.
    pub(super) version: String,
}

/// One voice of the library.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct InstalledVoice {
    /// eSpeak's tag for what it speaks: `en-us`.
    pub(super) tag: String,
    pub(super) name: String,
    /// What to load it by: `gmw/en-US`.
    pub(super) file: String,
}

/// One request: spans that are spoken after each other.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Job {
    pub(super) spans: Vec<JobSpan>,
    pub(super) prosody: Prosody,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct JobSpan {
    /// A voice's file, with a variant where one is wanted: `gmw/en-US+f3`.
    pub(super) voice: String,
    pub(super) text: String,
}

/// What became of a job.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Answer {
    Spoken { sample_rate: u32, spans: Vec<SpanSound> },
    Refused { reason: String },
}

/// The sound of one span.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SpanSound {
    /// How much of the body is its own, in bytes.
    pub(super) bytes: usize,
    pub(super) marks: Vec<Mark>,
}
