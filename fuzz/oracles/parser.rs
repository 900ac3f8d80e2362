//! The parser: however a text is split, it gives the same chunks, and these are the text that is shown.

use parla::{
    conversation::parser::{Draft, Parser, Piece},
    domain::{Correction, Language, TextForm},
};

const LANGUAGES: [&str; 4] = ["en", "es", "de", "ja"];
const LONGEST_PAUSE_MS: u32 = 5000;

/// The first byte chooses the language and how long the pieces are.
pub(crate) fn check(bytes: &[u8]) {
    let Some((choice, text)) = bytes.split_first() else { return };
    let text = String::from_utf8_lossy(text);
    let language = LANGUAGES[usize::from(choice >> 6)];
    let length = usize::from(choice & 0x3f).max(2);
    let whole = outcome(language, std::iter::once(text.clone().into_owned()));
    assert_sound(&whole);
    for length in [1, length] {
        assert_eq!(outcome(language, split(&text, length)), whole, "in pieces of {length}");
    }
}

#[derive(Debug, PartialEq)]
struct Outcome {
    text: String,
    chunks: Vec<Draft>,
    corrections: Vec<Correction>,
    form: TextForm,
}

/// What a turn leaves, amendments applied.
fn outcome(language: &str, parts: impl Iterator<Item = String>) -> Outcome {
    let mut parser = Parser::new(Language::parse(language).expect("a language"));
    let mut pieces: Vec<Piece> = parts.flat_map(|part| parser.push(&part)).collect();
    pieces.extend(parser.finish());
    let (mut text, mut chunks, mut corrections) = (String::new(), Vec::<Draft>::new(), Vec::new());
    for piece in pieces {
        match piece {
            Piece::Text(more) => text.push_str(&more),
            Piece::Chunk(draft) => chunks.push(draft),
            Piece::Correction(correction) => corrections.push(correction),
            Piece::Amend { tail, pause_ms } => {
                let last = chunks.last_mut().expect("a chunk to amend");
                last.text.push_str(&tail);
                last.pause_ms = pause_ms.unwrap_or(last.pause_ms);
            }
        }
    }
    Outcome { text, chunks, corrections, form: parser.form() }
}

fn assert_sound(outcome: &Outcome) {
    let squeeze = |text: &str| text.split_whitespace().collect::<String>();
    let joined: String = outcome.chunks.iter().map(|chunk| squeeze(&chunk.text)).collect();
    assert_eq!(joined, squeeze(&outcome.text), "the chunks are the shown text");
    assert!(!outcome.text.contains(is_hidden), "{:?}", outcome.text);
    for Correction { original, suggestion, explanation } in &outcome.corrections {
        assert!(![original, suggestion, explanation].iter().any(|it| it.contains(is_hidden)));
    }
    for (index, chunk) in outcome.chunks.iter().enumerate() {
        assert!(!chunk.spoken.is_empty() || index == 0, "silent: {chunk:?}");
        assert!(chunk.pause_ms <= LONGEST_PAUSE_MS);
        for span in &chunk.spoken {
            assert!(span.text.contains(char::is_alphanumeric), "nothing to say: {chunk:?}");
        }
    }
}

/// What turns the reading direction of a whole page, or has no picture.
fn is_hidden(letter: char) -> bool {
    matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
        || letter.is_control() && !matches!(letter, '\n' | '\t')
}

/// Pieces of so many characters.
fn split(text: &str, length: usize) -> impl Iterator<Item = String> {
    let mut chars = text.chars().peekable();
    std::iter::from_fn(move || {
        chars.peek()?;
        Some(chars.by_ref().take(length).collect())
    })
}
