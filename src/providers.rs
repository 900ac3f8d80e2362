//! The abilities that parla borrows: a model that writes, a voice that speaks, an ear that hears. Adapters translate; they never retry.
//!
//! What makes a model reliable is a model around a model: see [`retry`], [`patience`], [`guard`] and [`fallback`].
//!
//! To add a provider: a file beside these that implements one of the traits, an arm where the composition root
//! names the concrete ones, and a strict stand-in under `tests/`. A stream does nothing until it is polled,
//! dropping it cancels the work behind it, and the first error ends it.

pub mod assemblyai;
pub mod breaker;
pub mod choice;
pub mod deepgram;
pub mod dictation;
pub mod espeak;
#[cfg(test)]
mod fake;
pub mod fallback;
pub mod guard;
pub mod http;
pub mod ndjson;
pub mod nearby;
pub mod ollama;
pub mod openai_speech;
pub mod openai_transcription;
pub mod outlet;
pub mod pace;
pub mod patience;
pub mod pocketsphinx;
pub mod practice;
pub mod retry;
pub mod succession;
pub mod timeline;
pub mod tokens;
pub mod transcriber;
pub mod upstream_socket;
pub mod utterances;
mod workers;

use std::{sync::Arc, time::Duration};

use futures_util::{
    StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};

use crate::domain::{
    Aside, AudioFrame, Emotion, EmotionApplied, Ending, Failure, Language, Level, Role, Speed,
    SpokenSpan, Tool, ToolCall, ToolResult, TurnMetadata, Voice, WordTime,
};
use guard::CircuitReport;

pub use transcriber::{HEARING_RATE, Heard, ListenRequest, Pace, Sound, Transcriber};

/// How long a voice that says nothing else may take: a sentence takes a slow computer a few seconds.
const PATIENCE: Duration = Duration::from_secs(20);

/// Writes the tutor's answers.
pub trait ChatModel: Send + Sync {
    /// What would answer now.
    fn info(&self) -> ModelInfo;

    /// The answer, piece by piece; the last part is [`ModelPart::Done`].
    fn reply(&self, request: ChatRequest) -> BoxStream<'static, Result<ModelPart, ProviderError>>;

    /// Whether it can answer at all, for `/readyz`.
    fn check(&self) -> BoxFuture<'static, Result<(), ProviderError>>;

    /// Gets ready for that request before it is made, as far as there is anything to do, and tells of it meanwhile.
    fn warm(&self, _: ChatRequest) -> BoxStream<'static, Aside> {
        stream::empty().boxed()
    }

    /// What the learner may be about to say after what the request holds, likeliest first, where that is known.
    fn expected(&self, _: &ChatRequest) -> Vec<String> {
        Vec::new()
    }

    /// How the breakers of the models behind it stand, the preferred one first.
    fn circuits(&self) -> Vec<CircuitReport> {
        Vec::new()
    }
}

/// Speaks text.
pub trait Synthesizer: Send + Sync {
    /// The engine's name in the settings; part of the audio cache's key.
    fn name(&self) -> &str;

    /// How many requests it serves at once.
    fn slots(&self) -> usize;

    /// How long it may take for one request, from when it is asked.
    fn patience(&self) -> Duration {
        PATIENCE
    }

    /// Synthesis time ÷ audio time to reckon with until it has been measured.
    fn usual_pace(&self) -> f64;

    /// The voice that the request would get, as far as it makes a difference to the sound; part of the cache's key.
    fn voice_key(&self, request: &SpeechRequest) -> String;

    /// How an emotion becomes audible with this engine.
    fn emotion_applied(&self, emotion: Emotion) -> EmotionApplied;

    /// The sound of the request, frame by frame, then the times of its words where the engine knows them.
    fn speak(
        &self,
        request: Arc<SpeechRequest>,
        urgency: Urgency,
    ) -> BoxStream<'static, Result<SpeechPart, ProviderError>>;

    fn voices(&self) -> BoxFuture<'static, Result<Vec<Voice>, ProviderError>>;

    /// How its breaker stands; `None` without one.
    fn circuit(&self) -> Option<CircuitReport> {
        None
    }
}

/// What answers: names for people, and the room it has for a prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelInfo {
    pub name: String,
    pub provider: String,
    /// Tokens that prompt and answer may have together; `None` when there is no limit to speak of.
    pub context_tokens: Option<u32>,
}

/// All that a model needs to answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChatRequest {
    /// A model of the same provider to use for this answer instead of the configured one.
    pub model: Option<String>,
    pub system: String,
    /// Oldest first; the last one is the learner's or holds results, or there is none when the tutor opens.
    pub messages: Vec<ChatMessage>,
    pub lesson: LessonKey,
    /// What the model may call; one that cannot answers without.
    pub tools: Vec<Tool>,
    /// Tokens that it may write; `None` leaves that to it.
    pub max_tokens: Option<u32>,
}

/// One message of the history, as the model is to see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatMessage {
    pub role: Role,
    pub text: String,
    /// The lesson in which it was said.
    pub lesson: LessonKey,
    /// Of the tutor's: what it called after these words, each with what came of it; a call without an end is in none.
    pub results: Vec<ToolResult>,
}

impl ChatMessage {
    /// A message without calls.
    #[must_use]
    pub fn said(role: Role, text: String, lesson: LessonKey) -> Self {
        Self { role, text, lesson, results: Vec::new() }
    }

    /// The tutor has called these.
    #[must_use]
    pub fn called(results: Vec<ToolResult>, lesson: LessonKey) -> Self {
        Self { role: Role::Assistant, text: String::new(), lesson, results }
    }
}

/// Which lesson is being played.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct LessonKey {
    pub language: Language,
    pub level: Level,
    pub scenario: Option<String>,
}

impl From<&TurnMetadata> for LessonKey {
    fn from(metadata: &TurnMetadata) -> Self {
        let TurnMetadata { language, level, scenario, .. } = metadata;
        Self { language: language.clone(), level: *level, scenario: scenario.clone() }
    }
}

/// A piece of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelPart {
    Text(String),
    /// One of the request's tools is to be called.
    Call(ToolCall),
    /// To be told beside the answer, at any time before its end; it is no beginning of the answer.
    Aside(Aside),
    Done(Ending),
}

/// What is to be said, and how.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SpeechRequest {
    /// Never empty; each span in its own language.
    pub spans: Vec<SpokenSpan>,
    pub voice: Option<String>,
    pub speed: Speed,
    pub emotion: Emotion,
    pub emphasis: bool,
}

/// How soon a sound is wanted. It says nothing of the sound, so that it is no part of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// Its listener hears nothing until it is there.
    Now,
    /// Its listener hears what is said before it.
    Later,
}

/// A piece of speech.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpeechPart {
    Audio(AudioFrame),
    /// Times of all words of the request, once.
    Words(Vec<WordTime>),
}

/// Why a provider could not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// It could take the request later.
    #[error("{provider} is at capacity")]
    AtCapacity { provider: String, retry_after: Option<Duration> },
    /// Nobody answers at its address.
    #[error("{provider} cannot be reached: {reason}")]
    Unreachable { provider: String, reason: String },
    /// No first byte in time.
    #[error("{provider} did not answer in time")]
    TimedOut { provider: String },
    /// It began and then fell silent.
    #[error("{provider} stopped in the middle of its answer")]
    Stalled { provider: String },
    /// The connection ended before the answer did.
    #[error("{provider} was cut off: {reason}")]
    Cut { provider: String, reason: String },
    /// It understood and refused: repeating does not help.
    #[error("{provider} refused: {reason}")]
    Rejected { provider: String, reason: String },
    /// It answered with something that is not an answer.
    #[error("{provider} sent something unusable: {reason}")]
    Broken { provider: String, reason: String },
}

impl ProviderError {
    /// Whether the provider was not there, or not well: not that it had too much to do or did not want to.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        !matches!(self, Self::AtCapacity { .. } | Self::Rejected { .. })
    }

    /// What clients of a turn are told when the model's answer ends so.
    #[must_use]
    pub fn failure(&self) -> Failure {
        let (code, retryable) = match self {
            Self::AtCapacity { .. } => ("at_capacity", true),
            Self::Unreachable { .. } => ("llm_unreachable", true),
            Self::TimedOut { .. } => ("llm_timeout", true),
            Self::Stalled { .. } => ("llm_stalled", true),
            Self::Cut { .. } => ("llm_cut", true),
            Self::Rejected { .. } => ("llm_rejected", false),
            Self::Broken { .. } => ("llm_bad_frame", true),
        };
        let hint = match self {
            Self::Unreachable { .. } => "; check that it runs and that its address is right",
            _ => "",
        };
        let message = without_keys(&format!("{self}{hint}"));
        Failure { code, message, retryable }
    }
}

/// How the keys of well-known services begin.
const KEY_BEGINNINGS: [&str; 7] = ["sk-", "sk_", "pk-", "gsk_", "xai-", "hf_", "AIza"];

/// Upstreams repeat the key that they refuse; neither learners nor logs are to see it.
fn without_keys(text: &str) -> String {
    let is_joint = |char: char| !char.is_alphanumeric() && !matches!(char, '-' | '_');
    let is_beginning = |part: &str| KEY_BEGINNINGS.iter().any(|begins| part.starts_with(begins));
    let is_key = |word: &str| word.split(is_joint).any(is_beginning);
    let words = text.split(' ').map(|word| if is_key(word) { "[key]" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejected(reason: &str) -> ProviderError {
        ProviderError::Rejected { provider: "openai".to_owned(), reason: reason.to_owned() }
    }

    #[test]
    fn a_failure_says_what_to_check_and_whether_to_try_again() {
        let reason = "connection refused".to_owned();
        let failure =
            ProviderError::Unreachable { provider: "ollama".to_owned(), reason }.failure();
        assert_eq!(failure.code, "llm_unreachable");
        assert!(failure.retryable);
        assert_eq!(
            failure.message,
            "ollama cannot be reached: connection refused; \
             check that it runs and that its address is right"
        );
        assert!(!rejected("no such model").failure().retryable);
    }

    #[test]
    fn a_failure_never_repeats_a_key() {
        let failure = rejected("401: this key is wrong: \"sk-abc123\".").failure();
        assert_eq!(failure.message, "openai refused: 401: this key is wrong: [key]");
    }
}
