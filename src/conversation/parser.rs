//! Turns the model's text, as it arrives, into what is shown and the chunks that are spoken. It never fails and never waits.

mod abbreviations;
mod boundary;
mod char_set;
mod characters;
mod chunker;
mod json;
mod length;
mod lexer;
mod output;
mod scan;
mod silent;
mod spoken;
mod structured;
mod tags;
#[cfg(test)]
mod tests;

use chunker::Chunker;
use lexer::Lexer;
use output::Output;
use structured::{NotStructured, Sink, Structured};
use tags::Token;

use crate::domain::{Correction, Emotion, Language, SpokenSpan, TextForm};

/// Longest beginning that is held back because JSON may follow, in bytes.
const MAX_OPENING: usize = 32;

/// Reads one turn of the model. However its text is split, the chunks are the same.
#[derive(Debug)]
pub struct Parser {
    mode: Mode,
    lexer: Lexer,
    chunker: Chunker,
    out: Output,
    is_tagged: bool,
    /// Reused from one character to the next.
    tokens: Vec<Token>,
}

/// Something that the parser has become certain of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// More of the shown text.
    Text(String),
    /// A chunk is cut.
    Chunk(Draft),
    /// Belongs to the last chunk that was cut: marks or pictures behind it, which are shown and not spoken, or a pause
    /// in milliseconds.
    Amend { tail: String, pause_ms: Option<u32> },
    /// Something that the learner could say better.
    Correction(Correction),
}

/// A chunk without its name and place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// What is shown.
    pub text: String,
    /// What is said; empty when there is nothing to say.
    pub spoken: Vec<SpokenSpan>,
    pub emotion: Emotion,
    /// Silence after the chunk, in milliseconds, at most 5000.
    pub pause_ms: u32,
    pub emphasis: bool,
    pub language: Language,
}

#[derive(Debug)]
enum Mode {
    /// Nothing but what may be the beginning of JSON has been written.
    Opening(String),
    Prose,
    Structured(Box<Structured>),
}

impl Parser {
    /// A parser for one turn of a conversation in `language`.
    #[must_use]
    pub fn new(language: Language) -> Self {
        Self {
            mode: Mode::Opening(String::new()),
            lexer: Lexer::default(),
            chunker: Chunker::new(language),
            out: Output::default(),
            is_tagged: false,
            tokens: Vec::new(),
        }
    }

    /// A parser for an answer that is no turn: JSON in it is the asking app's, and stays as it is.
    #[must_use]
    pub fn of_prose(language: Language) -> Self {
        Self { mode: Mode::Prose, ..Self::new(language) }
    }

    /// Takes the next piece of the model's text.
    pub fn push(&mut self, text: &str) -> Vec<Piece> {
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let plain = self.plain_length(rest);
            let length = if plain > 0 { plain } else { c.len_utf8() };
            let (taken, behind) = rest.split_at_checked(length).unwrap_or_default();
            if plain > 0 {
                self.plain(taken);
            } else {
                self.char(c);
            }
            rest = behind;
        }
        self.out.take()
    }

    /// The model's text is over: releases what is held.
    pub fn finish(&mut self) -> Vec<Piece> {
        if let Mode::Structured(structured) = &mut self.mode {
            let Self { lexer, chunker, out, .. } = self;
            structured.finish(&mut Sink { lexer, chunker, out });
        } else {
            let mut tokens = std::mem::take(&mut self.tokens);
            self.lexer.finish(&mut tokens);
            tokens.drain(..).for_each(|token| self.token(token));
            self.open_prose();
        }
        self.chunker.finish(&mut self.out);
        self.out.take()
    }

    /// How the model writes, as far as it is known.
    #[must_use]
    pub fn form(&self) -> TextForm {
        match self.mode {
            Mode::Structured(_) => TextForm::Structured,
            Mode::Opening(_) | Mode::Prose if self.is_tagged => TextForm::Tagged,
            Mode::Opening(_) | Mode::Prose => TextForm::Plain,
        }
    }

    /// Length in bytes of the beginning of `text` in which no tag can hide.
    fn plain_length(&self, text: &str) -> usize {
        if matches!(self.mode, Mode::Prose) { self.lexer.plain_length(text) } else { 0 }
    }

    /// Takes text without tags: words in one go, and marks one by one.
    fn plain(&mut self, text: &str) {
        self.lexer.pass(text);
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let words = self.chunker.inert_length(rest);
            let length = if words > 0 { words } else { c.len_utf8() };
            let (taken, behind) = rest.split_at_checked(length).unwrap_or_default();
            if words > 0 {
                self.out.shown_text(taken);
                self.chunker.skim(taken);
            } else {
                self.out.shown(c);
                self.chunker.char(c, &mut self.out);
            }
            rest = behind;
        }
    }

    fn char(&mut self, c: char) {
        if let Mode::Structured(structured) = &mut self.mode {
            let Self { lexer, chunker, out, .. } = self;
            let read = structured.push(c, &mut Sink { lexer, chunker, out });
            if let Err(NotStructured(text)) = read {
                self.mode = Mode::Prose;
                text.chars().for_each(|c| self.char(c));
            }
            return;
        }
        self.lexer.push(c, &mut self.tokens);
        if self.tokens.is_empty() {
            return;
        }
        let mut tokens = std::mem::take(&mut self.tokens);
        tokens.drain(..).for_each(|token| self.token(token));
        self.tokens = tokens;
    }

    fn token(&mut self, token: Token) {
        match (&mut self.mode, token) {
            (Mode::Opening(held), Token::Char(c)) => {
                held.push(c);
                match opening(held) {
                    Opening::Undecided => {}
                    Opening::Json => {
                        self.mode = Mode::Structured(Box::default());
                        self.lexer = Lexer::default();
                        self.char('{');
                    }
                    Opening::Prose => self.open_prose(),
                }
            }
            (_, token) => {
                self.open_prose();
                self.prose(token);
            }
        }
    }

    /// What was held back as a possible beginning of JSON is prose.
    fn open_prose(&mut self) {
        if let Mode::Opening(held) = &mut self.mode {
            let held = std::mem::take(held);
            self.mode = Mode::Prose;
            held.chars().for_each(|c| self.prose(Token::Char(c)));
        }
    }

    fn prose(&mut self, token: Token) {
        match token {
            Token::Char(c) => self.out.shown(c),
            _ => self.is_tagged = true,
        }
        self.chunker.push(token, &mut self.out);
    }
}

enum Opening {
    Undecided,
    Json,
    Prose,
}

/// Whether an answer that begins so is JSON, bare or in a code block.
fn opening(text: &str) -> Opening {
    const FENCE: &str = "```json";
    let is_part_of_fence =
        FENCE.get(..text.len()).is_some_and(|part| part.eq_ignore_ascii_case(text));
    let body = match text.get(..FENCE.len()) {
        Some(start) if start.eq_ignore_ascii_case(FENCE) => text.get(FENCE.len()..),
        _ => text.strip_prefix("```"),
    };
    match body.unwrap_or(text).trim_start() {
        rest if rest.starts_with('{') => Opening::Json,
        "" if text.len() < MAX_OPENING => Opening::Undecided,
        _ if is_part_of_fence => Opening::Undecided,
        _ => Opening::Prose,
    }
}
