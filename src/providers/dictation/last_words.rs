//! What a service still owes after it was asked for its last words. It asks nobody.

use super::{Heard, Sound};

/// Follows the voice, the words and the questions of one exchange.
#[derive(Debug, Default)]
pub struct LastWords {
    /// [`Sound::Flush`]es that have no answer.
    asked: usize,
    voice: Voice,
    is_open: bool,
    /// An utterance was ended by the service, and nobody has spoken since.
    is_settled: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Voice {
    /// Nobody has told.
    #[default]
    Unknown,
    On,
    Off,
}

/// What is left to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// Nobody has spoken since the service ended an utterance.
    Nothing,
    Unknown,
    /// Words that have been told in part.
    Words,
}

impl LastWords {
    pub fn note(&mut self, sound: &Sound) {
        match sound {
            Sound::VoiceOn => {
                self.voice = Voice::On;
                self.is_settled = false;
            }
            Sound::VoiceOff => self.voice = Voice::Off,
            Sound::Frame(_) | Sound::Expect(_) | Sound::Flush => {}
        }
    }

    /// Notes that the service is to say its last words, and tells whether it has to be asked.
    pub fn ask(&mut self) -> bool {
        self.asked += 1;
        self.left() != Some(Left::Nothing)
    }

    /// Words were told: not final ones leave something open.
    pub fn told(&mut self, is_final: bool) {
        self.is_open = !is_final;
    }

    /// Whether words have been told that are not final.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    /// The service has ended an utterance. What is said while it tells so belongs to the next one.
    pub fn settle(&mut self) {
        self.is_settled = self.voice == Voice::Off;
    }

    /// The answer to the oldest question, if there is one.
    pub fn answered(&mut self) -> Option<Heard> {
        self.asked = self.asked.checked_sub(1)?;
        Some(Heard::Flushed)
    }

    /// `None` when nothing was asked for.
    #[must_use]
    pub fn left(&self) -> Option<Left> {
        (self.asked > 0).then_some(match (self.is_open, self.is_settled) {
            (true, _) => Left::Words,
            (false, true) => Left::Nothing,
            (false, false) => Left::Unknown,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_when_the_service_has_ended_what_was_said() {
        let mut words = LastWords::default();
        words.note(&Sound::VoiceOn);
        words.told(false);
        words.note(&Sound::VoiceOff);
        words.told(true);
        words.settle();
        assert!(!words.ask());
        assert_eq!(words.left(), Some(Left::Nothing));
        assert_eq!(words.answered(), Some(Heard::Flushed));
        assert_eq!(words.answered(), None);
    }

    #[test]
    fn a_voice_after_the_end_of_an_utterance_leaves_something() {
        let mut words = LastWords::default();
        words.note(&Sound::VoiceOff);
        words.settle();
        words.note(&Sound::VoiceOn);
        assert!(words.ask());
        assert_eq!(words.left(), Some(Left::Unknown));
        words.told(false);
        assert_eq!(words.left(), Some(Left::Words));
    }

    #[test]
    fn without_a_word_about_the_voice_the_service_is_always_asked() {
        let mut words = LastWords::default();
        words.settle();
        assert!(words.ask());
    }
}
