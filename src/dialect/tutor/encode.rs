//! How an event becomes a tutor frame: a name and its data, one arm an event.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::domain::{
    Chunk, Completion, Correction, Event, Failure, Latency, Message, MessageId, Notice, Progress,
    Timings, TurnId, Usage,
};

use super::{
    Tutor,
    frames::{ChunkFrame, StartData, TimingsFrame, TranscriptData, UsageFrame},
};

impl Tutor {
    /// The frame's `type` and `data`; `None` for what this dialect does not tell.
    pub(super) fn name_and_data(&self, event: &Event) -> Option<(&'static str, Value)> {
        Some(match event {
            // A call is for the app whose function it is.
            Event::TurnBegan { .. } | Event::ToolCall { .. } => return None,
            Event::Message(message) => ("message", message_data(message)),
            Event::ConversationStart(snapshot) => {
                let data = StartData::new(&self.conversation, snapshot, &self.auth);
                ("conversation-start", json!(data))
            }
            Event::TextDelta { turn, text } => {
                ("text-delta", json!({"turnId": turn, "text": text}))
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
                ("conversation-stopped", json!({"turnId": turn, "text": text}))
            }
            Event::ConversationFailed { turn, failure } => {
                ("conversation-failed", failed_data(turn, failure))
            }
            Event::PlaybackStopped { turn, heard_chunks: chunks, heard_ms: ms } => {
                ("playback-stopped", json!({"turnId": turn, "heardChunks": chunks, "heardMs": ms}))
            }
            Event::PlaybackPaused { turn } => ("playback-paused", json!({"turnId": turn})),
            Event::PlaybackResumed { turn, chunk, ms } => {
                ("playback-resumed", json!({"turnId": turn, "chunkIndex": chunk, "ms": ms}))
            }
            Event::Correction { message, span, correction, source } => {
                ("correction", correction_data(message, *span, correction, source))
            }
            Event::Latency(latency) => ("latency", latency_data(latency)),
            Event::Transcript(transcript) => {
                ("transcript", json!(TranscriptData::from(&**transcript)))
            }
            Event::SpeechStarted => ("speech-started", json!({})),
            Event::SpeechStopped => ("speech-stopped", json!({})),
            Event::Listening(listening) => ("listening", json!({"state": listening.name()})),
            Event::Typing { user, is_typing } => {
                ("typing", json!({"userId": user, "isTyping": is_typing}))
            }
            Event::Progress(Progress { kind, text, done, total }) => {
                let kind = kind.name();
                ("progress", json!({"kind": kind, "text": text, "done": done, "total": total}))
            }
            Event::Notice(Notice { code, text }) => ("notice", json!({"code": code, "text": text})),
        })
    }

    fn chunk_data(&self, turn: &TurnId, index: usize, chunk: &Arc<Chunk>) -> Value {
        let chunk = ChunkFrame::new(chunk, &self.auth);
        json!({"turnId": turn, "chunkIndex": index, "chunk": chunk})
    }
}

/// What a turn cost and how long it took.
pub(super) fn ending(usage: Option<Usage>, timings: Timings) -> Value {
    json!({"usage": usage.map(UsageFrame::from), "timings": TimingsFrame::from(timings)})
}

fn completion_data(completion: &Completion) -> Value {
    let mut data = ending(completion.ending.usage, completion.timings);
    data["turnId"] = json!(completion.turn);
    data["messageId"] = json!(completion.message);
    data["text"] = json!(completion.text);
    data["chunks"] = json!(completion.chunks);
    data
}

fn latency_data(latency: &Latency) -> Value {
    json!({
        "turnId": latency.turn,
        "finalTranscriptMs": latency.final_transcript_ms,
        "endOfTurnMs": latency.end_of_turn_ms,
        "firstTokenMs": latency.first_token_ms,
        "firstChunkMs": latency.first_chunk_ms,
        "firstAudioMs": latency.first_audio_ms,
        "firstHeardMs": latency.first_heard_ms,
    })
}

fn failed_data(turn: &TurnId, failure: &Failure) -> Value {
    let Failure { code, message, retryable } = failure;
    json!({"turnId": turn, "code": code, "message": message, "retryable": retryable})
}

fn message_data(message: &Message) -> Value {
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
