//! What every conversation works with, and the bounds it keeps. It holds handles only.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use crate::{
    domain::{ConversationId, Millis, UserId},
    hub::{Hub, Log, Topic},
    limits::Places,
    prompts::{cues::CueTables, lessons::Lessons},
    providers::ChatModel,
    recognition::Ears,
    shutdown::Shutdown,
    storage::Storage,
    synthesis::SpeechPool,
    telemetry::{metrics::TurnMetrics, traces::Traces},
};

use super::{AudioFiles, prompt::Prompter};

/// What every conversation works with.
pub struct ConversationParts {
    pub hub: Hub,
    pub storage: Arc<dyn Storage>,
    pub model: Arc<dyn ChatModel>,
    pub speech: SpeechPool,
    pub ears: Ears,
    pub lessons: Arc<Lessons>,
    pub prompter: Prompter,
    pub cues: CueTables,
    pub audio_files: AudioFiles,
    /// Turns of one user that may be made at once; `None` for as many as they like.
    pub turns: Option<Places<UserId>>,
    pub settings: ConversationSettings,
    pub metrics: TurnMetrics,
    /// `None` when nobody collects traces.
    pub traces: Option<Traces>,
    pub shutdown: Shutdown,
    /// The origin of [`Millis`], the same for all conversations.
    pub began: Instant,
}

/// The bounds of a conversation.
#[derive(Clone, Debug)]
pub struct ConversationSettings {
    /// Messages of the past that a conversation remembers.
    pub history_messages: u32,
    /// An actor without work ends after this time.
    pub idle: Duration,
    /// A turn that nobody has listened to for this long is stopped.
    pub abandoned: Duration,
}

impl Default for ConversationSettings {
    fn default() -> Self {
        Self {
            history_messages: 200,
            idle: Duration::from_secs(120),
            abandoned: Duration::from_secs(120),
        }
    }
}

impl ConversationParts {
    /// The present moment on the clock of all conversations.
    pub(super) fn now(&self) -> Millis {
        Millis::try_from(self.began.elapsed().as_millis()).unwrap_or(Millis::MAX)
    }

    pub(super) fn log(&self, id: &ConversationId) -> Arc<Log> {
        self.hub.log(&Topic::Conversation(id.clone()))
    }
}
