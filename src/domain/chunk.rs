//! The smallest piece of an answer worth speaking, with what is known of its audio so far.

use serde::{Deserialize, Serialize};

use super::{AudioFileId, ChunkId, Emotion, Language, WordTime};

/// A sentence (or the first clause) of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    pub id: ChunkId,
    /// What is shown.
    pub text: String,
    /// What is said: the shown text without markdown, links, emoji and stage directions.
    pub spoken: Vec<SpokenSpan>,
    pub emotion: Emotion,
    /// Silence after the chunk, in milliseconds, at most 5000.
    pub pause_ms: u32,
    pub emphasis: bool,
    pub language: Language,
    pub speech: SpeechState,
}

impl AsRef<Self> for Chunk {
    fn as_ref(&self) -> &Self {
        self
    }
}

/// A run of spoken text in one language.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SpokenSpan {
    pub text: String,
    pub language: Language,
}

/// What has become of a chunk's audio.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SpeechState {
    Pending,
    Processing,
    Ready(ChunkAudio),
    /// Nothing to say in this chunk: it is complete without audio.
    Silent,
    Failed(String),
}

/// A chunk's finished audio.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkAudio {
    pub file: AudioFileId,
    /// Where the sound is kept; it can be made again when it is not.
    pub cache_key: String,
    pub duration_ms: u32,
    /// Empty when the voice tells no times.
    pub words: Vec<WordTime>,
    pub emotion: EmotionApplied,
}

/// How a voice made the emotion audible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EmotionApplied {
    /// Rate, pitch or volume.
    Prosody,
    /// An instruction or tag that the engine understands.
    Markup,
    None,
}
