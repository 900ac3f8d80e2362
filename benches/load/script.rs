//! How fast the stand-ins write and speak, and what follows from that for a perfect client. It runs nothing.

use std::time::Duration;

use parla::{
    conversation::parser::{Draft, Parser, Piece},
    domain::Language,
};

use super::support::{scripted_ollama, scripted_voice};

const FIRST_TOKEN: Duration = Duration::from_millis(200);
/// Fifty tokens a second.
const NEXT_TOKEN: Duration = Duration::from_millis(20);

/// How long a voice takes for a sentence.
#[derive(Clone, Copy)]
pub(crate) struct Voice {
    /// For each, whatever its length.
    start: Duration,
    per_char: Duration,
}

/// A usual voice.
pub(crate) const VOICE: Voice = Voice::new(150, 2);
/// A voice that takes no time.
pub(crate) const PROMPT_VOICE: Voice = Voice::new(0, 0);
/// A voice that takes longer for a sentence than the model for the next one.
pub(crate) const SLOW_VOICE: Voice = Voice::new(300, 8);

impl Voice {
    const fn new(start_ms: u64, per_char_ms: u64) -> Self {
        let start = Duration::from_millis(start_ms);
        Self { start, per_char: Duration::from_millis(per_char_ms) }
    }

    /// The voice without any fault.
    pub(crate) fn script(self) -> scripted_voice::Script {
        let (delay, delay_per_char) = (self.start, self.per_char);
        scripted_voice::Script { delay, delay_per_char, ..scripted_voice::Script::default() }
    }

    pub(crate) fn takes(self, input: &str) -> Duration {
        let chars = u32::try_from(input.chars().count()).unwrap_or(u32::MAX);
        self.start + self.per_char * chars
    }
}

/// The model's answer, token by token.
pub(crate) fn answer(text: &str) -> scripted_ollama::Script {
    scripted_ollama::Script::say(text).paced(FIRST_TOKEN, NEXT_TOKEN)
}

/// When a client that takes no time at all has each of its sounds, from its question, in the order of the sentences.
pub(crate) fn sounds(text: &str, voice: Voice) -> Vec<Duration> {
    let chars: Vec<char> = text.chars().collect();
    let mut parser = Parser::new(Language::default());
    let mut sounds = Vec::new();
    let mut token_at = FIRST_TOKEN;
    let mut speak = |pieces: Vec<Piece>, at: Duration| {
        let spoken = pieces.into_iter().filter_map(spoken);
        sounds.extend(spoken.map(|input| at + voice.takes(&input)));
    };
    for token in chars.chunks(scripted_ollama::TOKEN_CHARS) {
        speak(parser.push(&token.iter().collect::<String>()), token_at);
        token_at += NEXT_TOKEN;
    }
    speak(parser.finish(), token_at - NEXT_TOKEN);
    sounds
}

/// What a voice is asked to say of a piece.
pub(crate) fn spoken(piece: Piece) -> Option<String> {
    let Piece::Chunk(Draft { spoken, .. }) = piece else { return None };
    Some(spoken.into_iter().map(|span| span.text).collect())
        .filter(|text: &String| !text.is_empty())
}
