//! Everything that a conversation tells its clients, before any dialect gives it a shape.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    Aside, Chunk, Correction, Latency, Listening, Message, MessageId, Notice, Progress, ToolCall,
    Transcript, TurnId, TurnSnapshot, UserId,
};

/// One thing that happened in a conversation. What is large is shared: logs keep hundreds of these for each one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A message is stored.
    Message(Arc<Message>),
    /// The model is being asked. Transient.
    TurnBegan {
        turn: TurnId,
    },
    /// The turn as a whole, to replace what a client has of it.
    ConversationStart(Arc<TurnSnapshot>),
    /// Text that will be shown, as soon as the parser releases it. Transient.
    TextDelta {
        turn: TurnId,
        text: String,
    },
    /// The model wishes that a function of the asking app be called. Transient.
    ToolCall {
        turn: TurnId,
        call: Arc<ToolCall>,
    },
    ChunkUpdate {
        turn: TurnId,
        index: usize,
        chunk: Arc<Chunk>,
    },
    ChunkComplete {
        turn: TurnId,
        index: usize,
        chunk: Arc<Chunk>,
    },
    ChunkFailed {
        turn: TurnId,
        index: usize,
        chunk: Arc<Chunk>,
    },
    ConversationComplete(Arc<Completion>),
    ConversationStopped {
        turn: TurnId,
        text: String,
    },
    ConversationFailed {
        turn: TurnId,
        failure: Failure,
    },
    /// The learner has interrupted what was being played.
    PlaybackStopped {
        turn: TurnId,
        heard_chunks: usize,
        heard_ms: u64,
    },
    /// Somebody may be speaking: hold the sound. Transient.
    PlaybackPaused {
        turn: TurnId,
    },
    /// It was nothing: go on from there. Transient.
    PlaybackResumed {
        turn: TurnId,
        chunk: usize,
        ms: u64,
    },
    Correction {
        message: MessageId,
        span: Option<(usize, usize)>,
        correction: Arc<Correction>,
        source: &'static str,
    },
    /// How long the learner waited. Transient.
    Latency(Arc<Latency>),
    /// What a learner says. Transient.
    Transcript(Arc<Transcript>),
    /// A learner's voice is heard. Transient.
    SpeechStarted,
    /// Transient.
    SpeechStopped,
    /// How parla attends to the learner's voice. Transient.
    Listening(Listening),
    /// Transient.
    Typing {
        user: UserId,
        is_typing: bool,
    },
    /// An answer waits for something. Transient.
    Progress(Progress),
    /// Something that people should know. Transient.
    Notice(Notice),
}

impl From<Aside> for Event {
    fn from(aside: Aside) -> Self {
        match aside {
            Aside::Progress(progress) => Self::Progress(progress),
            Aside::Notice(notice) => Self::Notice(notice),
        }
    }
}

impl Event {
    /// Durable events carry a sequence number and can be resumed; the others are never replayed.
    #[must_use]
    pub fn is_durable(&self) -> bool {
        !matches!(
            self,
            Self::TurnBegan { .. }
                | Self::TextDelta { .. }
                | Self::ToolCall { .. }
                | Self::PlaybackPaused { .. }
                | Self::PlaybackResumed { .. }
                | Self::Latency(_)
                | Self::Transcript(_)
                | Self::SpeechStarted
                | Self::SpeechStopped
                | Self::Listening(_)
                | Self::Typing { .. }
                | Self::Progress(_)
                | Self::Notice(_)
        )
    }
}

/// Tokens that the model counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    pub prompt_tokens: u64,
    pub completion_tokens: u64,
}

/// A turn of which everything is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    pub turn: TurnId,
    /// The tutor's.
    pub message: MessageId,
    /// As it is shown.
    pub text: String,
    pub chunks: usize,
    pub ending: Ending,
    pub timings: Timings,
}

/// How a model's answer ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ending {
    pub usage: Option<Usage>,
    /// It was as long as it may be, and breaks off there.
    pub cut_short: bool,
}

/// How long the stages of a turn took, in milliseconds from the learner's message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timings {
    pub first_token_ms: Option<u64>,
    pub first_chunk_ms: Option<u64>,
    pub first_audio_ms: Option<u64>,
    pub total_ms: u64,
}

/// Why a turn failed, in a form that a program can act on and a person can read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Stable, for programs.
    pub code: &'static str,
    pub message: String,
    /// The same request may succeed later.
    pub retryable: bool,
}
