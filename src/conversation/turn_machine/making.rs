//! The making of a turn: what the model writes and what becomes of each chunk's voice.

use crate::domain::{
    Aside, ChunkAudio, Ending, Event, Failure, Millis, SpeechState, ToolCall, TurnId,
};

use super::{Effect, TurnMachine};

impl TurnMachine {
    pub(super) fn model_text(
        &mut self,
        now: Millis,
        id: &TurnId,
        text: &str,
        out: &mut Vec<Effect>,
    ) {
        if let Some(turn) = self.find(id) {
            turn.write(now, text, out);
        }
    }

    pub(super) fn model_call(&mut self, id: &TurnId, call: ToolCall, out: &mut Vec<Effect>) {
        if let Some(turn) = self.find(id) {
            turn.call(call, out);
        }
    }

    /// A notice that comes with every answer is told with the first.
    pub(super) fn model_aside(&mut self, id: &TurnId, aside: Aside, out: &mut Vec<Effect>) {
        if let Aside::Notice(notice) = &aside {
            if self.noticed.contains(&notice.code) {
                return;
            }
            self.noticed.push(notice.code);
        }
        if let Some(turn) = self.find(id) {
            turn.publish(aside.into(), out);
        }
    }

    pub(super) fn model_done(
        &mut self,
        now: Millis,
        id: &TurnId,
        ending: Ending,
        out: &mut Vec<Effect>,
    ) {
        if let Some(turn) = self.find(id) {
            turn.written(now, ending, out);
            turn.end_if_made(now, out);
        }
    }

    /// Sentences that were finished before the failure are still spoken; the turn fails once they are.
    pub(super) fn model_failed(
        &mut self,
        now: Millis,
        id: &TurnId,
        failure: Failure,
        out: &mut Vec<Effect>,
    ) {
        if let Some(turn) = self.find(id) {
            turn.broke_off(failure, out);
            turn.end_if_made(now, out);
        }
    }

    pub(super) fn speech_started(&mut self, id: &TurnId, index: usize, out: &mut Vec<Effect>) {
        if let Some(turn) = self.find(id) {
            turn.set_speech(index, SpeechState::Processing, out);
        }
    }

    pub(super) fn speech_ready(
        &mut self,
        now: Millis,
        id: &TurnId,
        (index, audio): (usize, ChunkAudio),
        out: &mut Vec<Effect>,
    ) {
        if let Some(turn) = self.find(id) {
            turn.heard_from_voice(now, index, &audio);
            turn.set_speech(index, SpeechState::Ready(audio), out);
            turn.end_if_made(now, out);
        }
    }

    /// The text stays shown and later chunks play: only this chunk is without sound.
    pub(super) fn speech_failed(
        &mut self,
        now: Millis,
        id: &TurnId,
        (index, reason): (usize, String),
        out: &mut Vec<Effect>,
    ) {
        if let Some(turn) = self.find(id) {
            turn.voice_failed(index);
            turn.set_speech(index, SpeechState::Failed(reason), out);
            turn.end_if_made(now, out);
        }
    }

    pub(super) fn played(&mut self, now: Millis, id: &TurnId, index: usize, ms: u64) {
        if let Some(turn) = self.find(id) {
            turn.playback.report(now, index, ms);
        }
    }

    pub(super) fn pause(&mut self, now: Millis, out: &mut Vec<Effect>) {
        let sounding = self.turns.iter_mut().find(|turn| turn.is_sounding(now));
        if let Some(turn) = sounding
            && turn.playback.pause(now)
        {
            let event = Event::PlaybackPaused { turn: turn.id().clone() };
            turn.publish(event, out);
        }
    }

    pub(super) fn resume(&mut self, now: Millis, out: &mut Vec<Effect>) {
        for turn in &mut self.turns {
            if let Some(heard) = turn.playback.resume(now) {
                let (turn_id, chunk, ms) = (turn.id().clone(), heard.chunks, heard.ms);
                turn.publish(Event::PlaybackResumed { turn: turn_id, chunk, ms }, out);
            }
        }
    }
}
