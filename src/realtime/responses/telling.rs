//! What happens in the conversation, told as the events of a response. What belongs to none is dropped here.

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use serde_json::json;

use super::super::{
    Effect, Fault, Protocol, SoundPath,
    items::Item,
    response::{Outcome, Response, Terms},
    session::Modality,
    tools::Called,
};
use crate::domain::{Chunk, Ending, Event, Message, Role, SpeechState, ToolCall, TurnId};

/// Sound in one event, in milliseconds.
const PIECE_MS: usize = 200;

impl Protocol {
    pub(in super::super) fn event(&mut self, event: Event) {
        match event {
            Event::Message(message) => self.message(&message),
            Event::TurnBegan { turn } => {
                self.note_voice(false);
                self.turn_began(turn);
            }
            Event::SpeechStarted => self.note_voice(true),
            Event::TextDelta { turn, text } => {
                if let Some(place) = self.place(&turn) {
                    self.write(place, &text);
                }
            }
            Event::ToolCall { turn, call } => {
                if let Some(place) = self.place(&turn) {
                    self.call(place, call);
                }
            }
            Event::ChunkComplete { turn, index, chunk } => self.chunk_ready(&turn, index, chunk),
            Event::ChunkFailed { turn, index, .. } => self.sound(&turn, index, None),
            Event::ConversationComplete(completion) => {
                let Some(place) = self.place(&completion.turn) else { return };
                // Who came in the middle of a turn has missed its beginning.
                if !self.responses[place].has_item() {
                    self.write(place, &completion.text);
                }
                self.responses[place].made = Some((completion.chunks, completion.ending));
                self.settle(place);
            }
            Event::ConversationStopped { turn, .. } => self.cut_off(&turn),
            Event::PlaybackStopped { turn, .. } => {
                self.hush();
                self.cut_off(&turn);
            }
            Event::ConversationFailed { turn, failure } => {
                if let Some(place) = self.place(&turn) {
                    self.finish(place, &Outcome::Failed(Fault::from(&failure)));
                }
            }
            _ => {}
        }
    }

    /// A chunk's sound, in its format, or that there is none.
    pub(in super::super) fn sound(&mut self, turn: &TurnId, chunk: usize, sound: Option<Bytes>) {
        let Some(place) = self.place(turn) else { return };
        let response = &mut self.responses[place];
        let format = response.terms.format;
        if response.terms.modality == Modality::Text {
            return;
        }
        let ready = response.sounds.ready(chunk, sound, format);
        for (stretch, sound) in ready {
            let (chunk, ms) = (stretch.index, stretch.ms());
            self.begin_item(place);
            let item = self.responses[place].item.clone();
            if let Some(item) = self.items.find_mut(&item) {
                item.sounds.push(stretch);
            }
            self.sounds_for(ms);
            self.send_sound(place, chunk, &sound);
        }
        self.settle(place);
    }

    /// All that a carrier was given has been heard.
    pub(in super::super) fn played(&mut self) {
        if let Some(id) = self.playing.take_if(|id| !self.responses.iter().any(|one| one.id == *id))
        {
            self.tell(("output_audio_buffer.stopped", json!({"response_id": id})));
            self.was_heard();
        }
    }

    pub(in super::super) fn clear_output(&mut self) -> Result<(), Fault> {
        if self.path == SoundPath::Events {
            let message = "Audio that was sent in events is the client's to drop.";
            return Err(Fault::new("invalid_event_for_transport", message).at("type"));
        }
        self.hush();
        Ok(())
    }

    /// More of a response's text.
    pub(super) fn write(&mut self, place: usize, text: &str) {
        if text.is_empty() {
            return;
        }
        self.begin_item(place);
        let told = self.responses[place].write(text);
        self.tell(told);
    }

    /// The model calls a function. Those of other clients are none of this one's.
    pub(super) fn call(&mut self, place: usize, call: Arc<ToolCall>) {
        let response = &mut self.responses[place];
        if response.terms.tools.iter().any(|tool| tool.name == call.name) {
            let (item, call_id) = (self.names.next("item"), self.names.next("call"));
            response.calls.push(Called { item, call_id, call });
        }
    }

    /// A response ends, and is forgotten.
    pub(super) fn finish(&mut self, place: usize, outcome: &Outcome) {
        let mut response = self.responses.remove(place);
        if response.has_item() {
            let previous = self.items.before(&response.item);
            if let Some(item) = self.items.find_mut(&response.item) {
                item.shown = response.item_shown(outcome.item_status(), true);
            }
            self.tell_all(response.finish_item(previous.as_deref(), outcome));
        }
        if !outcome.is_whole() {
            response.calls.clear();
        }
        self.tell_calls(&response);
        self.tell(response.done(outcome));
        // Whoever carries out a call is waited for, not the learner.
        let is_the_learners_turn = response.is_in_conversation() && response.calls.is_empty();
        if is_the_learners_turn && !matches!(outcome, Outcome::Failed(_)) {
            self.begin_quiet();
        }
        if matches!(outcome, Outcome::Cancelled(_)) {
            self.fall_silent();
        }
        if !outcome.is_whole() && self.playing.as_ref() == Some(&response.id) {
            self.hush();
        }
    }

    /// Calls come behind the words, as items of their own.
    fn tell_calls(&mut self, response: &Response) {
        for (place, called) in response.calls.iter().enumerate() {
            let is_placed = response.is_in_conversation();
            let previous = is_placed.then(|| self.items.push(called.item())).flatten();
            let index = usize::from(response.has_item()) + place;
            let mut told = called.told(&response.id, index, previous.as_deref());
            told.retain(|(kind, _)| is_placed || !kind.starts_with("conversation."));
            self.tell_all(told);
        }
    }

    fn message(&mut self, message: &Arc<Message>) {
        if message.role != Role::User {
            return;
        }
        let turn = message.turn.clone();
        match &message.client_id {
            Some(id) if self.names.is_own("resp", id) => {
                if let Some(response) = self.responses.iter_mut().find(|one| one.id == *id) {
                    response.turn = Some(turn);
                }
            }
            _ => {
                self.foreign = Some(turn);
                let content = json!([{"type": "input_text", "text": message.text}]);
                let item = Item::new(&self.names.next("item"), "user", content);
                // Its id is new.
                drop(self.add(item, None));
            }
        }
    }

    fn turn_began(&mut self, turn: TurnId) {
        if self.place(&turn).is_some() {
            return;
        }
        let is_foreign = self.foreign.as_ref() == Some(&turn);
        let awaits = |one: &&mut Response| {
            one.is_in_conversation() && one.turn.is_none() && one.waits.is_none()
        };
        if !is_foreign && let Some(response) = self.responses.iter_mut().find(awaits) {
            response.turn = Some(turn);
        } else if is_foreign || self.given_up.is_empty() {
            // Somebody else in the conversation is answered, and calls what they have.
            let id = self.open(Terms { tools: Vec::new(), ..self.usual_terms() });
            if let Some(response) = self.responses.iter_mut().find(|one| one.id == id) {
                response.turn = Some(turn);
            }
        }
    }

    fn chunk_ready(&mut self, turn: &TurnId, index: usize, chunk: Arc<Chunk>) {
        let Some(place) = self.place(turn) else { return };
        let response = &mut self.responses[place];
        response.sounds.expect(index, Arc::clone(&chunk));
        match &chunk.speech {
            SpeechState::Ready(audio) if response.terms.modality == Modality::Audio => {
                let (file, format) = (audio.file.clone(), response.terms.format);
                match self.path {
                    SoundPath::Carrier => response.sounds.keep(index, file),
                    SoundPath::Events => {
                        let turn = turn.clone();
                        self.effects.push(Effect::Fetch { turn, chunk: index, file, format });
                    }
                }
            }
            _ => self.sound(turn, index, None),
        }
    }

    /// The item of a response takes its place behind all others.
    fn begin_item(&mut self, place: usize) {
        let response = &mut self.responses[place];
        if response.has_item() {
            return;
        }
        let mut previous = self.items.newest();
        if response.is_in_conversation() {
            let mut item = Item::new(&response.item, "assistant", json!([]));
            item.shown = response.item_shown("in_progress", true);
            item.turn = response.turn.clone();
            previous = self.items.push(item);
        }
        let told = self.responses[place].begin(previous.as_deref());
        self.tell_all(told);
    }

    fn send_sound(&mut self, place: usize, chunk: usize, sound: &Bytes) {
        let response = &self.responses[place];
        if self.path == SoundPath::Carrier {
            let turn = response.turn.clone();
            let id = response.id.clone();
            if self.playing.as_ref() != Some(&id) {
                // It goes on where the one before it ends.
                if let Some(before) = self.playing.take() {
                    self.tell(("output_audio_buffer.stopped", json!({"response_id": before})));
                }
                self.tell(("output_audio_buffer.started", json!({"response_id": id})));
                self.playing = Some(id);
            }
            let sound = sound.clone();
            self.effects.extend(turn.map(|turn| Effect::Play { turn, chunk, sound }));
            return;
        }
        let pieces = sound.chunks(PIECE_MS * response.terms.format.bytes_per_ms());
        let told: Vec<_> =
            pieces.map(|piece| response.audio_delta(&BASE64_STANDARD.encode(piece))).collect();
        self.tell_all(told);
    }

    /// Ends a response whose model, voices and sounds have ended.
    fn settle(&mut self, place: usize) {
        let response = &self.responses[place];
        let Some((chunks, ending)) = response.made else { return };
        if response.terms.modality == Modality::Text || response.sounds.are_out(chunks) {
            self.finish(place, &outcome(ending));
        }
    }

    /// The turn was stopped by somebody else, or by the learner's voice.
    fn cut_off(&mut self, turn: &TurnId) {
        let reason = self.reason_to_stop();
        if let Some(place) = self.place(turn) {
            self.finish(place, &Outcome::Cancelled(reason));
        }
    }

    pub(super) fn reason_to_stop(&self) -> &'static str {
        if self.has_spoken() { "turn_detected" } else { "client_cancelled" }
    }

    /// A carrier that plays falls silent.
    fn hush(&mut self) {
        if let Some(id) = self.playing.take() {
            self.fall_silent();
            self.effects.push(Effect::Hush);
            self.tell(("output_audio_buffer.cleared", json!({"response_id": id})));
        }
    }

    fn place(&self, turn: &TurnId) -> Option<usize> {
        self.responses.iter().position(|response| response.turn.as_ref() == Some(turn))
    }
}

pub(super) fn outcome(ending: Ending) -> Outcome {
    if ending.cut_short { Outcome::CutShort } else { Outcome::Completed }
}
