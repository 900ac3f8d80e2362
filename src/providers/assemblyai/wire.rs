//! AssemblyAI's frames ↔ sound and words, pure. A segment is one of its turns.

use std::time::Duration;

use bytes::BytesMut;
use serde::Deserialize;
use serde_json::json;

use crate::{
    domain::{Confidence, HeardWord, Transcript},
    providers::{
        HEARING_RATE, Heard, Pace, ProviderError, Sound,
        dictation::{self, LastWords, Outgoing, Wire},
        http,
    },
};

/// Shorter frames are refused, in milliseconds.
const MIN_FRAME_MS: usize = 50;
/// Longer ones would be allowed, but come late.
const MAX_FRAME_MS: usize = 100;
const BYTES_PER_MS: usize = HEARING_RATE as usize / 1000 * 2;
/// What AssemblyAI takes.
const MAX_KEYTERMS: usize = 100;
const MAX_KEYTERM_CHARS: usize = 50;

/// One connection's state.
pub(super) struct AssemblyAiWire {
    provider: String,
    /// Sound that is too short to be sent.
    rest: BytesMut,
    /// Turns before this one are final.
    next_turn: u64,
    last_words: LastWords,
    is_over: bool,
}

#[derive(Deserialize)]
#[serde(tag = "type")]
enum Frame {
    Turn(Turn),
    Error(Refusal),
    Termination {},
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Turn {
    turn_order: u64,
    #[serde(default)]
    end_of_turn: bool,
    #[serde(default)]
    transcript: String,
    #[serde(default)]
    words: Vec<Word>,
}

#[derive(Deserialize)]
struct Word {
    text: String,
    start: f64,
    end: f64,
    confidence: Option<f64>,
}

#[derive(Deserialize)]
struct Refusal {
    error_code: Option<u16>,
    #[serde(default)]
    error: String,
}

impl AssemblyAiWire {
    pub(super) fn new(provider: String) -> Self {
        Self {
            provider,
            rest: BytesMut::new(),
            next_turn: 0,
            last_words: LastWords::default(),
            is_over: false,
        }
    }

    /// A turn that has ended may come again with its text made pretty; it is told as it was said.
    fn turn(&mut self, turn: Turn) -> Vec<Heard> {
        if turn.turn_order < self.next_turn {
            return Vec::new();
        }
        let text = turn.transcript.trim().to_owned();
        // Nothing replaces nothing; but an empty final takes back what was supposed.
        let is_told = !text.is_empty() || (self.last_words.is_open() && turn.end_of_turn);
        let mut heard = Vec::new();
        if is_told {
            self.last_words.told(turn.end_of_turn);
            heard.push(Heard::Transcript(Transcript {
                segment: turn.turn_order,
                text,
                is_final: turn.end_of_turn,
                confidence: mean_confidence(&turn.words),
                words: words(turn.words),
            }));
        }
        if turn.end_of_turn {
            self.next_turn = turn.turn_order.saturating_add(1);
            heard.extend(self.turn_end(is_told));
        }
        heard
    }

    /// Which was asked for, or found by the service.
    fn turn_end(&mut self, is_told: bool) -> Option<Heard> {
        self.last_words.settle();
        self.last_words.answered().or(is_told.then_some(Heard::EndHint))
    }

    fn ended(&self, code: u16, reason: &str) -> ProviderError {
        let provider = self.provider.clone();
        let reason = format!("it closed with {code} {reason}");
        match code {
            // The key, a message, the sound's frames.
            1008 | 3006 | 3007 => ProviderError::Rejected { provider, reason },
            1013 | 3009 => ProviderError::AtCapacity { provider, retry_after: None },
            _ => ProviderError::Cut { provider, reason },
        }
    }

    /// All that is long enough, in frames that are not too long.
    fn frames(&mut self) -> Vec<Outgoing> {
        let mut frames = Vec::new();
        while self.rest.len() >= MIN_FRAME_MS * BYTES_PER_MS {
            let length = self.rest.len().min(MAX_FRAME_MS * BYTES_PER_MS);
            let pcm = self.rest.split_to(length).freeze();
            let duration = Duration::from_millis((length / BYTES_PER_MS) as u64);
            frames.push(Outgoing::Sound { pcm, duration });
        }
        frames
    }
}

impl Wire for AssemblyAiWire {
    fn pace(&self) -> Pace {
        Pace::RealTime
    }

    fn give(&mut self, sound: Sound) -> Vec<Outgoing> {
        self.last_words.note(&sound);
        match sound {
            Sound::Frame(frame) => {
                self.rest.extend_from_slice(&frame.pcm);
                self.frames()
            }
            Sound::Expect(phrases) => vec![keyterms(&phrases)],
            // A rest that is too short stays for the next frame: filled up it would move all later times.
            Sound::Flush if self.last_words.ask() => vec![command("ForceEndpoint")],
            Sound::VoiceOn | Sound::VoiceOff | Sound::Flush => Vec::new(),
        }
    }

    fn finish(&mut self) -> Vec<Outgoing> {
        if !self.rest.is_empty() {
            self.rest.resize(MIN_FRAME_MS * BYTES_PER_MS, 0);
        }
        let mut last = self.frames();
        last.push(command("Terminate"));
        last
    }

    /// It waits for three hours.
    fn keep_alive(&self) -> Option<Outgoing> {
        None
    }

    fn hear(&mut self, text: &str) -> Result<Vec<Heard>, ProviderError> {
        match dictation::read(&self.provider, text)? {
            Frame::Turn(turn) => Ok(self.turn(turn)),
            Frame::Error(refusal) => Err(self.ended(
                refusal.error_code.unwrap_or_default(),
                &http::printable(&refusal.error, None),
            )),
            Frame::Termination {} => {
                self.is_over = true;
                Ok(Vec::new())
            }
            Frame::Other => Ok(Vec::new()),
        }
    }

    fn is_over(&self) -> bool {
        self.is_over
    }

    fn closed(&self, code: u16, reason: String) -> ProviderError {
        self.ended(code, &reason)
    }

    fn last_words(&mut self) -> &mut LastWords {
        &mut self.last_words
    }
}

fn keyterms(phrases: &[String]) -> Outgoing {
    let is_short = |phrase: &&String| phrase.chars().count() <= MAX_KEYTERM_CHARS;
    let phrases: Vec<_> = phrases.iter().filter(is_short).take(MAX_KEYTERMS).collect();
    let update = json!({ "type": "UpdateConfiguration", "keyterms_prompt": phrases });
    Outgoing::Text(update.to_string())
}

/// The service tells how sure it is of each word only.
fn mean_confidence(words: &[Word]) -> Option<Confidence> {
    let known: Vec<f64> = words.iter().filter_map(|word| word.confidence).collect();
    (!known.is_empty())
        .then(|| Confidence::from_share(known.iter().sum::<f64>() / known.len() as f64))
}

fn words(words: Vec<Word>) -> Vec<HeardWord> {
    let heard = words.into_iter().map(|word| HeardWord {
        text: word.text,
        start_ms: ms(word.start),
        end_ms: ms(word.end),
        confidence: word.confidence.map(Confidence::from_share),
    });
    dictation::in_order(heard.collect())
}

/// Milliseconds from a service, which may be anything.
fn ms(milliseconds: f64) -> u64 {
    let time = Duration::try_from_secs_f64(milliseconds / 1000.0).unwrap_or_default();
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn command(kind: &str) -> Outgoing {
    Outgoing::Text(json!({ "type": kind }).to_string())
}

#[cfg(test)]
mod tests;
