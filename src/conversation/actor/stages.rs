//! When the stages of a turn began and ended, for its trace. It decides nothing, and without a collector notes nothing.

use std::collections::{BTreeMap, HashMap};

use tokio::time::Instant;

use crate::{
    domain::{Failure, Latency, Millis, TurnId},
    telemetry::traces::{Attribute, Span, Trace, Traces},
};

use super::{
    super::turn_machine::{Input, Outcome, Record},
    receipts::SpeechEnd,
};

/// The turns that are being made.
pub(super) struct Stages {
    traces: Option<Traces>,
    /// Of the message that comes next.
    speech: Option<Speech>,
    turns: HashMap<TurnId, Moments>,
}

/// When the learner's voice ended, and when its last words were final.
#[derive(Clone, Copy)]
struct Speech {
    ended: Instant,
    words_final: Option<Instant>,
}

/// A turn that is made, and on its way to the disk.
pub(super) struct Made {
    traces: Traces,
    trace: Trace,
}

struct Moments {
    speech: Option<Speech>,
    began: Instant,
    /// From the end of the learner's speech, or from their message, in milliseconds.
    first_heard_ms: Option<u64>,
    stored: Option<Instant>,
    asked_model: Option<Instant>,
    first_text: Option<Instant>,
    written: Option<Instant>,
    chunks: BTreeMap<usize, Voiced>,
}

struct Voiced {
    asked: Instant,
    started: Option<Instant>,
    finished: Option<Instant>,
    is_failed: bool,
}

impl Stages {
    pub(super) fn new(traces: Option<Traces>) -> Self {
        Self { traces, speech: None, turns: HashMap::new() }
    }

    /// The next message was spoken; `instant` is that of a moment on the clock of all conversations.
    pub(super) fn expect(&mut self, instant: impl Fn(Millis) -> Instant, speech: SpeechEnd) {
        let words_final = speech.final_at.map(&instant);
        self.speech = Some(Speech { ended: instant(speech.voice_off_at), words_final });
    }

    /// The turn's first sound is heard.
    pub(super) fn heard(&mut self, latency: &Latency) {
        self.at(&latency.turn, |moments| moments.first_heard_ms = latency.first_heard_ms);
    }

    /// What the machine hears.
    pub(super) fn note(&mut self, input: &Input) {
        if self.traces.is_none() {
            return;
        }
        let now = Instant::now();
        match input {
            Input::Ask(ask) => {
                self.turns.insert(ask.turn.clone(), Moments::new(now, self.speech.take()));
            }
            Input::Stored { turn } => self.at(turn, |moments| moments.stored = Some(now)),
            Input::ModelText { turn, .. } | Input::ModelCall { turn, .. } => {
                self.at(turn, |moments| {
                    moments.first_text.get_or_insert(now);
                });
            }
            Input::ModelDone { turn, .. } | Input::ModelFailed { turn, .. } => {
                self.at(turn, |moments| moments.written = Some(now));
            }
            Input::SpeechStarted { turn, index } => {
                self.at_chunk(turn, *index, |chunk| chunk.started = Some(now));
            }
            Input::SpeechReady { turn, index, .. } => {
                self.at_chunk(turn, *index, |chunk| chunk.finished = Some(now));
            }
            Input::SpeechFailed { turn, index, .. } => self.at_chunk(turn, *index, |chunk| {
                chunk.finished = Some(now);
                chunk.is_failed = true;
            }),
            _ => {}
        }
    }

    /// The model is asked.
    pub(super) fn asked_model(&mut self, turn: &TurnId) {
        self.at(turn, |moments| moments.asked_model = Some(Instant::now()));
    }

    /// A voice is asked for a chunk.
    pub(super) fn asked_voice(&mut self, turn: &TurnId, index: usize) {
        let asked = Instant::now();
        let voiced = Voiced { asked, started: None, finished: None, is_failed: false };
        self.at(turn, |moments| {
            moments.chunks.insert(index, voiced);
        });
    }

    /// Nothing comes of the turn.
    pub(super) fn forget(&mut self, turn: &TurnId) {
        self.turns.remove(turn);
    }

    /// The turn is made; `None` when nobody watches.
    pub(super) fn made(&mut self, record: &Record) -> Option<Made> {
        let moments = self.turns.remove(&record.snapshot.turn)?;
        Some(Made { traces: self.traces.clone()?, trace: moments.trace(record, Instant::now()) })
    }

    fn at(&mut self, turn: &TurnId, note: impl FnOnce(&mut Moments)) {
        self.turns.get_mut(turn).map(note);
    }

    fn at_chunk(&mut self, turn: &TurnId, index: usize, note: impl FnOnce(&mut Voiced)) {
        self.at(turn, |moments| {
            moments.chunks.get_mut(&index).map(note);
        });
    }
}

impl Made {
    /// The turn's end is on disk, or has been given up.
    pub(super) fn stored(mut self) {
        let now = Instant::now();
        if let Some(whole) = self.trace.0.first_mut() {
            let made = std::mem::replace(&mut whole.end, now);
            self.trace.0.push(inside(0, "storage end", made, now));
        }
        self.traces.send(self.trace);
    }
}

impl Moments {
    fn new(began: Instant, speech: Option<Speech>) -> Self {
        Self {
            speech,
            began,
            first_heard_ms: None,
            stored: None,
            asked_model: None,
            first_text: None,
            written: None,
            chunks: BTreeMap::new(),
        }
    }

    /// What has not ended by itself ended with the turn.
    fn trace(self, record: &Record, end: Instant) -> Trace {
        let start = self.speech.map_or(self.began, |speech| speech.ended);
        let mut whole = inside(0, "turn", start, end);
        whole.parent = None;
        whole.attributes = attributes(record);
        whole
            .attributes
            .extend(self.first_heard_ms.map(|ms| ("parla.first_heard_ms", Attribute::Number(ms))));
        whole.failure = failure(record).map(|failure| failure.code);
        let mut spans = vec![whole];
        if let Some(Speech { ended, words_final }) = self.speech {
            spans.push(inside(0, "end of turn", ended, self.began));
            spans.extend(words_final.map(|at| inside(0, "final transcript", ended, at.max(ended))));
        }
        spans.extend(self.stored.map(|stored| inside(0, "storage begin", self.began, stored)));
        let written = self.written.unwrap_or(end);
        if let Some(asked) = self.asked_model {
            let model = spans.len();
            let first = self.first_text.unwrap_or(written);
            spans.push(inside(0, "model", asked, written));
            spans.push(inside(model, "first token", asked, first));
            spans.push(inside(model, "writing", first, written));
        }
        for (index, voiced) in self.chunks {
            voiced.add_to(&mut spans, index, end);
        }
        Trace(spans)
    }
}

impl Voiced {
    fn add_to(self, spans: &mut Vec<Span>, index: usize, end: Instant) {
        let finished = self.finished.unwrap_or(end);
        let started = self.started.unwrap_or(finished);
        let mut chunk = inside(0, "chunk", self.asked, finished);
        chunk.attributes = vec![("parla.chunk", Attribute::Number(index as u64))];
        chunk.failure = self.is_failed.then_some("tts_failed");
        spans.push(chunk);
        let place = spans.len() - 1;
        spans.push(inside(place, "queue", self.asked, started));
        spans.push(inside(place, "synthesis", started, finished));
    }
}

fn inside(parent: usize, name: &'static str, start: Instant, end: Instant) -> Span {
    Span { name, parent: Some(parent), start, end, attributes: Vec::new(), failure: None }
}

fn failure(record: &Record) -> Option<&Failure> {
    match &record.outcome {
        Outcome::Failed(failure) => Some(failure),
        Outcome::Complete | Outcome::Stopped => None,
    }
}

/// Under the names of OpenTelemetry's conventions for models where there are any.
fn attributes(record: &Record) -> Vec<(&'static str, Attribute)> {
    let metadata = &record.snapshot.metadata;
    let outcome = match &record.outcome {
        Outcome::Complete => "complete",
        Outcome::Stopped => "stopped",
        Outcome::Failed(_) => "failed",
    };
    let mut attributes = vec![
        ("parla.turn", Attribute::Text(record.snapshot.turn.to_string())),
        ("parla.outcome", Attribute::Text(outcome.to_owned())),
        ("parla.language", Attribute::Text(metadata.language.to_string())),
        ("parla.level", Attribute::Text(metadata.level.name().to_owned())),
        ("parla.chunks", Attribute::Number(record.snapshot.chunks.len() as u64)),
        ("gen_ai.provider.name", Attribute::Text(metadata.provider.clone())),
        ("gen_ai.request.model", Attribute::Text(metadata.model.clone())),
    ];
    if let Some(usage) = record.usage {
        attributes.push(("gen_ai.usage.input_tokens", Attribute::Number(usage.prompt_tokens)));
        attributes.push(("gen_ai.usage.output_tokens", Attribute::Number(usage.completion_tokens)));
    }
    attributes
}
