//! A tutor's turn as a client may see it whole.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Chunk, Language, Level, MessageId, Speed, TurnId};

/// How the model wrote its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TextForm {
    Structured,
    Tagged,
    Plain,
}

impl TextForm {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Structured => "structured",
            Self::Tagged => "tagged",
            Self::Plain => "plain",
        }
    }
}

/// Who answers and in which setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnMetadata {
    pub model: String,
    pub provider: String,
    pub language: Language,
    pub level: Level,
    pub voice: Option<String>,
    pub scenario: Option<String>,
    #[serde(default, skip_serializing_if = "Speed::is_usual")]
    pub speed: Speed,
}

impl TurnMetadata {
    /// The provider's name of the tutor that plays prepared lessons.
    pub const PRACTICE: &'static str = "practice";

    /// Whether a prepared lesson answers, and no language model.
    #[must_use]
    pub fn is_practice(&self) -> bool {
        self.provider == Self::PRACTICE
    }
}

/// All that is known of a turn: whoever holds an older picture replaces it by this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurnSnapshot {
    pub turn: TurnId,
    /// The tutor's message that this turn becomes.
    pub message: MessageId,
    pub chunks: Vec<Arc<Chunk>>,
    pub metadata: Arc<TurnMetadata>,
    pub form: TextForm,
    /// The model has written its last word.
    pub complete: bool,
}
