//! How fast the stand-ins write and speak, and what follows from that for a perfect client. It runs nothing.

use std::time::Duration;

use parla::{
    conversation::parser::{Draft, Parser, Piece},
    domain::Language,
};

use crate::support::{scripted_ollama, scripted_voice};

const FIRST_TOKEN: Duration = Duration::from_millis(200);
/// Fifty tokens a second.
const NEXT_TOKEN: Duration = Duration::from_millis(20);
const VOICE: Duration = Duration::from_millis(150);
const VOICE_PER_CHAR: Duration = Duration::from_millis(2);

/// The model's answer, token by token.
pub(crate) fn answer(text: &str) -> scripted_ollama::Script {
    scripted_ollama::Script::say(text).paced(FIRST_TOKEN, NEXT_TOKEN)
}

/// The voice without any fault.
pub(crate) fn voice() -> scripted_voice::Script {
    let (delay, delay_per_char) = (VOICE, VOICE_PER_CHAR);
    scripted_voice::Script { delay, delay_per_char, ..scripted_voice::Script::default() }
}

/// When a client that takes no time at all has its first sound, from its question.
pub(crate) fn first_audio(text: &str) -> Duration {
    let chars: Vec<char> = text.chars().collect();
    let mut parser = Parser::new(Language::default());
    let mut first = Duration::MAX;
    let mut token_at = FIRST_TOKEN;
    for token in chars.chunks(scripted_ollama::TOKEN_CHARS) {
        for input in parser.push(&token.iter().collect::<String>()).into_iter().filter_map(spoken) {
            let chars = u32::try_from(input.chars().count()).unwrap_or(u32::MAX);
            first = first.min(token_at + VOICE + VOICE_PER_CHAR * chars);
        }
        token_at += NEXT_TOKEN;
    }
    first
}

/// What a voice is asked to say of a piece.
pub(crate) fn spoken(piece: Piece) -> Option<String> {
    let Piece::Chunk(Draft { spoken, .. }) = piece else { return None };
    Some(spoken.into_iter().map(|span| span.text).collect())
        .filter(|text: &String| !text.is_empty())
}
