//! Tells tags from characters, one character at a time. It knows nothing of sentences.

use super::{
    characters::{is_hidden, is_letter},
    tags::{Bracketed, Markup, Token, bracketed, is_thought, leading_tag, markup},
};

/// Longest tag but a correction, in characters: what is longer is text.
const MAX_TAG: usize = 32;
/// Longest correction, in characters.
const MAX_CORRECTION: usize = 600;
/// Longest markup in angle brackets, in characters.
const MAX_MARKUP: usize = 200;
/// Longest address of a link, in characters; the address is dropped as it arrives.
const MAX_LINK: usize = 2000;

/// Holds back what may yet turn out to be a tag, never more than `MAX_CORRECTION` characters.
#[derive(Debug, Default)]
pub(super) struct Lexer {
    state: State,
    /// What stands behind the opening bracket so far.
    held: String,
    held_chars: usize,
    opener: char,
    /// Brackets open inside a correction or a link's address.
    depth: usize,
    /// Tags taken without their closing bracket: that many stray ones are swallowed on this line.
    orphans: usize,
    /// The last character shown, unless nothing has been shown.
    last: Option<char>,
    /// Something vanished behind `last`: spaces that surrounded it fold into one.
    vanished: bool,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Text,
    Bracket,
    /// Behind a closing bracket that may belong to a markdown link.
    Bracketed,
    LinkTarget,
    Angle,
    Thought,
}

impl Lexer {
    /// Appends to `out` what has become certain by `c`.
    pub(super) fn push(&mut self, c: char, out: &mut Vec<Token>) {
        match self.state {
            State::Text => self.text(c, out),
            State::Bracket => self.bracket(c, out),
            State::Bracketed => self.after_bracket(c, out),
            State::LinkTarget => self.link_target(c, out),
            State::Angle => self.angle(c, out),
            State::Thought => self.thought(c),
        }
    }

    /// Whether `c` is text beyond doubt, in which case it counts as shown.
    pub(super) fn passes(&mut self, c: char) -> bool {
        let passes = matches!(self.state, State::Text)
            && match c {
                ' ' => !self.vanished && self.last.is_some(),
                '[' | ']' | '<' => false,
                '!'..='~' | '¡'..='\u{1fff}' | 'ぁ'..='鿿' | '가'..='힣' => true,
                _ => false,
            };
        if passes {
            self.last = Some(c);
            self.vanished = false;
        }
        passes
    }

    /// Whether lower-case words and spaces are text beyond doubt.
    pub(super) fn passes_words(&self) -> bool {
        matches!(self.state, State::Text) && !self.vanished && self.last.is_some()
    }

    /// The text ends here: what is held is decided.
    pub(super) fn finish(&mut self, out: &mut Vec<Token>) {
        match std::mem::take(&mut self.state) {
            State::Bracket => self.unclosed(out),
            State::Bracketed => self.no_link(out),
            State::Angle if !self.is_cut_off_tag() => self.release('<', "", out),
            State::Angle | State::Text | State::LinkTarget | State::Thought => {}
        }
    }

    /// A character that is text whatever it looks like.
    pub(super) fn show(&mut self, c: char, out: &mut Vec<Token>) {
        if c.is_whitespace() && self.is_superfluous(c) {
            return;
        }
        if c == '\n' {
            self.orphans = 0;
        }
        self.vanished = false;
        self.last = Some(c);
        out.push(Token::Char(c));
    }

    /// The last character shown.
    pub(super) fn last(&self) -> Option<char> {
        self.last
    }

    fn is_superfluous(&self, space: char) -> bool {
        self.last.is_none_or(|last| self.vanished && space != '\n' && last.is_whitespace())
    }

    fn text(&mut self, c: char, out: &mut Vec<Token>) {
        match c {
            '[' | '［' | '【' => self.hold(State::Bracket, c),
            '<' => self.hold(State::Angle, c),
            _ if is_closing(c) && self.orphans > 0 => self.orphans -= 1,
            _ if is_hidden(c) => {}
            _ => self.show(c, out),
        }
    }

    fn hold(&mut self, state: State, opener: char) {
        self.state = state;
        self.opener = opener;
        self.held.clear();
        self.held_chars = 0;
        self.depth = 0;
    }

    fn keep(&mut self, c: char) {
        self.held.push(c);
        self.held_chars += 1;
    }

    fn bracket(&mut self, c: char, out: &mut Vec<Token>) {
        if is_closing(c) && self.depth == 0 {
            self.close_bracket(out);
        } else if self.may_hold(c) {
            self.depth = self.depth + usize::from(is_opening(c)) - usize::from(is_closing(c));
            self.keep(c);
        } else {
            self.state = State::Text;
            self.unclosed(out);
            self.text(c, out);
        }
    }

    /// Whether what is held can still become a tag with `c`.
    fn may_hold(&self, c: char) -> bool {
        let name = self.held.trim_start();
        let colon = matches!(c, ':' | '：');
        let is = |known: &str| {
            name.get(..known.len()).is_some_and(|start| start.eq_ignore_ascii_case(known))
        };
        if c == '\n' || is_hidden(c) {
            return false;
        }
        if is("fix") && (name.trim_end().len() == 3 && colon || name.contains([':', '：'])) {
            return self.held_chars < MAX_CORRECTION;
        }
        let is_word = is_letter(c) || matches!(c, ' ' | '-' | '\'' | '’' | ',' | '_');
        let is_pause = is("pause") && (c.is_ascii_digit() || matches!(c, '.' | '=' | '+') || colon);
        let is_end = c == '/' && name.is_empty();
        self.held_chars < MAX_TAG && (is_word || is_pause || is_end)
    }

    fn close_bracket(&mut self, out: &mut Vec<Token>) {
        self.state = State::Text;
        match bracketed(&self.held) {
            Bracketed::Tag(tag) => {
                self.vanished = true;
                out.extend(tag);
            }
            Bracketed::Invented | Bracketed::Text => self.state = State::Bracketed,
        }
    }

    /// A tag whose closing bracket is missing still counts; the rest is text.
    fn unclosed(&mut self, out: &mut Vec<Token>) {
        let held = std::mem::take(&mut self.held);
        if let Some((tag, rest)) = leading_tag(&held) {
            out.extend(tag);
            self.vanished = true;
            self.orphans += 1;
            rest.chars().for_each(|c| self.show(c, out));
        } else {
            self.show(self.opener, out);
            held.chars().for_each(|c| self.show(c, out));
        }
    }

    fn after_bracket(&mut self, c: char, out: &mut Vec<Token>) {
        self.state = State::Text;
        if c == '(' {
            self.state = State::LinkTarget;
            self.held_chars = 0;
            std::mem::take(&mut self.held).chars().for_each(|c| self.show(c, out));
        } else {
            self.no_link(out);
            self.text(c, out);
        }
    }

    fn no_link(&mut self, out: &mut Vec<Token>) {
        match bracketed(&self.held) {
            Bracketed::Text => {
                let closer = match self.opener {
                    '［' => "］",
                    '【' => "】",
                    _ => "]",
                };
                self.release(self.opener, closer, out);
            }
            Bracketed::Invented | Bracketed::Tag(_) => self.vanished = true,
        }
    }

    fn release(&mut self, opener: char, closer: &str, out: &mut Vec<Token>) {
        let held = std::mem::take(&mut self.held);
        self.show(opener, out);
        held.chars().chain(closer.chars()).for_each(|c| self.show(c, out));
    }

    fn link_target(&mut self, c: char, out: &mut Vec<Token>) {
        self.held_chars += 1;
        match c {
            '(' => self.depth += 1,
            ')' if self.depth > 0 => self.depth -= 1,
            ')' => self.state = State::Text,
            '\n' => {
                self.state = State::Text;
                self.text(c, out);
            }
            _ if self.held_chars > MAX_LINK => self.state = State::Text,
            _ => {}
        }
    }

    fn angle(&mut self, c: char, out: &mut Vec<Token>) {
        let is_marker = self.held.starts_with(['|', '｜']);
        let begins = c.is_ascii_alphabetic() || matches!(c, '/' | '|' | '｜' | '!');
        let is_broken = self.held.is_empty() && !begins
            || self.held_chars >= MAX_MARKUP
            || c == '\n'
            || c == '<'
            || is_opening(c);
        if is_broken {
            self.state = State::Text;
            self.release('<', "", out);
            self.text(c, out);
        } else if c == '>' && (!is_marker || self.held.ends_with(['|', '｜'])) {
            self.close_angle(out);
        } else {
            self.keep(c);
        }
    }

    fn close_angle(&mut self, out: &mut Vec<Token>) {
        self.state = State::Text;
        match markup(&self.held) {
            Markup::Thought => self.hold(State::Thought, '<'),
            Markup::Language(language) => out.push(Token::Language(language)),
            Markup::LineBreak if self.last != Some('\n') => self.show('\n', out),
            Markup::LineBreak | Markup::Other => self.vanished = true,
        }
    }

    /// The text may end in the middle of `</es>` or `<think`, which is not worth showing.
    fn is_cut_off_tag(&self) -> bool {
        let name = self.held.trim_start_matches('/');
        !self.held.is_empty() && name.chars().all(|c| c.is_ascii_alphabetic() || "|-_".contains(c))
    }

    fn thought(&mut self, c: char) {
        match c {
            '<' => self.hold(State::Thought, c),
            '>' if self.held.strip_prefix('/').is_some_and(is_thought) => {
                self.state = State::Text;
                self.vanished = true;
            }
            _ if self.held_chars < MAX_TAG => self.keep(c),
            _ => {}
        }
    }
}

fn is_opening(c: char) -> bool {
    matches!(c, '[' | '［' | '【')
}

fn is_closing(c: char) -> bool {
    matches!(c, ']' | '］' | '】')
}
