//! Decides when the learner has finished and when they mean to interrupt. Facts in, decisions out: no audio, no clock.
//!
//! Two questions, never mixed: *is the learner's turn over* (silence, and what was said before it) and *is this
//! sound over the tutor an interruption* (words that mean something, or a voice that goes on). A suspicion pauses
//! the tutor; words confirm it, silence withdraws it.

#[cfg(test)]
mod tests;

use crate::domain::{Level, Listening, Millis};

/// How patient the tutor is. All times are milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurnTakingSettings {
    /// Silence that ends the learner's turn.
    pub end_silence_ms: Millis,
    /// The same after a sentence that is evidently complete.
    pub end_silence_complete_ms: Millis,
    /// The same after a word that announces more.
    pub end_silence_open_ms: Millis,
    /// At the beginning of the tutor's sound an echo canceller is still settling: a voice alone counts for nothing.
    pub guard_ms: Millis,
    /// A suspicion without words is withdrawn after this much silence.
    pub false_alarm_ms: Millis,
    /// A voice that goes on this long is an interruption even before its words are known.
    pub insistent_ms: Millis,
    /// Words that keep a listener company and take no turn: mhm, sí, okay. Lower case.
    pub back_channel: Vec<String>,
    /// Words after which more is to come: and, but, pero, hmm. Lower case.
    pub open_words: Vec<String>,
}

impl TurnTakingSettings {
    /// A beginner thinks between words; an advanced learner expects a quick partner.
    #[must_use]
    pub fn for_level(level: Level, back_channel: Vec<String>, open_words: Vec<String>) -> Self {
        let end_silence_ms = match level {
            Level::A1 => 1500,
            Level::A2 => 1300,
            Level::B1 => 1100,
            Level::B2 => 900,
            Level::C1 | Level::C2 => 700,
        };
        Self {
            end_silence_ms,
            end_silence_complete_ms: end_silence_ms / 2,
            end_silence_open_ms: end_silence_ms * 2,
            guard_ms: 500,
            false_alarm_ms: 700,
            insistent_ms: 1200,
            back_channel,
            open_words,
        }
    }
}

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
    /// When the tutor's sound began, while it lasts.
    tutor_since: Option<Millis>,
    voice: Voice,
    /// The tutor is held on suspicion.
    suspects: bool,
    said: Said,
    listening: Listening,
}

/// The learner's voice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Voice {
    On { since: Millis },
    Off { since: Millis },
}

/// What was said in this turn.
#[derive(Debug, Default)]
struct Said {
    finals: Vec<String>,
    partial: String,
}

impl TurnTaking {
    #[must_use]
    pub fn new(settings: TurnTakingSettings) -> Self {
        Self {
            settings,
            tutor_since: None,
            voice: Voice::Off { since: 0 },
            suspects: false,
            said: Said::default(),
            listening: Listening::Off,
        }
    }

    /// What follows from a fact at `now`.
    pub fn handle(&mut self, now: Millis, fact: Fact) -> Vec<Decision> {
        let mut out = Vec::new();
        match fact {
            Fact::VoiceOn => self.voice = Voice::On { since: now },
            Fact::VoiceOff => self.voice = Voice::Off { since: now },
            Fact::Partial { text, .. } => self.said.partial = text,
            Fact::Final { text, .. } => self.said.finish(text),
            Fact::TutorSounds => self.tutor_since = self.tutor_since.or(Some(now)),
            Fact::TutorSilent => (self.tutor_since, self.suspects) = (None, false),
            Fact::EndHint
            | Fact::TutorSays(_)
            | Fact::Pressed
            | Fact::Released
            | Fact::Commit
            | Fact::Clock => {}
        }
        self.judge_interruption(now, &mut out);
        self.judge_end(now, &mut out);
        self.show_listening(&mut out);
        out
    }

    /// When a decision falls due by itself, if nothing else happens.
    #[must_use]
    pub fn next_wake(&self) -> Option<Millis> {
        match self.voice {
            Voice::Off { since } if self.suspects => Some(since + self.settings.false_alarm_ms),
            Voice::Off { since } if !self.said.is_empty() => Some(since + self.end_silence()),
            Voice::On { since } => {
                let guard_over = self.tutor_since? + self.settings.guard_ms;
                let suspicion = (!self.suspects).then(|| since.max(guard_over));
                Some(suspicion.unwrap_or(since.max(guard_over) + self.settings.insistent_ms))
            }
            Voice::Off { .. } => None,
        }
    }

    /// Over the tutor's sound: suspicion, then confirmation by words or insistence, or a false alarm.
    fn judge_interruption(&mut self, now: Millis, out: &mut Vec<Decision>) {
        let Some(tutor_since) = self.tutor_since else { return };
        let guard_over = tutor_since + self.settings.guard_ms;
        let insists = matches!(self.voice, Voice::On { since }
            if now >= since.max(guard_over) + self.settings.insistent_ms);
        if self.has_something_to_say() || insists {
            (self.tutor_since, self.suspects) = (None, false);
            out.push(Decision::InterruptTutor);
            return;
        }
        match self.voice {
            Voice::On { .. } if !self.suspects && now >= guard_over => {
                self.suspects = true;
                out.push(Decision::PauseTutor);
            }
            Voice::Off { since }
                if self.suspects && now >= since + self.settings.false_alarm_ms =>
            {
                self.suspects = false;
                self.said = Said::default();
                out.push(Decision::ResumeTutor);
            }
            Voice::On { .. } | Voice::Off { .. } => {}
        }
    }

    fn judge_end(&mut self, now: Millis, out: &mut Vec<Decision>) {
        let Voice::Off { since } = self.voice else { return };
        if self.tutor_since.is_some() || self.said.is_empty() || now < since + self.end_silence() {
            return;
        }
        let text = std::mem::take(&mut self.said).text();
        out.push(Decision::EndOfTurn(Utterance { text, since, voice_off_at: since }));
    }

    fn show_listening(&mut self, out: &mut Vec<Decision>) {
        let listening = match self.voice {
            Voice::On { .. } => Listening::Hearing,
            Voice::Off { .. } if !self.said.is_empty() && self.tutor_since.is_none() => {
                Listening::Waiting
            }
            Voice::Off { .. } => Listening::Off,
        };
        if listening != self.listening {
            self.listening = listening;
            out.push(Decision::Listening(listening));
        }
    }

    /// Words other than those that only keep company.
    fn has_something_to_say(&self) -> bool {
        let text = self.said.text();
        words(&text).any(|word| !self.settings.back_channel.contains(&word))
    }

    fn end_silence(&self) -> Millis {
        let text = self.said.text();
        let last = words(&text).last().unwrap_or_default();
        if self.settings.open_words.contains(&last) {
            self.settings.end_silence_open_ms
        } else if text.trim_end().ends_with(['.', '!', '?', '。', '！', '？', '؟', '।']) {
            self.settings.end_silence_complete_ms
        } else {
            self.settings.end_silence_ms
        }
    }
}

impl Said {
    fn finish(&mut self, text: String) {
        self.partial.clear();
        if !text.trim().is_empty() {
            self.finals.push(text);
        }
    }

    fn is_empty(&self) -> bool {
        self.finals.is_empty() && self.partial.trim().is_empty()
    }

    fn text(&self) -> String {
        let parts = self.finals.iter().chain([&self.partial]);
        parts.map(|part| part.trim()).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
    }
}

fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    let trimmed = |word: &str| word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    text.split_whitespace().map(trimmed).filter(|word| !word.is_empty())
}
