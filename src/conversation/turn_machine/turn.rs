//! One live turn: its text, its chunks and what clients have been told of them. It knows no other turn.

mod telling;

use std::sync::Arc;

use crate::{
    conversation::{
        heard::heard_text,
        parser::{Draft, Parser, Piece},
    },
    domain::{
        Chunk, ChunkAudio, ChunkId, Correction, Ending, Event, Failure, Millis, SpeechState,
        Timings, ToolCall, TurnId, TurnMetadata, TurnSnapshot, Usage, UserId,
    },
};

use super::{Ask, Effect, Outcome, Record, playback::Playback};

/// Corrections that one answer may hold: more help nobody, and a flood would push other events out of the log.
const MAX_CORRECTIONS: usize = 32;
/// Longest silence after a chunk, in milliseconds.
const MAX_PAUSE_MS: u32 = 5000;

pub(super) struct Turn {
    ask: Ask,
    stored: bool,
    /// Events that wait until the learner's message is on disk.
    held: Vec<Event>,
    parser: Parser,
    phase: Phase,
    /// All that is shown, tags removed.
    text: String,
    chunks: Vec<Arc<Chunk>>,
    corrections: Vec<Correction>,
    /// The model has called something: it need not have said anything.
    has_called: bool,
    /// Clients have had a `conversation-start`.
    announced: bool,
    began_at: Millis,
    timings: Timings,
    pub(super) playback: Playback,
}

/// How far the making has come.
#[derive(Debug)]
enum Phase {
    Writing,
    /// The model has ended; voices may still be at work.
    Voicing {
        ending: Ending,
        failure: Option<Failure>,
    },
    /// It may still be heard.
    Made,
    /// Nothing more comes of it; it stays only until its message is on disk and its end can be told.
    Stopped,
}

impl Turn {
    pub(super) fn new(ask: Ask, began_at: Millis, stored: bool) -> Self {
        Self {
            parser: Parser::new(ask.metadata.language.clone()),
            ask,
            stored,
            held: Vec::new(),
            phase: Phase::Writing,
            text: String::new(),
            chunks: Vec::new(),
            corrections: Vec::new(),
            has_called: false,
            announced: false,
            began_at,
            timings: Timings::default(),
            playback: Playback::default(),
        }
    }

    pub(super) fn id(&self) -> &TurnId {
        &self.ask.turn
    }

    pub(super) fn asker(&self) -> &UserId {
        &self.ask.user
    }

    pub(super) fn chunk(&self, index: usize) -> Option<Arc<Chunk>> {
        self.chunks.get(index).cloned()
    }

    pub(super) fn metadata(&self) -> &Arc<TurnMetadata> {
        &self.ask.metadata
    }

    pub(super) fn is_stored(&self) -> bool {
        self.stored
    }

    pub(super) fn is_making(&self) -> bool {
        matches!(self.phase, Phase::Writing | Phase::Voicing { .. })
    }

    pub(super) fn is_announced(&self) -> bool {
        self.announced && self.stored
    }

    pub(super) fn is_sounding(&self, now: Millis) -> bool {
        self.playback.is_sounding(now)
    }

    pub(super) fn runs_out_at(&self) -> Option<Millis> {
        self.playback.runs_out_at()
    }

    pub(super) fn chunks_made(&self) -> usize {
        self.playback.chunks_made()
    }

    /// When the turn, once made, will have been heard.
    pub(super) fn heard_at(&self) -> Option<Millis> {
        match self.phase {
            Phase::Writing | Phase::Voicing { .. } => None,
            Phase::Made => self.playback.heard_at(),
            Phase::Stopped => Some(0),
        }
    }

    pub(super) fn is_heard(&self, now: Millis) -> bool {
        self.heard_at().is_some_and(|end| end <= now)
    }

    pub(super) fn snapshot(&self) -> Arc<TurnSnapshot> {
        self.snapshot_of(self.chunks.clone())
    }

    /// Tells the clients; before the learner's message is on disk they are told nothing.
    pub(super) fn publish(&mut self, event: Event, out: &mut Vec<Effect>) {
        if self.stored {
            out.push(Effect::Publish(event));
        } else {
            self.held.push(event);
        }
    }

    /// The learner's message is on disk: it is told first, then what has happened meanwhile.
    pub(super) fn stored(&mut self, out: &mut Vec<Effect>) {
        self.stored = true;
        let message = self.ask.message.clone().map(Event::Message);
        let held = std::mem::take(&mut self.held);
        out.extend(message.into_iter().chain(held).map(Effect::Publish));
    }

    /// The model has written some more.
    pub(super) fn write(&mut self, now: Millis, text: &str, out: &mut Vec<Effect>) {
        if !matches!(self.phase, Phase::Writing) || text.is_empty() {
            return;
        }
        self.timings.first_token_ms.get_or_insert(now.saturating_sub(self.began_at));
        let pieces = self.parser.push(text);
        self.take_pieces(now, pieces, out);
    }

    /// The model calls a function of the app that has asked.
    pub(super) fn call(&mut self, call: ToolCall, out: &mut Vec<Effect>) {
        if matches!(self.phase, Phase::Writing) {
            self.has_called = true;
            let (turn, call) = (self.id().clone(), Arc::new(call));
            self.publish(Event::ToolCall { turn, call }, out);
        }
    }

    /// The model has written its last word.
    pub(super) fn written(&mut self, now: Millis, ending: Ending, out: &mut Vec<Effect>) {
        if !matches!(self.phase, Phase::Writing) {
            return;
        }
        let pieces = self.parser.finish();
        self.take_pieces(now, pieces, out);
        let failure = (self.chunks.is_empty() && !self.has_called).then(|| {
            self.say_lost_words(now, out);
            empty_reply()
        });
        self.phase = Phase::Voicing { ending, failure };
        self.announce_whole(out);
    }

    /// The model has broken off: what it had finished stays, the sentence it was in is not spoken.
    pub(super) fn broke_off(&mut self, failure: Failure, out: &mut Vec<Effect>) {
        if !matches!(self.phase, Phase::Writing) {
            return;
        }
        self.phase = Phase::Voicing { ending: Ending::default(), failure: Some(failure) };
        self.announce_whole(out);
    }

    pub(super) fn heard_from_voice(&mut self, now: Millis, index: usize, audio: &ChunkAudio) {
        let Some(chunk) = self.chunks.get(index) else { return };
        self.timings.first_audio_ms.get_or_insert(now.saturating_sub(self.began_at));
        self.playback.ready(now, index, audio.duration_ms, chunk.pause_ms);
    }

    pub(super) fn voice_failed(&mut self, index: usize) {
        self.playback.mute(index);
    }

    /// A chunk's audio has come further. What arrives after an end is dropped.
    pub(super) fn set_speech(&mut self, index: usize, state: SpeechState, out: &mut Vec<Effect>) {
        let awaited = self.chunks.get_mut(index).filter(|chunk| !is_over(&chunk.speech));
        let Some(chunk) = awaited.filter(|_| !matches!(self.phase, Phase::Stopped)) else {
            return;
        };
        Arc::make_mut(chunk).speech = state;
        if self.announced {
            self.tell_speech(index, out);
        }
    }

    /// Ends the making once the model has ended and every chunk's voice has.
    pub(super) fn end_if_made(&mut self, now: Millis, out: &mut Vec<Effect>) {
        let Phase::Voicing { ending, failure } = &self.phase else { return };
        if !self.chunks.iter().all(|chunk| is_over(&chunk.speech)) {
            return;
        }
        let (ending, failure) = (*ending, failure.clone());
        self.timings.total_ms = now.saturating_sub(self.began_at);
        self.phase = Phase::Made;
        self.playback.close();
        let (event, outcome) = match failure {
            Some(failure) => (self.failed_event(&failure), Outcome::Failed(failure)),
            None => (self.complete_event(ending), Outcome::Complete),
        };
        self.publish(event, out);
        out.push(self.record(outcome, ending.usage));
    }

    /// Ends the turn in whichever phase it is; what was not heard is cut from what the model sees.
    pub(super) fn stop(&mut self, now: Millis, out: &mut Vec<Effect>) {
        let id = self.id().clone();
        let heard = self.playback.heard(now);
        let (was_making, was_heard) = (self.is_making(), self.is_heard(now));
        if was_heard {
            return;
        }
        self.phase = Phase::Stopped;
        if was_making {
            out.push(Effect::DropModel { turn: id.clone() });
            out.push(Effect::Silence { turn: id.clone() });
            let event = Event::ConversationStopped { turn: id.clone(), text: self.text.clone() };
            self.publish(event, out);
            out.push(self.record(Outcome::Stopped, None));
        } else {
            let (heard_chunks, heard_ms) = (heard.chunks, heard.ms);
            let event = Event::PlaybackStopped { turn: id.clone(), heard_chunks, heard_ms };
            self.publish(event, out);
        }
        let text = heard_text(&self.text, &self.chunks, (heard.chunks, heard.ms));
        out.push(Effect::Heard { turn: id, chunks: heard.chunks, ms: heard.ms, text });
    }

    /// Nothing was written that could be said, so the tutor says just that.
    fn say_lost_words(&mut self, now: Millis, out: &mut Vec<Effect>) {
        let mut parser = Parser::new(self.ask.metadata.language.clone());
        let mut pieces = parser.push(&self.ask.lost_words);
        pieces.extend(parser.finish());
        self.parser = parser;
        self.take_pieces(now, pieces, out);
    }

    fn take_pieces(&mut self, now: Millis, pieces: Vec<Piece>, out: &mut Vec<Effect>) {
        for piece in pieces {
            match piece {
                Piece::Text(text) => {
                    self.text.push_str(&text);
                    self.publish(Event::TextDelta { turn: self.id().clone(), text }, out);
                }
                Piece::Chunk(draft) => self.add_chunk(now, draft, out),
                Piece::Amend { tail, pause_ms } => self.amend(&tail, pause_ms, out),
                Piece::Correction(correction) => self.correct(correction, out),
            }
        }
    }

    /// A sentence is cut: its voice begins before anyone is told of it.
    fn add_chunk(&mut self, now: Millis, draft: Draft, out: &mut Vec<Effect>) {
        let index = self.chunks.len();
        let id = ChunkId::parse(&format!("{}-{index}", self.id()))
            .expect("invariant: a turn's id leaves room for a chunk's index");
        let is_spoken = !draft.spoken.is_empty();
        self.chunks.push(Arc::new(Chunk {
            id,
            text: draft.text,
            spoken: draft.spoken,
            emotion: draft.emotion,
            pause_ms: draft.pause_ms.min(MAX_PAUSE_MS),
            emphasis: draft.emphasis,
            language: draft.language,
            speech: if is_spoken { SpeechState::Pending } else { SpeechState::Silent },
        }));
        self.playback.expect_chunk();
        self.timings.first_chunk_ms.get_or_insert(now.saturating_sub(self.began_at));
        if is_spoken {
            out.push(Effect::Speak { turn: self.id().clone(), index });
        } else {
            self.playback.mute(index);
        }
        self.tell_new_chunk(index, out);
    }

    /// What follows a cut sentence but belongs to it: it is shown with it.
    fn amend(&mut self, tail: &str, pause_ms: Option<u32>, out: &mut Vec<Effect>) {
        let Some(chunk) = self.chunks.last_mut() else { return };
        let chunk = Arc::make_mut(chunk);
        chunk.text.push_str(tail);
        if let Some(pause_ms) = pause_ms {
            chunk.pause_ms = pause_ms.min(MAX_PAUSE_MS);
        }
        if self.announced {
            self.update(self.chunks.len() - 1, out);
        }
    }

    fn correct(&mut self, correction: Correction, out: &mut Vec<Effect>) {
        let Some(message) = self.ask.message.clone() else { return };
        if self.corrections.len() >= MAX_CORRECTIONS {
            return;
        }
        let span = code_point_span(&message.text, &correction.original);
        let source = if self.ask.metadata.is_practice() { "lesson" } else { "model" };
        let message = message.id.clone();
        self.corrections.push(correction.clone());
        let correction = Arc::new(correction);
        self.publish(Event::Correction { message, span, correction, source }, out);
    }

    fn record(&self, outcome: Outcome, usage: Option<Usage>) -> Effect {
        Effect::Record(Record {
            snapshot: self.snapshot(),
            text: self.text.clone(),
            corrections: self.corrections.clone(),
            usage,
            timings: self.timings,
            outcome,
        })
    }

    fn snapshot_of(&self, chunks: Vec<Arc<Chunk>>) -> Arc<TurnSnapshot> {
        Arc::new(TurnSnapshot {
            turn: self.id().clone(),
            message: self.ask.answer.clone(),
            chunks,
            metadata: Arc::clone(&self.ask.metadata),
            form: self.parser.form(),
            complete: !matches!(self.phase, Phase::Writing),
        })
    }
}

/// Where `part` stands in `text`, in Unicode code points.
fn code_point_span(text: &str, part: &str) -> Option<(usize, usize)> {
    let (before, _) = text.split_once(part).filter(|_| !part.is_empty())?;
    let start = before.chars().count();
    Some((start, start + part.chars().count()))
}

fn is_over(state: &SpeechState) -> bool {
    matches!(state, SpeechState::Ready(_) | SpeechState::Silent | SpeechState::Failed(_))
}

fn empty_reply() -> Failure {
    Failure {
        code: "empty_reply",
        message: "the model wrote nothing that could be said".to_owned(),
        retryable: true,
    }
}
