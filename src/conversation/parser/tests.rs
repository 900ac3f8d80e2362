//! Scripts for the parser and the traces they leave.

mod points;
mod properties;
mod quotations;
mod sentences;
mod speech;
mod speed;
mod structured;
mod tags;

use std::fmt::Write;

use expect_test::Expect;

use super::{Draft, Parser, Piece};
use crate::domain::{Correction, Emotion, Language, TextForm};

/// All that a turn leaves behind.
#[derive(Debug, PartialEq)]
struct Outcome {
    text: String,
    chunks: Vec<Draft>,
    corrections: Vec<Correction>,
    form: TextForm,
}

fn language(tag: &str) -> Language {
    Language::parse(tag).unwrap()
}

/// Reads `parts` one after the other, amendments applied.
fn outcome<'a>(tag: &str, parts: impl IntoIterator<Item = &'a str>) -> Outcome {
    let mut parser = Parser::new(language(tag));
    let mut pieces = Vec::new();
    parts.into_iter().for_each(|part| pieces.extend(parser.push(part)));
    pieces.extend(parser.finish());
    let mut outcome = Outcome {
        text: String::new(),
        chunks: Vec::new(),
        corrections: Vec::new(),
        form: parser.form(),
    };
    for piece in pieces {
        match piece {
            Piece::Text(text) => outcome.text.push_str(&text),
            Piece::Chunk(draft) => outcome.chunks.push(draft),
            Piece::Correction(correction) => outcome.corrections.push(correction),
            Piece::Amend { tail, pause_ms } => {
                let last = outcome.chunks.last_mut().expect("there is a chunk to amend");
                last.text.push_str(&tail);
                last.pause_ms = pause_ms.unwrap_or(last.pause_ms);
            }
        }
    }
    outcome
}

/// The chunks, one a line, with what is spoken where it differs from what is shown.
fn chunks(tag: &str, text: &str) -> String {
    let outcome = outcome(tag, [text]);
    let mut trace = String::new();
    for chunk in &outcome.chunks {
        if chunk.emotion != Emotion::Neutral {
            write!(trace, "{}: ", chunk.emotion.name()).unwrap();
        }
        write!(trace, "{}", chunk.text.replace('\n', "⏎")).unwrap();
        let spoken: Vec<_> = chunk.spoken.iter().map(|span| span.text.as_str()).collect();
        if spoken.join(" ") != chunk.text || chunk.spoken.len() > 1 {
            let spans = chunk.spoken.iter().map(|span| format!("{}:{}", span.language, span.text));
            write!(trace, " → {}", spans.collect::<Vec<_>>().join(" + ")).unwrap();
        }
        if chunk.language != language(tag) {
            write!(trace, " ({})", chunk.language).unwrap();
        }
        if chunk.pause_ms > 0 {
            write!(trace, " (pause {})", chunk.pause_ms).unwrap();
        }
        if chunk.emphasis {
            trace.push_str(" (emphasis)");
        }
        trace.push('\n');
    }
    for Correction { original, suggestion, explanation } in &outcome.corrections {
        writeln!(trace, "fix {original} -> {suggestion} | {explanation}").unwrap();
    }
    trace
}

/// The shown text with `|` where a chunk is cut and what is amended between braces: how long the cut had to wait.
fn live(tag: &str, text: &str) -> String {
    let mut parser = Parser::new(language(tag));
    let mut trace = String::new();
    let mut write_all = |pieces: Vec<Piece>| {
        for piece in pieces {
            match piece {
                Piece::Text(text) => trace.push_str(&text),
                Piece::Chunk(_) => trace.push('|'),
                Piece::Amend { tail, .. } => write!(trace, "{{{tail}}}").unwrap(),
                Piece::Correction(_) => trace.push('!'),
            }
        }
    };
    let mut buffer = [0; 4];
    text.chars().for_each(|c| write_all(parser.push(c.encode_utf8(&mut buffer))));
    write_all(parser.finish());
    trace + "\n"
}

fn check(tag: &str, text: &str, expected: Expect) {
    expected.assert_eq(&chunks(tag, text));
}

fn check_live(tag: &str, text: &str, expected: Expect) {
    expected.assert_eq(&live(tag, text));
}
