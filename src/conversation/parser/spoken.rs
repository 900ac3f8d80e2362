//! What is said of a shown text: no markdown, addresses, pictures or stage directions. It changes no word that it says.

use super::{
    char_set::SAID,
    characters::{closer_of, is_emoji_joint, is_emoji_part, is_plain_letter, is_sayable},
    silent::{
        address_length, code_length, emoticon_length, is_rule, link_length, may_have_silent_words,
        stage_direction_length,
    },
};
use crate::domain::{Language, SpokenSpan};

/// From here on the text is in that language; `None`: in the conversation's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LanguageMark {
    /// In bytes from the beginning of the text.
    pub(super) at: usize,
    pub(super) language: Option<Language>,
}

/// Empty when nothing in `text` can be said. Every word stands in `text`, in this order; only a word with markdown
/// inside (`habl**o**`) is said without it.
pub(super) fn speak(
    text: &str,
    marks: &[LanguageMark],
    language: &Language,
    in_code: bool,
) -> Vec<SpokenSpan> {
    let mut speaker = Speaker {
        text,
        at: 0,
        previous: ' ',
        in_code,
        has_silent_words: may_have_silent_words(text),
        said: Said {
            spans: Vec::new(),
            language: language.clone(),
            default: language,
            marks,
            continues: false,
            space: false,
            length: text.len(),
        },
    };
    speaker.line_start();
    while let Some(c) = speaker.peek() {
        speaker.step(c);
    }
    let mut spans = speaker.said.spans;
    spans.retain(|span| span.text.contains(is_sayable));
    if let Some(first) = spans.first_mut() {
        let stray = first.text.len() - first.text.trim_start_matches(is_stray).len();
        first.text.drain(..stray);
    }
    spans
}

/// The end of something that is not said cannot begin what is.
fn is_stray(c: char) -> bool {
    matches!(c, ' ' | '.' | ',' | ';' | ':' | '!' | '?' | ')' | '…')
}

/// Walks through the text once.
struct Speaker<'a> {
    text: &'a str,
    at: usize,
    previous: char,
    in_code: bool,
    has_silent_words: bool,
    said: Said<'a>,
}

impl<'a> Speaker<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn step(&mut self, c: char) {
        let silent = self.silent_length(c);
        if silent > 0 {
            let (skipped, _) = self.rest().split_at_checked(silent).unwrap_or_default();
            let last = skipped.chars().next_back().unwrap_or(c);
            // What is left out stands for a space, but for the marks that may stand inside a word.
            self.said.space |= skipped.contains(|c| !matches!(c, '*' | '_' | '~' | '`'));
            self.previous = last;
            self.at += silent;
            return;
        }
        self.said.push(self.at, c);
        self.previous = c;
        self.at += c.len_utf8();
        if c.is_ascii_lowercase() || !self.has_silent_words && SAID.contains(c) {
            self.words();
        }
        if c == '\n' {
            self.line_start();
        }
    }

    /// Says in one go what has no meaning of its own, up to the next address or change of language.
    fn words(&mut self) {
        let most = self.said.same_language_to().saturating_sub(self.at);
        let rest = self.rest();
        let length = if self.has_silent_words {
            rest.bytes().take(most).take_while(u8::is_ascii_lowercase).count()
        } else {
            SAID.run_length(rest, most)
        };
        let words = rest.get(..length).unwrap_or_default();
        // The last digit may be the beginning of a picture.
        let words = words.trim_end_matches(|c: char| c.is_ascii_digit());
        self.said.push_words(words);
        self.at += words.len();
        self.previous = words.chars().next_back().unwrap_or(self.previous);
    }

    /// Skips code blocks, rulers, and what marks a heading, a quotation or an item.
    fn line_start(&mut self) {
        while !self.rest().is_empty() {
            let rest = self.rest();
            let (line, length) = match rest.split_once('\n') {
                Some((line, _)) => (line.trim(), line.len() + 1),
                None => (rest.trim(), rest.len()),
            };
            let is_fence = line.strip_prefix("```").is_some_and(|info| !info.contains('`'));
            let is_end = is_fence && self.in_code;
            if is_end || !is_fence && !self.in_code && !is_rule(line) {
                self.in_code = false;
                break;
            }
            self.in_code |= is_fence;
            self.at += length;
            self.said.space = true;
        }
        let rest = self.rest();
        let mut line = rest.trim_start_matches([' ', '\t', '#', '>']);
        for bullet in ["- ", "* ", "+ ", "• ", "– ", "— "] {
            line = line.strip_prefix(bullet).unwrap_or(line);
        }
        self.at += rest.len() - line.len();
        self.previous = ' ';
    }

    /// How many bytes from here are shown but not said.
    fn silent_length(&self, c: char) -> usize {
        if c.is_ascii_alphanumeric() {
            return self.silent_word_length(c);
        }
        if c.is_whitespace() || is_plain_letter(c) {
            return 0;
        }
        if matches!(c, ':' | ';' | '=' | '^') && self.previous.is_whitespace() {
            return emoticon_length(self.rest());
        }
        let next = || self.rest().chars().nth(1).unwrap_or(' ');
        let is_alone = || self.previous.is_whitespace() && next().is_whitespace();
        match c {
            '*' | '_' if !self.previous.is_alphanumeric() => {
                let direction = stage_direction_length(self.rest());
                direction.max(usize::from(c == '_' || !is_alone()))
            }
            '(' | '（' => stage_direction_length(self.rest()),
            '*' => usize::from(!is_alone()),
            '_' => usize::from(!next().is_alphanumeric()),
            '~' => usize::from(next() == '~' || self.previous == '~'),
            '`' => code_length(self.rest()),
            ']' => link_length(self.rest()),
            '|' | '\u{2190}'..='\u{21ff}' => c.len_utf8(),
            _ if c.is_ascii() => 0,
            // In Indic scripts the joiner is part of a word.
            '\u{200d}' if !is_emoji_part(self.previous) => 0,
            _ if is_emoji_part(c) => c.len_utf8(),
            _ => 0,
        }
    }

    /// A digit may be the beginning of a keycap picture, a word that of an address.
    fn silent_word_length(&self, c: char) -> usize {
        let next = self.text.as_bytes().get(self.at + 1).copied().unwrap_or(b' ');
        if !next.is_ascii() && self.rest().chars().nth(1).is_some_and(is_emoji_joint) {
            return usize::from(c.is_ascii_digit());
        }
        if matches!(c, 'x' | 'X') && self.previous.is_whitespace() && self.has_silent_words {
            return emoticon_length(self.rest());
        }
        let begins = !self.previous.is_ascii_graphic() || "([<\"'*".contains(self.previous);
        if begins && self.has_silent_words { address_length(self.rest()) } else { 0 }
    }
}

/// What is said so far.
struct Said<'a> {
    spans: Vec<SpokenSpan>,
    /// At the place that is being read.
    language: Language,
    default: &'a Language,
    /// Those that lie ahead.
    marks: &'a [LanguageMark],
    /// The last span is in `language`.
    continues: bool,
    /// A space is due before the next character.
    space: bool,
    /// Of the whole text, in bytes.
    length: usize,
}

impl Said<'_> {
    /// Up to here all that follows continues the last span, in bytes from the beginning of the text.
    fn same_language_to(&self) -> usize {
        if self.continues { self.marks.first().map_or(self.length, |mark| mark.at) } else { 0 }
    }

    /// Words that continue the last span.
    fn push_words(&mut self, words: &str) {
        let Some(SpokenSpan { text, .. }) = self.spans.last_mut() else { return };
        let inner = words.trim_matches(' ');
        self.space |= words.starts_with(' ');
        if !inner.is_empty() {
            if self.space {
                text.push(' ');
            }
            self.space = words.ends_with(' ');
            if inner.contains("  ") {
                inner.split_whitespace().for_each(|word| text.extend([word, " "]));
                text.pop();
            } else {
                text.push_str(inner);
            }
        }
    }

    fn push(&mut self, at: usize, c: char) {
        while let Some((mark, ahead)) = self.marks.split_first().filter(|(mark, _)| mark.at <= at) {
            self.language = mark.language.as_ref().unwrap_or(self.default).clone();
            self.marks = ahead;
            self.continues = self.spans.last().is_some_and(|span| span.language == self.language);
        }
        if c.is_whitespace() {
            self.space = true;
            return;
        }
        match self.spans.last_mut() {
            Some(span) if self.continues || !opens_span(c) => {
                if std::mem::take(&mut self.space) {
                    span.text.push(' ');
                }
                span.text.push(c);
            }
            _ => {
                self.space = false;
                let mut text =
                    String::with_capacity(if self.spans.is_empty() { self.length } else { 32 });
                text.push(c);
                self.spans.push(SpokenSpan { text, language: self.language.clone() });
                self.continues = true;
            }
        }
    }
}

/// Punctuation between two languages stays with the words before it, but for what opens something.
fn opens_span(c: char) -> bool {
    is_sayable(c) || matches!(c, '¿' | '¡') || closer_of(c).is_some()
}
