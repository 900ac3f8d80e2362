//! Deepgram's `/v1/listen` on a real socket, as strict as the real one, with faults by script. It hears what it is told.

#![allow(dead_code, unreachable_pub, reason = "each test uses another part of it")]

use std::{io, time::Duration};

use serde_json::{Value, json};

use super::scripted_hearing::{
    Answer, Ear, Fault, Passage, Passages, Received, Script, Scripted, Session, ms,
};

const ENDPOINTING_MS: u64 = 300;

/// Starts it; it runs until it is dropped.
pub async fn start(script: Script) -> io::Result<Scripted> {
    Scripted::start::<Deepgram>("/v1/listen", script).await
}

struct Deepgram {
    session: Session,
    passages: Passages,
    idle: Duration,
    bytes: usize,
}

impl Ear for Deepgram {
    fn refusal(script: &Script, received: &Received) -> Option<(u16, String)> {
        let wanted = script.key.map(|key| format!("Token {key}"));
        if wanted.is_some() && received.authorization != wanted {
            let sent = received.authorization.as_deref().unwrap_or_default();
            return Some((401, format!("Invalid credentials: {sent}")));
        }
        let value = |name: &str| received.query.get(name).map(String::as_str);
        let wanted = [("encoding", "linear16"), ("sample_rate", "16000"), ("channels", "1")];
        let missing = wanted.into_iter().find(|&(name, wanted)| value(name) != Some(wanted));
        missing.map(|(name, _)| (400, format!("Bad Request: {name}")))
    }

    fn begin(script: &Script, session: Session) -> Self {
        let passages = Passages::of(&session.spoken, ENDPOINTING_MS);
        Self { session, passages, idle: script.idle, bytes: 0 }
    }

    fn sound(&mut self, pcm: &[u8]) -> Vec<Answer> {
        if pcm.is_empty() || !pcm.len().is_multiple_of(2) {
            return vec![Answer::Close(1008, "DATA-0000")];
        }
        self.bytes += pcm.len();
        let passages = self.passages.advance(ms(self.bytes));
        passages.iter().flat_map(|passage| self.results(passage, false)).collect()
    }

    fn text(&mut self, text: &Value) -> Vec<Answer> {
        match text["type"].as_str() {
            Some("KeepAlive") => Vec::new(),
            Some("Configure") => vec![configured(text)],
            Some("Finalize") if self.session.has(Fault::IgnoresFlush) => Vec::new(),
            Some("Finalize") => {
                let rest = self.passages.rest();
                rest.iter().flat_map(|passage| self.results(passage, true)).collect()
            }
            Some("CloseStream") => self.end(),
            _ => vec![Answer::Text(json!({
                "type": "Error", "variant": "UnknownMessage", "description": "unknown message",
            }))],
        }
    }

    fn idle(&self) -> Option<(Duration, Answer)> {
        Some((self.idle, Answer::Close(1011, "NET-0001")))
    }
}

impl Deepgram {
    fn end(&mut self) -> Vec<Answer> {
        let rest = self.passages.rest();
        let mut answers: Vec<_> =
            rest.iter().flat_map(|passage| self.results(passage, false)).collect();
        let duration = ms(self.bytes) as f64 / 1000.0;
        answers.push(Answer::Text(json!({
            "type": "Metadata", "request_id": "r", "duration": duration, "channels": 1,
            "created": "2026-11-21T00:00:00Z", "sha256": "", "transaction_key": "deprecated",
        })));
        answers.push(Answer::Close(1000, ""));
        answers
    }

    fn results(&self, passage: &Passage, from_finalize: bool) -> Vec<Answer> {
        let mut passage = passage.clone();
        if passage.is_final && self.session.has(Fault::EmptyFinals) {
            passage.words.clear();
        }
        let speech_final = passage.is_final && !passage.words.is_empty();
        let result = Answer::Text(json!({
            "type": "Results",
            "channel_index": [0, 1],
            "start": seconds(passage.start_ms),
            "duration": seconds(passage.end_ms - passage.start_ms),
            "is_final": passage.is_final,
            "speech_final": speech_final,
            "from_finalize": from_finalize,
            "channel": { "alternatives": [self.alternative(&passage)] },
            "metadata": { "request_id": "r", "model_uuid": "m" },
        }));
        let is_doubled = passage.is_final && self.session.has(Fault::DoubleFinals);
        vec![result; if is_doubled { 2 } else { 1 }]
    }

    fn alternative(&self, passage: &Passage) -> Value {
        let mut words: Vec<Value> = passage
            .words
            .iter()
            .map(|word| {
                json!({
                    "word": word.text, "punctuated_word": word.text, "confidence": 0.98,
                    "start": seconds(word.start_ms), "end": seconds(word.end_ms),
                })
            })
            .collect();
        if self.session.has(Fault::Backwards) {
            words.iter_mut().for_each(|word| word["end"] = json!(-1.0));
        }
        let mut alternative = json!({ "transcript": passage.text(), "words": words });
        if self.session.has(Fault::NoConfidence) {
            for word in alternative["words"].as_array_mut().into_iter().flatten() {
                word["confidence"].take();
            }
        } else {
            alternative["confidence"] = json!(0.97);
        }
        alternative
    }
}

fn configured(text: &Value) -> Answer {
    let is_list =
        text["keyterms"].as_array().is_some_and(|terms| terms.iter().all(Value::is_string));
    let kind = if is_list { "ConfigureSuccess" } else { "ConfigureFailure" };
    Answer::Text(json!({ "type": kind, "request_id": "r", "keyterms": text["keyterms"] }))
}

fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}
