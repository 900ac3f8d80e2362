//! Decides when the learner has finished and when they mean to interrupt. Facts in, decisions out: no audio, no clock.
//!
//! Two questions, never mixed: *is the learner's turn over* (silence, and what was said before it) and *is this
//! sound over the tutor an interruption* (words that mean something, or a voice that goes on). A suspicion pauses
//! the tutor; words confirm it, silence withdraws it.

mod due;
mod echo;
mod pauses;
mod said;
mod settings;
#[cfg(test)]
mod tests;

use crate::{
    domain::{Listening, MicrophoneMode, Millis},
    prompts::cues::Outlook,
};
use echo::Echo;
use pauses::Pauses;
use said::Said;

pub use settings::TurnTakingSettings;

/// What recognition, the learner's hand and the turn machine report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    VoiceOn,
    VoiceOff,
    /// The words of a segment so far; each replaces the one before. Segments are numbered upwards.
    Partial {
        segment: u64,
        text: String,
    },
    /// Words of a segment that will not change any more; they may be none.
    Final {
        segment: u64,
        text: String,
    },
    /// The service holds that the learner has finished.
    EndHint,
    /// All words of the sound so far have been told.
    Flushed,
    /// What was said and is not a turn yet is not to become one.
    Clear,
    TutorSounds,
    TutorSilent,
    /// What is about to be heard of the tutor.
    TutorSays(String),
    /// The learner holds the button and speaks.
    Pressed,
    Released,
    /// Somebody who decides for themselves says that the turn is over.
    Commit,
    Clock,
}

/// What follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Followed by exactly one of the next two.
    PauseTutor,
    ResumeTutor,
    InterruptTutor,
    /// The learner's turn is over; this is what they said.
    EndOfTurn(Utterance),
    /// A voice, or what was committed, has given no words, and nobody waits for them any more.
    NothingSaid {
        was_committed: bool,
    },
    Listening(Listening),
}

/// One turn of the learner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Utterance {
    pub text: String,
    /// When the voice began.
    pub since: Millis,
    /// When it was last heard; not after the decision.
    pub voice_off_at: Millis,
}

/// The decisions for one learner's voice.
#[derive(Debug)]
pub struct TurnTaking {
    settings: TurnTakingSettings,
    tutor: Tutor,
    voice: Voice,
    turn: Turn,
    said: Said,
    pauses: Pauses,
    /// The learner holds the button.
    pressed: bool,
    listening: Listening,
}

/// What is heard of the tutor.
#[derive(Debug, Default)]
struct Tutor {
    /// When the sound began, while it lasts.
    sounds_since: Option<Millis>,
    /// The tutor is held on suspicion.
    held_since: Option<Millis>,
    echo: Echo,
    /// The microphone hears the loudspeaker. Found out once, it stays so: a voice alone counts for nothing.
    is_heard_back: bool,
}

/// The learner's voice.
#[derive(Debug, Default)]
struct Voice {
    is_on: bool,
    /// Since when it is on or off.
    since: Millis,
    /// When it began or its words were last told.
    alive_at: Millis,
    standing: Standing,
    /// Final words have come since it began.
    is_answered: bool,
}

/// What a voice has to do with the tutor's sound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Standing {
    #[default]
    Apart,
    /// It began over the sound, or went on into it.
    OverTutor,
    /// It was found to be no interruption: only words make it one.
    Cleared,
}

/// The learner's turn, but for its words.
#[derive(Debug, Default)]
struct Turn {
    since: Option<Millis>,
    /// It has a voice that is known to begin and end; else words are all that is known of it.
    has_voice: bool,
    /// A voice was heard whose words have not come.
    awaits_words: bool,
    /// The service holds it for ended.
    hinted: bool,
    /// When the learner ended it by hand.
    committed_at: Option<Millis>,
}

impl TurnTaking {
    #[must_use]
    pub fn new(settings: TurnTakingSettings) -> Self {
        Self {
            settings,
            tutor: Tutor::default(),
            voice: Voice::default(),
            turn: Turn::default(),
            said: Said::default(),
            pauses: Pauses::default(),
            pressed: false,
            listening: Listening::Off,
        }
    }

    /// What follows from a fact at `now`, and from the time that has passed.
    pub fn handle(&mut self, now: Millis, fact: Fact) -> Vec<Decision> {
        let attended = self.attends();
        self.take_in(now, fact);
        let mut out = Vec::new();
        while let Some(due) = self.next_due().filter(|due| due.at <= now) {
            self.carry_out(now, due.step, &mut out);
        }
        let is_told =
            |told: &Decision| matches!(told, Decision::EndOfTurn(_) | Decision::NothingSaid { .. });
        if attended && !self.attends() && !out.iter().any(is_told) {
            out.push(Decision::NothingSaid { was_committed: false });
        }
        self.show_listening(&mut out);
        out
    }

    /// Goes on in another manner, with what was learnt and said. A button is held anew.
    pub fn change(&mut self, now: Millis, settings: TurnTakingSettings) -> Vec<Decision> {
        (self.settings, self.pressed) = (settings, false);
        self.handle(now, Fact::Clock)
    }

    /// When a decision falls due by itself, if nothing else happens. After [`Self::handle`] it lies in the future.
    #[must_use]
    pub fn next_wake(&self) -> Option<Millis> {
        self.next_due().map(|due| due.at)
    }

    fn take_in(&mut self, now: Millis, fact: Fact) {
        let by_button = self.settings.mode == MicrophoneMode::PushToTalk;
        match fact {
            Fact::VoiceOn if by_button && !self.pressed => {}
            Fact::VoiceOn => self.begin_voice(now),
            Fact::VoiceOff => self.end_voice(now),
            Fact::Partial { segment, text } => {
                if self.said.partial(segment, text) {
                    self.turn.hinted = false;
                    self.take_in_words(now, false);
                }
            }
            Fact::Final { segment, text } => {
                if self.said.finish(segment, text) {
                    self.take_in_words(now, true);
                }
            }
            Fact::EndHint => self.turn.hinted = true,
            Fact::Flushed => self.turn.awaits_words = false,
            Fact::Clear => {
                drop(self.said.take());
                self.turn = self.next_turn();
            }
            Fact::TutorSounds => {
                self.tutor.sounds_since.get_or_insert(now);
                if self.voice.is_on && self.voice.standing == Standing::Apart {
                    self.voice.standing = Standing::OverTutor;
                }
            }
            Fact::TutorSilent => self.tutor.sounds_since = None,
            Fact::TutorSays(text) => self.tutor.echo.tutor_says(&text),
            Fact::Pressed if by_button && !self.pressed => self.press(now),
            Fact::Released if self.pressed => self.release(now),
            Fact::Commit if !by_button => self.commit(now),
            Fact::Pressed | Fact::Released | Fact::Commit | Fact::Clock => {}
        }
    }

    fn begin_voice(&mut self, now: Millis) {
        if self.voice.is_on {
            return;
        }
        if !self.said.is_empty() {
            self.pauses.broken(now.saturating_sub(self.voice.since), self.outlook());
        } else if !self.turn.awaits_words {
            self.pauses.begun(now);
            // What was committed is still to be answered.
            self.turn = Turn { committed_at: self.turn.committed_at, ..Turn::default() };
        }
        self.turn.since.get_or_insert(now);
        (self.turn.has_voice, self.turn.hinted) = (true, false);
        let standing = match self.tutor.sounds_since {
            Some(_) => Standing::OverTutor,
            None => Standing::Apart,
        };
        self.voice = Voice { is_on: true, since: now, alive_at: now, standing, is_answered: false };
    }

    fn end_voice(&mut self, now: Millis) {
        if !self.voice.is_on {
            return;
        }
        let can_be_words = now.saturating_sub(self.voice.since) >= self.settings.word_ms;
        self.turn.awaits_words |= can_be_words && !self.voice.is_answered;
        (self.voice.is_on, self.voice.since) = (false, now);
    }

    /// A segment has changed. Final words without text say that there are none, or no more.
    fn take_in_words(&mut self, now: Millis, are_final: bool) {
        let pays_debt = std::mem::take(&mut self.turn.awaits_words);
        if self.said.is_empty() {
            return;
        }
        self.voice.is_answered |= are_final && !pays_debt;
        self.voice.alive_at = now;
        self.turn.since.get_or_insert(now);
        // A voice that ended long ago is not the voice of these words.
        let was_heard = self.turn.has_voice
            && (self.voice.is_on || now <= self.voice.since + self.settings.late_words_ms);
        if !was_heard {
            self.voice.since = now;
        }
        self.pauses.confirm();
    }

    fn press(&mut self, now: Millis) {
        self.pressed = true;
        self.begin_voice(now);
        (self.turn.committed_at, self.voice.alive_at) = (None, now);
    }

    fn release(&mut self, now: Millis) {
        self.pressed = false;
        self.end_voice(now);
        self.turn.committed_at = Some(now);
    }

    fn commit(&mut self, now: Millis) {
        let is_unanswered = self.voice.is_on && !self.voice.is_answered;
        self.turn.awaits_words |= self.said.is_empty() || is_unanswered;
        self.turn.committed_at = Some(now);
    }

    fn show_listening(&mut self, out: &mut Vec<Decision>) {
        let may_go_on = match self.settings.mode {
            MicrophoneMode::HandsFree => self.tutor.sounds_since.is_none(),
            MicrophoneMode::PushToTalk => true,
            MicrophoneMode::Manual => self.turn.committed_at.is_some(),
        };
        let listening = if self.voice.is_on || self.pressed {
            Listening::Hearing
        } else if self.is_open() && may_go_on {
            Listening::Waiting
        } else {
            Listening::Off
        };
        if listening != self.listening {
            self.listening = listening;
            out.push(Decision::Listening(listening));
        }
    }

    /// Somebody speaks, or has spoken and may be told something of it.
    fn attends(&self) -> bool {
        self.voice.is_on || self.pressed || self.is_open()
    }

    /// There are words, or there will be.
    fn is_open(&self) -> bool {
        self.turn.awaits_words || !self.said.is_empty()
    }

    fn outlook(&self) -> Outlook {
        self.settings.cues.outlook(&self.said.text())
    }
}
