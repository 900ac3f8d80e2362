//! Reads an answer that is written as JSON, `{"chunks":[…],"corrections":[…]}`. No character of the JSON itself is shown.

use super::{
    characters::is_hidden,
    chunker::{Chunker, Shape},
    json::{JsonEvent, JsonReader},
    lexer::Lexer,
    output::Output,
    tags::{Token, clamp_pause},
};
use crate::domain::{Correction, Emotion};

/// Text of one chunk that waits for the end of its object, in characters.
const MAX_TEXT: usize = 8192;
/// Longest value but a text, in bytes; what is behind it is dropped.
const MAX_VALUE: usize = 1024;
/// Longest beginning that may still turn out to be no JSON, in bytes.
const MAX_RAW: usize = 256;

/// Where the text goes: the parts of the parser that every form shares.
pub(super) struct Sink<'a> {
    pub(super) lexer: &'a mut Lexer,
    pub(super) chunker: &'a mut Chunker,
    pub(super) out: &'a mut Output,
}

/// The text is prose after all; here is all of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotStructured(pub(super) String);

#[derive(Debug)]
pub(super) struct Structured {
    reader: JsonReader,
    events: Vec<JsonEvent>,
    /// The key in each open container; empty in a list.
    path: Vec<String>,
    /// All of the text, until its first key shows that it is JSON.
    raw: Option<String>,
    /// A fault: nothing more is read.
    is_broken: bool,
    value: String,
    shape: Shape,
    tokens: Vec<Token>,
    correction: Correction,
}

impl Default for Structured {
    fn default() -> Self {
        Self {
            reader: JsonReader::default(),
            events: Vec::new(),
            path: Vec::new(),
            raw: Some(String::new()),
            is_broken: false,
            value: String::new(),
            shape: Shape::default(),
            tokens: Vec::new(),
            correction: no_correction(),
        }
    }
}

impl Structured {
    pub(super) fn push(&mut self, c: char, sink: &mut Sink<'_>) -> Result<(), NotStructured> {
        if self.is_broken {
            return Ok(());
        }
        let mut events = std::mem::take(&mut self.events);
        let fault = self.reader.push(c, &mut events).is_err();
        events.drain(..).for_each(|event| self.event(event, sink));
        self.events = events;
        if let Some(raw) = &mut self.raw {
            raw.push(c);
            if fault || raw.len() > MAX_RAW {
                return Err(NotStructured(std::mem::take(raw)));
            }
        } else if fault {
            self.is_broken = true;
            self.finish(sink);
        }
        Ok(())
    }

    /// The text is over, perhaps in the middle of a chunk: what there is of it counts.
    pub(super) fn finish(&mut self, sink: &mut Sink<'_>) {
        self.end_text(sink);
        self.end_chunk(sink);
    }

    fn event(&mut self, event: JsonEvent, sink: &mut Sink<'_>) {
        match event {
            JsonEvent::Open => self.path.push(String::new()),
            JsonEvent::Key(key) => {
                self.raw = None;
                if let Some(last) = self.path.last_mut() {
                    *last = key;
                }
            }
            JsonEvent::StringChar(c) if self.field_of("chunks") == Some("text") => {
                self.text(c, sink);
            }
            JsonEvent::StringChar(c) if self.value.len() < MAX_VALUE => self.value.push(c),
            JsonEvent::StringChar(_) => {}
            JsonEvent::StringEnd => self.string(sink),
            JsonEvent::Scalar(scalar) => self.scalar(&scalar),
            JsonEvent::Close => self.close(sink),
        }
    }

    /// The field that is being read of an object in the list of that name.
    fn field_of(&self, list: &str) -> Option<&str> {
        match self.path.as_slice() {
            [name, index, field] if name == list && index.is_empty() => Some(field),
            _ => None,
        }
    }

    fn text(&mut self, c: char, sink: &mut Sink<'_>) {
        let from = self.tokens.len();
        if from == 0 && sink.lexer.last().is_some_and(|last| !last.is_whitespace()) {
            sink.lexer.show(' ', &mut self.tokens);
        }
        sink.lexer.push(c, &mut self.tokens);
        self.show(from, sink);
        if self.tokens.len() >= MAX_TEXT {
            self.end_chunk(sink);
        }
    }

    fn end_text(&mut self, sink: &mut Sink<'_>) {
        let from = self.tokens.len();
        sink.lexer.finish(&mut self.tokens);
        self.show(from, sink);
    }

    fn show(&self, from: usize, sink: &mut Sink<'_>) {
        for token in self.tokens.iter().skip(from) {
            if let Token::Char(c) = token {
                sink.out.shown(*c);
            }
        }
    }

    fn string(&mut self, sink: &mut Sink<'_>) {
        let value = std::mem::take(&mut self.value);
        if let Some(field) = self.field_of("chunks") {
            match field {
                "text" => self.end_text(sink),
                "emotion" => self.shape.emotion = Emotion::parse(value.trim()).unwrap_or_default(),
                _ => {}
            }
        } else if let Some(field) = self.field_of("corrections") {
            let value = value.replace(is_hidden, "");
            match field {
                "original" | "wrong" => self.correction.original = value,
                "suggestion" | "right" => self.correction.suggestion = value,
                "explanation" | "why" => self.correction.explanation = value,
                _ => {}
            }
        }
    }

    fn scalar(&mut self, scalar: &str) {
        match self.field_of("chunks") {
            Some("pause") => {
                if let Ok(ms) = scalar.parse() {
                    self.shape.pause_ms = clamp_pause(ms);
                }
            }
            Some("emphasis") => self.shape.emphasis = scalar == "true",
            _ => {}
        }
    }

    fn close(&mut self, sink: &mut Sink<'_>) {
        if self.field_of("chunks").is_some() {
            self.end_chunk(sink);
            self.shape = Shape::default();
        } else if self.field_of("corrections").is_some() {
            let correction = std::mem::replace(&mut self.correction, no_correction());
            if !correction.original.is_empty() && !correction.suggestion.is_empty() {
                sink.out.correction(correction);
            }
        }
        self.path.pop();
    }

    fn end_chunk(&mut self, sink: &mut Sink<'_>) {
        if !self.tokens.is_empty() {
            let tokens = std::mem::take(&mut self.tokens);
            sink.chunker.push_given(tokens, self.shape, sink.out);
        }
    }
}

fn no_correction() -> Correction {
    Correction { original: String::new(), suggestion: String::new(), explanation: String::new() }
}
