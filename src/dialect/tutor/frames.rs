//! The shapes of the tutor dialect's frames, field by field as `docs/PROTOCOL.md` shows them.

use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    auth::Auth,
    domain::{
        Chunk, ChunkAudio, Confidence, HeardWord, SpeechState, Timings, Transcript, TurnId,
        TurnMetadata, TurnSnapshot, Usage,
    },
    hub::Frame,
    telemetry::metrics::FrameKind,
    wall_clock,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Envelope<'a, T> {
    #[serde(rename = "type")]
    pub(super) kind: &'a str,
    pub(super) data: &'a T,
    pub(super) timestamp: String,
    pub(super) conversation_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) seq: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) epoch: Option<&'a str>,
}

/// What is encoded, as it is sent and counted.
#[must_use]
pub fn framed(text: String) -> Frame {
    let kind = FrameKind::of(frame_type(&text));
    Frame::new(kind, text)
}

/// The type of an encoded frame, which stands at its beginning; empty for what is no frame.
#[must_use]
pub fn frame_type(frame: &str) -> &str {
    let behind = frame.strip_prefix("{\"type\":\"").unwrap_or_default();
    behind.split('"').next().unwrap_or_default()
}

/// A turn as a whole.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StartData<'a> {
    pub(super) conversation_id: &'a str,
    pub(super) turn_id: &'a str,
    pub(super) message_id: &'a str,
    pub(super) chunks: Vec<ChunkFrame<'a>>,
    pub(super) metadata: MetadataFrame<'a>,
    pub(super) source: &'a str,
    pub(super) complete: bool,
}

/// One chunk of a turn, and its place in it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChunkData<'a> {
    turn_id: &'a str,
    chunk_index: usize,
    chunk: ChunkFrame<'a>,
}

/// Text as it is written.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeltaData<'a> {
    pub(super) turn_id: &'a str,
    pub(super) text: &'a str,
}

/// Who answers and in which setting.
#[derive(Serialize, ToSchema)]
#[schema(as = Metadata)]
pub struct MetadataFrame<'a> {
    model: &'a str,
    provider: &'a str,
    language: &'a str,
    level: &'a str,
    #[schema(required)]
    voice: Option<&'a str>,
    #[schema(required)]
    scenario: Option<&'a str>,
}

/// A chunk; what is not known yet is null, never absent.
#[derive(Serialize, ToSchema)]
#[schema(as = Chunk)]
#[serde(rename_all = "camelCase")]
pub struct ChunkFrame<'a> {
    id: &'a str,
    text: &'a str,
    emotion: &'a str,
    icon: &'a str,
    pause: u32,
    emphasis: bool,
    language: &'a str,
    #[schema(required)]
    audio_file_id: Option<&'a str>,
    #[schema(required)]
    audio_url: Option<String>,
    #[schema(required)]
    duration: Option<f64>,
    #[schema(required)]
    words: Option<Vec<WordFrame<'a>>>,
    #[schema(required, value_type = Option<String>)]
    emotion_applied: Option<crate::domain::EmotionApplied>,
    tts_status: &'static str,
    #[schema(required)]
    tts_error: Option<&'a str>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Word)]
struct WordFrame<'a> {
    text: &'a str,
    /// Seconds from the chunk's beginning.
    start: f64,
    end: f64,
}

/// What a learner says.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TranscriptData<'a> {
    text: &'a str,
    is_final: bool,
    confidence: Option<Confidence>,
    words: Vec<HeardWordFrame<'a>>,
}

#[derive(Serialize)]
struct HeardWordFrame<'a> {
    text: &'a str,
    /// Seconds from the beginning of the microphone's sound.
    start: f64,
    end: f64,
    confidence: Option<Confidence>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Usage)]
#[serde(rename_all = "camelCase")]
pub struct UsageFrame {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Timings)]
#[serde(rename_all = "camelCase")]
pub struct TimingsFrame {
    #[schema(required)]
    llm_first_token_ms: Option<u64>,
    #[schema(required)]
    first_chunk_ms: Option<u64>,
    #[schema(required)]
    first_audio_ms: Option<u64>,
    total_ms: u64,
}

impl<'a> StartData<'a> {
    pub(super) fn new(conversation: &'a str, snapshot: &'a TurnSnapshot, auth: &Auth) -> Self {
        Self {
            conversation_id: conversation,
            turn_id: snapshot.turn.as_str(),
            message_id: snapshot.message.as_str(),
            chunks: snapshot.chunks.iter().map(|chunk| ChunkFrame::new(chunk, auth)).collect(),
            metadata: MetadataFrame::new(&snapshot.metadata),
            source: snapshot.form.name(),
            complete: snapshot.complete,
        }
    }
}

impl<'a> ChunkData<'a> {
    pub(super) fn new(turn: &'a TurnId, index: usize, chunk: &'a Chunk, auth: &Auth) -> Self {
        Self { turn_id: turn.as_str(), chunk_index: index, chunk: ChunkFrame::new(chunk, auth) }
    }
}

impl<'a> MetadataFrame<'a> {
    #[must_use]
    pub fn new(metadata: &'a TurnMetadata) -> Self {
        Self {
            model: &metadata.model,
            provider: &metadata.provider,
            language: metadata.language.as_str(),
            level: metadata.level.name(),
            voice: metadata.voice.as_deref(),
            scenario: metadata.scenario.as_deref(),
        }
    }
}

impl<'a> ChunkFrame<'a> {
    /// With a link to its audio that needs no header.
    #[must_use]
    pub fn new(chunk: &'a Chunk, auth: &Auth) -> Self {
        let audio = ready(&chunk.speech);
        let (tts_status, tts_error) = status(&chunk.speech);
        Self {
            id: chunk.id.as_str(),
            text: &chunk.text,
            emotion: chunk.emotion.name(),
            icon: chunk.emotion.icon(),
            pause: chunk.pause_ms,
            emphasis: chunk.emphasis,
            language: chunk.language.as_str(),
            audio_file_id: audio.map(|audio| audio.file.as_str()),
            audio_url: audio.map(|audio| audio_url(audio, auth)),
            duration: audio.map(|audio| seconds(audio.duration_ms)),
            words: audio.filter(|audio| !audio.words.is_empty()).map(word_frames),
            emotion_applied: audio.map(|audio| audio.emotion),
            tts_status,
            tts_error,
        }
    }
}

impl From<Usage> for UsageFrame {
    fn from(usage: Usage) -> Self {
        let Usage { prompt_tokens, completion_tokens } = usage;
        let total_tokens = prompt_tokens + completion_tokens;
        Self { prompt_tokens, completion_tokens, total_tokens }
    }
}

impl From<Timings> for TimingsFrame {
    fn from(timings: Timings) -> Self {
        Self {
            llm_first_token_ms: timings.first_token_ms,
            first_chunk_ms: timings.first_chunk_ms,
            first_audio_ms: timings.first_audio_ms,
            total_ms: timings.total_ms,
        }
    }
}

impl<'a> From<&'a Transcript> for TranscriptData<'a> {
    fn from(transcript: &'a Transcript) -> Self {
        let Transcript { text, is_final, confidence, words, .. } = transcript;
        let words = words.iter().map(HeardWordFrame::from).collect();
        Self { text, is_final: *is_final, confidence: *confidence, words }
    }
}

impl<'a> From<&'a HeardWord> for HeardWordFrame<'a> {
    fn from(word: &'a HeardWord) -> Self {
        let [start, end] = [word.start_ms, word.end_ms].map(|ms| ms as f64 / 1000.0);
        Self { text: &word.text, start, end, confidence: word.confidence }
    }
}

fn ready(speech: &SpeechState) -> Option<&ChunkAudio> {
    match speech {
        SpeechState::Ready(audio) => Some(audio),
        _ => None,
    }
}

fn status(speech: &SpeechState) -> (&'static str, Option<&str>) {
    match speech {
        SpeechState::Pending => ("pending", None),
        SpeechState::Processing => ("processing", None),
        SpeechState::Ready(_) | SpeechState::Silent => ("completed", None),
        SpeechState::Failed(reason) => ("failed", Some(reason)),
    }
}

fn audio_url(audio: &ChunkAudio, auth: &Auth) -> String {
    format!("/api/v1/audio/{}?{}", audio.file, auth.audio_query(&audio.file, wall_clock::now()))
}

fn word_frames(audio: &ChunkAudio) -> Vec<WordFrame<'_>> {
    let frame = |word: &'_ crate::domain::WordTime| (seconds(word.start_ms), seconds(word.end_ms));
    let frames = audio.words.iter().map(|word| {
        let (start, end) = frame(word);
        WordFrame { text: &word.text, start, end }
    });
    frames.collect()
}

fn seconds(ms: u32) -> f64 {
    f64::from(ms) / 1000.0
}
