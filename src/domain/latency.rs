//! How long a learner waited for a turn, stage by stage. Plain data.

use super::TurnId;

/// The stages of a turn, in milliseconds from the end of the learner's speech, or from their message when it was
/// written; `None` for what has not happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Latency {
    pub turn: TurnId,
    /// The last words were final. Only of speech, as the next one.
    pub final_transcript_ms: Option<u64>,
    /// It was decided that the learner has finished.
    pub end_of_turn_ms: Option<u64>,
    pub first_token_ms: Option<u64>,
    pub first_chunk_ms: Option<u64>,
    /// The first sound could go out.
    pub first_audio_ms: Option<u64>,
    /// A client has reported that it plays.
    pub first_heard_ms: Option<u64>,
}
