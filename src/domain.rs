//! The words of the house: plain data that every module shares. Nothing here does I/O or reads a clock.

mod aside;
mod audio;
mod chunk;
mod command;
mod emotion;
mod event;
mod hearing;
mod ids;
mod language;
mod latency;
mod message;
mod tool;
mod turn;

pub use aside::{Aside, Notice, Progress, ProgressKind};
pub use audio::{AudioFrame, Speed, Voice, WordTime};
pub use chunk::{Chunk, ChunkAudio, EmotionApplied, SpeechState, SpokenSpan};
pub use command::{AudioStart, ChatCommand, Command, LessonChoice};
pub use emotion::Emotion;
pub use event::{Completion, Ending, Event, Failure, Timings, Usage};
pub use hearing::{Confidence, HeardWord, Listening, MicrophoneMode, Transcript};
pub use ids::{
    AudioFileId, ChunkId, ConnectionId, ConversationId, MessageId, TurnId, UserId, random_byte,
    random_bytes, random_token,
};
pub use language::{Language, Level};
pub use latency::Latency;
pub use message::{Correction, Message, Role};
pub use tool::{AnswerTerms, Tool, ToolCall, ToolResult};
pub use turn::{TextForm, TurnMetadata, TurnSnapshot};

/// Milliseconds on the process's monotonic clock. Wall time appears only where it is shown or stored.
pub type Millis = u64;
