//! How patient the tutor is with a learner of a language at a level. Numbers and words; it measures nothing.

use crate::{
    domain::{Language, Level, MicrophoneMode, Millis},
    prompts::cues::{CueTables, Cues, Outlook},
};

/// Not even a sure service or a quick learner makes the tutor fall in sooner.
const SHORTEST_END_MS: Millis = 250;
/// Whatever is still to come, a conversation does not wait longer.
const LONGEST_END_MS: Millis = 5000;

/// How patient the tutor is. All times are milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurnTakingSettings {
    pub mode: MicrophoneMode,
    /// Silence that ends the turn of a learner of whom nothing is known yet.
    pub end_silence_ms: Millis,
    /// At the beginning of the tutor's sound an echo canceller is still settling: a voice alone counts for nothing.
    pub guard_ms: Millis,
    /// A suspicion without words is withdrawn after this much silence.
    pub false_alarm_ms: Millis,
    /// A voice that goes on this long is an interruption even before its words are known.
    pub insistent_ms: Millis,
    /// A voice shorter than this says no word.
    pub word_ms: Millis,
    /// After the voice, words and final words are waited for this long.
    pub late_words_ms: Millis,
    /// A voice of which nothing more is heard, neither words nor its end, is over after this.
    pub longest_voice_ms: Millis,
    pub cues: Cues,
}

impl TurnTakingSettings {
    /// A beginner thinks between words; an advanced learner expects a quick partner.
    #[must_use]
    pub fn for_language(cues: &CueTables, language: &Language, level: Level) -> Self {
        let end_silence_ms = match level {
            Level::A1 => 1500,
            Level::A2 => 1300,
            Level::B1 => 1100,
            Level::B2 => 900,
            Level::C1 | Level::C2 => 700,
        };
        Self {
            mode: MicrophoneMode::default(),
            end_silence_ms,
            guard_ms: 500,
            false_alarm_ms: 700,
            insistent_ms: 1200,
            word_ms: 150,
            late_words_ms: 3000,
            longest_voice_ms: 60_000,
            cues: cues.of(language),
        }
    }

    /// How long a suspicion may hold the tutor, however the noise comes and goes.
    pub(super) fn longest_suspicion_ms(&self) -> Millis {
        self.insistent_ms + 2 * self.false_alarm_ms
    }
}

/// The silence that ends a turn, from the one after words that say nothing of what follows.
pub(super) fn end_silence(usual: Millis, outlook: Outlook, hinted: bool) -> Millis {
    let silence = match outlook {
        Outlook::Open => usual * 2,
        Outlook::Unknown => usual,
        Outlook::Complete => usual / 2,
    };
    (if hinted { silence / 3 } else { silence }).clamp(SHORTEST_END_MS, LONGEST_END_MS)
}

/// A pause in terms of the usual silence: the reverse of [`end_silence`].
pub(super) fn usual_silence(pause: Millis, outlook: Outlook) -> Millis {
    match outlook {
        Outlook::Open => pause / 2,
        Outlook::Unknown => pause,
        Outlook::Complete => pause * 2,
    }
}
