//! Shapes of answers that are put together from others, for the API's description alone. Nothing is made of them; the
//! tests hold real answers against them.
#![expect(dead_code, reason = "only their derived descriptions are used")]

use utoipa::ToSchema;

use crate::dialect::tutor::{ChunkFrame, MetadataFrame, TimingsFrame, UsageFrame};

/// A turn that was waited for. One that was stopped has no `usage` and `timings`; without a chunk it has only
/// `turnId`, `text`, `chunks` and `stopped`. A repeat that comes from the store has a message's fields besides.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(in crate::transport) struct Turn {
    conversation_id: Option<String>,
    turn_id: String,
    message_id: Option<String>,
    chunks: Vec<ChunkFrame<'static>>,
    metadata: Option<MetadataFrame<'static>>,
    /// How the model wrote: structured, tagged or plain.
    source: Option<String>,
    complete: Option<bool>,
    text: String,
    usage: Option<UsageFrame>,
    timings: Option<TimingsFrame>,
    stopped: Option<bool>,
}

/// A message that is on disk and being answered.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(in crate::transport) struct Accepted {
    conversation_id: String,
    turn_id: String,
    message_id: String,
}

#[derive(ToSchema)]
pub(in crate::transport) struct Correction {
    original: String,
    suggestion: String,
    explanation: String,
}

#[derive(ToSchema)]
pub(in crate::transport) struct Voice {
    id: String,
    name: String,
    /// What it speaks; null when it speaks whatever it is given.
    #[schema(required)]
    language: Option<String>,
    engine: String,
}

#[derive(ToSchema)]
pub(in crate::transport) struct Scenario {
    id: String,
    title: String,
    language: String,
    level: String,
    goal: String,
}

/// The answer of a long-poll.
#[derive(ToSchema)]
pub(in crate::transport) struct Poll {
    epoch: String,
    /// What to ask `after` next time.
    seq: u64,
    recovered: bool,
    /// Frames as the socket has them.
    #[schema(value_type = Vec<Object>)]
    events: Vec<()>,
}

/// A refusal, as `application/problem+json`.
#[derive(ToSchema)]
pub(in crate::transport) struct Problem {
    title: String,
    status: u16,
    /// Stable, for programs.
    code: String,
    detail: String,
}

/// Which dependencies work.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(in crate::transport) struct Readiness {
    ready: bool,
    model: Dependency,
    storage: Dependency,
    voices: Vec<Dependency>,
    audio_cache: Dependency,
    ears: Vec<Ear>,
}

/// One that listens to learners; it is not asked.
#[derive(ToSchema)]
pub(in crate::transport) struct Ear {
    name: String,
    ok: bool,
    #[schema(required)]
    reason: Option<String>,
}

#[derive(ToSchema)]
pub(in crate::transport) struct Dependency {
    ok: bool,
    ms: u64,
    #[schema(required)]
    reason: Option<String>,
    /// Of a voice.
    name: Option<String>,
}

#[derive(ToSchema)]
pub(in crate::transport) struct Version {
    name: String,
    version: String,
}
