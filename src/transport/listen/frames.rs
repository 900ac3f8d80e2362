//! Deepgram's frames: what goes out, field by field, and what comes in. It decides nothing.

use serde_json::{Value, json};

use crate::domain::{Confidence, HeardWord, Transcript};

/// What a client asks for in a text frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    KeepAlive,
    Finalize,
    CloseStream,
}

/// What a result is beside its words; places are milliseconds of the client's sound.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Result {
    pub(super) start_ms: u64,
    pub(super) end_ms: u64,
    pub(super) is_final: bool,
    pub(super) speech_final: bool,
    pub(super) from_finalize: bool,
}

/// Who answers: the same in all frames of a connection.
#[derive(Clone, Debug)]
pub(super) struct Author {
    pub(super) request_id: String,
    /// The engine that hears.
    pub(super) engine: String,
    pub(super) channels: u16,
}

impl Request {
    /// `None` for what is no request.
    pub(super) fn read(text: &str) -> Option<Self> {
        let frame: Value = serde_json::from_str(text).ok()?;
        match frame.get("type")?.as_str()? {
            "KeepAlive" => Some(Self::KeepAlive),
            "Finalize" => Some(Self::Finalize),
            "CloseStream" => Some(Self::CloseStream),
            _ => None,
        }
    }
}

impl Author {
    pub(super) fn result(&self, result: Result, heard: &Transcript) -> Value {
        let Result { start_ms, end_ms, is_final, speech_final, from_finalize } = result;
        let words: Vec<Value> = heard.words.iter().map(|word| spoken(word, heard)).collect();
        json!({
            "type": "Results",
            "channel_index": [0, 1],
            "start": seconds(start_ms),
            "duration": seconds(end_ms.saturating_sub(start_ms)),
            "is_final": is_final,
            "speech_final": speech_final,
            "from_finalize": from_finalize,
            "channel": {"alternatives": [{
                "transcript": heard.text.trim(),
                "confidence": certainty(heard),
                "words": words,
            }]},
            "metadata": {
                "request_id": self.request_id,
                "model_info": self.model(),
                "model_uuid": NO_UUID,
            },
        })
    }

    /// The last frame: how much was heard, and the digest of what came.
    pub(super) fn metadata(&self, heard_ms: u64, created: &str, sha256: &str) -> Value {
        json!({
            "type": "Metadata",
            "transaction_key": "deprecated",
            "request_id": self.request_id,
            "sha256": sha256,
            "created": created,
            "duration": seconds(heard_ms),
            "channels": self.channels,
            "models": [NO_UUID],
            "model_info": {NO_UUID: self.model()},
        })
    }

    fn model(&self) -> Value {
        json!({"name": self.engine, "version": env!("CARGO_PKG_VERSION"), "arch": "parla"})
    }
}

/// parla's engines have no ids.
const NO_UUID: &str = "00000000-0000-0000-0000-000000000000";

pub(super) fn speech_started(at_ms: u64) -> Value {
    json!({"type": "SpeechStarted", "channel": [0, 1], "timestamp": seconds(at_ms)})
}

pub(super) fn utterance_end(last_word_ms: u64) -> Value {
    json!({"type": "UtteranceEnd", "channel": [0, 1], "last_word_end": seconds(last_word_ms)})
}

pub(super) fn error(variant: &str, description: &str) -> Value {
    json!({
        "type": "Error", "variant": variant, "description": description, "message": description,
    })
}

fn spoken(word: &HeardWord, heard: &Transcript) -> Value {
    let bare = word.text.trim_matches(|char: char| !char.is_alphanumeric()).to_lowercase();
    json!({
        "word": if bare.is_empty() { word.text.clone() } else { bare },
        "start": seconds(word.start_ms),
        "end": seconds(word.end_ms),
        "confidence": word.confidence.map_or_else(|| certainty(heard), Confidence::share),
        "punctuated_word": word.text,
    })
}

/// The wire knows no doubt about doubt: an engine that does not say how sure it is counts as sure.
fn certainty(heard: &Transcript) -> f64 {
    match heard.confidence {
        Some(confidence) => confidence.share(),
        None if heard.text.trim().is_empty() => 0.0,
        None => 1.0,
    }
}

#[expect(clippy::cast_precision_loss, reason = "times of sound are far below 2^52 milliseconds")]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}
