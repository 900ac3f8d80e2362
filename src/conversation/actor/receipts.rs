//! The latency receipt of each turn, from the end of the learner's speech to what they hear. It decides nothing.

use crate::domain::{Event, Latency, Millis, TurnId};

use super::{super::turn_machine::Input, Actor};

/// The turns whose first sound is still to be heard.
#[derive(Default)]
pub(super) struct Receipts {
    /// Of the message that comes next.
    speech: Option<SpeechEnd>,
    open: Vec<Receipt>,
}

/// How the learner's speech ended, on the clock of all conversations.
#[derive(Clone, Copy, Debug)]
pub(super) struct SpeechEnd {
    pub(super) voice_off_at: Millis,
    pub(super) final_at: Option<Millis>,
    pub(super) decided_at: Millis,
}

struct Receipt {
    zero: Millis,
    latency: Latency,
}

impl Receipts {
    /// The next message was spoken, or was not.
    pub(super) fn expect(&mut self, speech: Option<SpeechEnd>) {
        self.speech = speech;
    }

    /// What the machine hears; the receipt when the turn's first sound is heard by it.
    pub(super) fn note(&mut self, now: Millis, input: &Input) -> Option<Latency> {
        match input {
            Input::Ask(ask) => {
                let speech = self.speech.take();
                self.open.push(Receipt::new(ask.turn.clone(), now, speech));
            }
            Input::ModelText { turn, text } if !text.is_empty() => {
                self.at(turn, now, |latency| &mut latency.first_token_ms);
            }
            Input::SpeechReady { turn, .. } => {
                self.at(turn, now, |latency| &mut latency.first_audio_ms);
            }
            Input::Played { turn, .. } => {
                self.at(turn, now, |latency| &mut latency.first_heard_ms);
                return self.close(turn);
            }
            _ => {}
        }
        None
    }

    /// A sentence of the turn is cut.
    pub(super) fn cut(&mut self, turn: &TurnId, now: Millis) {
        self.at(turn, now, |latency| &mut latency.first_chunk_ms);
    }

    /// Nothing comes of the turn.
    pub(super) fn forget(&mut self, turn: &TurnId) {
        self.close(turn);
    }

    /// The receipts of turns that have ended without anybody reporting to have heard them.
    pub(super) fn ended(&mut self, is_alive: impl Fn(&TurnId) -> bool) -> Vec<Latency> {
        let ended = self.open.extract_if(.., |receipt| !is_alive(&receipt.latency.turn));
        ended.map(|receipt| receipt.latency).collect()
    }

    fn close(&mut self, turn: &TurnId) -> Option<Latency> {
        let place = self.open.iter().position(|receipt| receipt.latency.turn == *turn)?;
        Some(self.open.remove(place).latency)
    }

    fn at(&mut self, turn: &TurnId, now: Millis, stage: fn(&mut Latency) -> &mut Option<u64>) {
        let receipt = self.open.iter_mut().find(|receipt| receipt.latency.turn == *turn);
        if let Some(Receipt { zero, latency }) = receipt {
            stage(latency).get_or_insert(now.saturating_sub(*zero));
        }
    }
}

impl Receipt {
    fn new(turn: TurnId, now: Millis, speech: Option<SpeechEnd>) -> Self {
        let zero = speech.map_or(now, |speech| speech.voice_off_at);
        let since = |at: Millis| at.saturating_sub(zero);
        let latency = Latency {
            turn,
            final_transcript_ms: speech.and_then(|speech| speech.final_at).map(since),
            end_of_turn_ms: speech.map(|speech| since(speech.decided_at)),
            first_token_ms: None,
            first_chunk_ms: None,
            first_audio_ms: None,
            first_heard_ms: None,
        };
        Self { zero, latency }
    }
}

impl Actor {
    pub(super) fn tell_latency(&mut self, latency: Latency) {
        self.parts.metrics.waited(&latency);
        self.stages.heard(&latency);
        self.log.publish(Event::Latency(latency.into()));
    }

    /// Tells of turns that have gone without anybody reporting to have heard them.
    pub(super) fn tell_ended_latencies(&mut self) {
        let machine = &self.machine;
        for latency in self.receipts.ended(|turn| machine.metadata(turn).is_some()) {
            self.tell_latency(latency);
        }
    }
}
