//! How an event becomes a tutor frame: a name and its data, one arm an event.

use serde::Serialize;
use serde_json::{Value, json};

use crate::domain::{
    Chunk, Completion, Correction, Event, Failure, Latency, Message, MessageId, Notice, Progress,
    Timings, TurnId, Usage,
};

use super::{
    Tutor,
    frames::{ChunkData, DeltaData, StartData, TimingsFrame, TranscriptData, UsageFrame},
};

/// The data of a frame.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Data<'a> {
    Start(StartData<'a>),
    Delta(DeltaData<'a>),
    Chunk(Box<ChunkData<'a>>),
    /// What comes a few times in a turn is put together as JSON, which takes nearly twice as long.
    Rare(Value),
}

impl From<Value> for Data<'_> {
    fn from(data: Value) -> Self {
        Self::Rare(data)
    }
}

impl Tutor {
    /// The frame's `type` and `data`; `None` for what this dialect does not tell.
    pub(super) fn name_and_data<'a>(
        &'a self,
        event: &'a Event,
    ) -> Option<(&'static str, Data<'a>)> {
        Some(match event {
            // A call is for the app whose function it is.
            Event::TurnBegan { .. } | Event::ToolCall { .. } => return None,
            Event::Message(message) => ("message", message_data(message)),
            Event::ConversationStart(snapshot) => {
                let data = StartData::new(&self.conversation, snapshot, &self.auth);
                ("conversation-start", Data::Start(data))
            }
            Event::TextDelta { turn, text } => {
                ("text-delta", Data::Delta(DeltaData { turn_id: turn.as_str(), text }))
            }
            Event::ChunkUpdate { turn, index, chunk } => {
                ("chunk-update", self.chunk_data(turn, *index, chunk))
            }
            Event::ChunkComplete { turn, index, chunk } => {
                ("chunk-complete", self.chunk_data(turn, *index, chunk))
            }
            Event::ChunkFailed { turn, index, chunk } => {
                ("chunk-failed", self.chunk_data(turn, *index, chunk))
            }
            Event::ConversationComplete(completion) => {
                ("conversation-complete", completion_data(completion))
            }
            Event::ConversationStopped { turn, text } => {
                ("conversation-stopped", json!({"turnId": turn, "text": text}).into())
            }
            Event::ConversationFailed { turn, failure } => {
                ("conversation-failed", failed_data(turn, failure))
            }
            Event::PlaybackStopped { turn, heard_chunks: chunks, heard_ms: ms } => {
                let data = json!({"turnId": turn, "heardChunks": chunks, "heardMs": ms});
                ("playback-stopped", data.into())
            }
            Event::PlaybackPaused { turn } => ("playback-paused", json!({"turnId": turn}).into()),
            Event::PlaybackResumed { turn, chunk, ms } => {
                ("playback-resumed", json!({"turnId": turn, "chunkIndex": chunk, "ms": ms}).into())
            }
            Event::Correction { message, span, correction, source } => {
                ("correction", correction_data(message, *span, correction, source).into())
            }
            Event::Latency(latency) => ("latency", latency_data(latency)),
            Event::Transcript(transcript) => {
                ("transcript", json!(TranscriptData::from(&**transcript)).into())
            }
            Event::SpeechStarted => ("speech-started", json!({}).into()),
            Event::SpeechStopped => ("speech-stopped", json!({}).into()),
            Event::Listening(listening) => ("listening", json!({"state": listening.name()}).into()),
            Event::Typing { user, is_typing } => {
                ("typing", json!({"userId": user, "isTyping": is_typing}).into())
            }
            Event::Progress(progress) => ("progress", progress_data(progress)),
            Event::Notice(Notice { code, text }) => {
                ("notice", json!({"code": code, "text": text}).into())
            }
        })
    }

    fn chunk_data<'a>(&self, turn: &'a TurnId, index: usize, chunk: &'a Chunk) -> Data<'a> {
        Data::Chunk(Box::new(ChunkData::new(turn, index, chunk, &self.auth)))
    }
}

/// What a turn cost and how long it took.
pub(super) fn ending(usage: Option<Usage>, timings: Timings) -> Value {
    json!({"usage": usage.map(UsageFrame::from), "timings": TimingsFrame::from(timings)})
}

fn completion_data(completion: &Completion) -> Data<'static> {
    let mut data = ending(completion.ending.usage, completion.timings);
    data["turnId"] = json!(completion.turn);
    data["messageId"] = json!(completion.message);
    data["text"] = json!(completion.text);
    data["chunks"] = json!(completion.chunks);
    data.into()
}

fn progress_data(progress: &Progress) -> Data<'static> {
    let Progress { kind, text, done, total } = progress;
    json!({"kind": kind.name(), "text": text, "done": done, "total": total}).into()
}

fn latency_data(latency: &Latency) -> Data<'static> {
    json!({
        "turnId": latency.turn,
        "finalTranscriptMs": latency.final_transcript_ms,
        "endOfTurnMs": latency.end_of_turn_ms,
        "firstTokenMs": latency.first_token_ms,
        "firstChunkMs": latency.first_chunk_ms,
        "firstAudioMs": latency.first_audio_ms,
        "firstHeardMs": latency.first_heard_ms,
    })
    .into()
}

fn failed_data(turn: &TurnId, failure: &Failure) -> Data<'static> {
    let Failure { code, message, retryable } = failure;
    json!({"turnId": turn, "code": code, "message": message, "retryable": retryable}).into()
}

fn message_data(message: &Message) -> Data<'static> {
    json!({
        "id": message.id,
        "role": message.role,
        "senderId": message.sender,
        // People have no names yet: a client shows whom it knows.
        "senderName": null,
        "text": message.text,
        "verbatim": message.verbatim,
        "clientId": message.client_id,
        "turnId": message.turn,
    })
    .into()
}

/// The span is in Unicode code points; null when the learner's message does not hold the words literally.
pub(super) fn correction_data(
    message: &MessageId,
    span: Option<(usize, usize)>,
    correction: &Correction,
    source: &str,
) -> Value {
    json!({
        "messageId": message,
        "span": span.map(|(start, end)| json!({"start": start, "end": end})),
        "kind": "grammar",
        "original": correction.original,
        "suggestion": correction.suggestion,
        "explanation": correction.explanation,
        "source": source,
    })
}
