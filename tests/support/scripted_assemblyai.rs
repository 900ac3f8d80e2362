//! AssemblyAI's `/v3/ws` on a real socket, as strict as the real one, with faults by script. It hears what it is told.

#![allow(dead_code, unreachable_pub, reason = "each test uses another part of it")]

use std::{
    io,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::scripted_hearing::{
    Answer, Ear, Fault, Passage, Passages, Received, Script, Scripted, Session, ms,
};

const ENDPOINTING_MS: u64 = 400;

/// Starts it; it runs until it is dropped.
pub async fn start(script: Script) -> io::Result<Scripted> {
    Scripted::start::<AssemblyAi>("/v3/ws", script).await
}

struct AssemblyAi {
    session: Session,
    passages: Passages,
    ahead: Duration,
    bytes: usize,
    began: Option<Instant>,
    turn: u64,
}

impl Ear for AssemblyAi {
    fn refusal(script: &Script, received: &Received) -> Option<(u16, String)> {
        if script.key.is_some() && received.authorization.as_deref() != script.key {
            let sent = received.authorization.as_deref().unwrap_or_default();
            return Some((401, format!("Unauthorized: {sent}")));
        }
        let value = |name: &str| received.query.get(name).map(String::as_str);
        if value("sample_rate") != Some("16000") {
            return Some((400, "sample_rate".to_owned()));
        }
        value("speech_model").is_none().then(|| (400, "speech_model".to_owned()))
    }

    fn begin(script: &Script, session: Session) -> Self {
        let passages = Passages::of(&session.spoken, ENDPOINTING_MS);
        Self { session, passages, ahead: script.ahead, bytes: 0, began: None, turn: 0 }
    }

    fn greeting(&self) -> Vec<Answer> {
        vec![Answer::Text(json!({
            "type": "Begin", "id": "u", "expires_at": 1_790_000_000, "configuration": {},
        }))]
    }

    fn sound(&mut self, pcm: &[u8]) -> Vec<Answer> {
        if !pcm.len().is_multiple_of(2) || !(50..=1000).contains(&ms(pcm.len())) {
            return refusal(3007, "Input duration must be 50 to 1000 ms");
        }
        self.bytes += pcm.len();
        let elapsed = self.began.get_or_insert_with(Instant::now).elapsed() + self.ahead;
        let before = Duration::from_millis(ms(self.bytes - pcm.len()));
        if before > elapsed {
            return refusal(3007, "Audio transmission rate exceeded");
        }
        let passages = self.passages.advance(ms(self.bytes));
        passages.iter().flat_map(|passage| self.turns(passage)).collect()
    }

    fn text(&mut self, text: &Value) -> Vec<Answer> {
        match text["type"].as_str() {
            Some("KeepAlive" | "UpdateConfiguration") => Vec::new(),
            Some("ForceEndpoint") if self.session.has(Fault::IgnoresFlush) => Vec::new(),
            Some("ForceEndpoint") => self.rest(),
            Some("Terminate") => {
                let mut answers = self.rest();
                let seconds = ms(self.bytes) / 1000;
                answers.push(Answer::Text(json!({
                    "type": "Termination",
                    "audio_duration_seconds": seconds, "session_duration_seconds": seconds,
                })));
                answers.push(Answer::Close(1000, ""));
                answers
            }
            _ => refusal(3006, "Invalid Message Type"),
        }
    }
}

impl AssemblyAi {
    fn rest(&mut self) -> Vec<Answer> {
        let rest = self.passages.rest();
        rest.iter().flat_map(|passage| self.turns(passage)).collect()
    }

    /// Silence is not told of.
    fn turns(&mut self, passage: &Passage) -> Vec<Answer> {
        if passage.words.is_empty() {
            return Vec::new();
        }
        let mut turns = vec![self.turn(passage, false)];
        if passage.is_final {
            if self.session.has(Fault::DoubleFinals) {
                turns.push(self.turn(passage, true));
            }
            self.turn += 1;
        }
        turns
    }

    fn turn(&self, passage: &Passage, is_formatted: bool) -> Answer {
        let is_empty = passage.is_final && self.session.has(Fault::EmptyFinals);
        let words = passage.words.iter().filter(|_| !is_empty).map(|word| {
            let confidence = (!self.session.has(Fault::NoConfidence)).then_some(0.9);
            let end = if self.session.has(Fault::Backwards) { 0 } else { word.end_ms };
            json!({
                "text": word.text, "start": word.start_ms, "end": end,
                "confidence": confidence, "word_is_final": true,
            })
        });
        Answer::Text(json!({
            "type": "Turn",
            "turn_order": self.turn,
            "turn_is_formatted": is_formatted,
            "end_of_turn": passage.is_final,
            "transcript": if is_empty { String::new() } else { passage.text() },
            "end_of_turn_confidence": 0.5,
            "words": words.collect::<Vec<_>>(),
        }))
    }
}

fn refusal(code: u16, error: &'static str) -> Vec<Answer> {
    let frame = json!({ "type": "Error", "error_code": code, "error": error });
    vec![Answer::Text(frame), Answer::Close(code, error)]
}
