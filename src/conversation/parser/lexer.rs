//! Tells tags from characters, one character at a time. It knows nothing of sentences.

use super::{
    char_set::UNTAGGED,
    characters::{is_address_mark, is_hidden, is_letter},
    tags::{
        Bracketed, Markup, Token, bracketed, is_beginning_of_tag, is_thought, leading_tag, markup,
    },
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
    /// The last one that is no white space.
    last_ink: Option<char>,
    /// What is held is the description of a picture.
    is_image: bool,
    /// What is held behind a bracket may be an address, or words that are meant to be read.
    may_be_words: bool,
    /// Something vanished behind `last`: spaces that surrounded it fold into one.
    vanished: bool,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Text,
    /// Behind an exclamation mark that may open a markdown picture.
    Exclamation,
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
        // Wherever it stands: it would break a tag, or come to light with what only looked like one.
        if is_hidden(c) {
            return;
        }
        match self.state {
            State::Text => self.text(c, out),
            State::Exclamation => self.after_exclamation(c, out),
            State::Bracket => self.bracket(c, out),
            State::Bracketed => self.after_bracket(c, out),
            State::LinkTarget => self.link_target(c, out),
            State::Angle => self.angle(c, out),
            State::Thought => self.thought(c),
        }
    }

    /// Length in bytes of the beginning of `text` that is text beyond doubt.
    pub(super) fn plain_length(&self, text: &str) -> usize {
        let is_after_gap = self.vanished || self.last.is_none();
        if !matches!(self.state, State::Text)
            || is_after_gap && text.starts_with(char::is_whitespace)
        {
            return 0;
        }
        UNTAGGED.run_length(text, text.len())
    }

    /// Passes over what is text beyond doubt, which counts as shown.
    pub(super) fn pass(&mut self, plain: &str) {
        self.last = plain.chars().next_back().or(self.last);
        self.last_ink = plain.chars().rfind(|c| !c.is_whitespace()).or(self.last_ink);
        self.vanished = false;
        if self.orphans > 0 && plain.contains('\n') {
            self.orphans = 0;
        }
    }

    /// The text ends here: what is held is decided.
    pub(super) fn finish(&mut self, out: &mut Vec<Token>) {
        if self.is_image && matches!(self.state, State::Bracket | State::Bracketed) {
            self.no_image(out);
        }
        match std::mem::take(&mut self.state) {
            State::Exclamation => self.show('!', out),
            State::Bracket if is_beginning_of_tag(&self.held) => {}
            State::Bracket => self.unclosed(out),
            State::Bracketed => self.no_link(out),
            State::LinkTarget => self.no_address("", out),
            State::Angle if !self.is_cut_off_tag() => self.release('<', "", out),
            State::Angle | State::Text | State::Thought => {}
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
        self.last_ink = if c.is_whitespace() { self.last_ink } else { Some(c) };
        out.push(Token::Char(c));
    }

    /// The last character shown.
    pub(super) fn last(&self) -> Option<char> {
        self.last
    }

    fn is_superfluous(&self, space: char) -> bool {
        self.last.is_none_or(|last| self.vanished && space != '\n' && last.is_whitespace())
    }

    /// A mark cuts at once, and French has a space before its marks: behind a word it opens nothing.
    fn may_open_picture(&self) -> bool {
        let is_apart = self.last.is_none_or(|last| matches!(last, ' ' | '\n'));
        is_apart && (self.last == Some('\n') || !self.last_ink.is_some_and(char::is_alphanumeric))
    }

    fn text(&mut self, c: char, out: &mut Vec<Token>) {
        match c {
            '[' | '［' | '【' => self.hold(State::Bracket, c),
            '<' => self.hold(State::Angle, c),
            '!' if self.may_open_picture() => self.state = State::Exclamation,
            _ if is_closing(c) && self.orphans > 0 => self.orphans -= 1,
            _ => self.show(c, out),
        }
    }

    fn after_exclamation(&mut self, c: char, out: &mut Vec<Token>) {
        if c == '[' {
            self.hold(State::Bracket, c);
            self.is_image = true;
        } else {
            self.state = State::Text;
            self.show('!', out);
            self.text(c, out);
        }
    }

    fn hold(&mut self, state: State, opener: char) {
        self.state = state;
        self.opener = opener;
        self.held.clear();
        self.held_chars = 0;
        self.depth = 0;
        self.is_image = false;
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
        } else if self.is_image {
            self.no_image(out);
            self.push(c, out);
        } else {
            self.state = State::Text;
            self.unclosed(out);
            self.text(c, out);
        }
    }

    /// Whether what is held can still become a tag with `c`.
    fn may_hold(&self, c: char) -> bool {
        if c.is_ascii_lowercase() && self.held_chars < MAX_TAG {
            return true;
        }
        let name = self.held.trim_start();
        let colon = matches!(c, ':' | '：');
        let is = |known: &str| {
            name.get(..known.len()).is_some_and(|start| start.eq_ignore_ascii_case(known))
        };
        if c == '\n' {
            return false;
        }
        if self.is_image {
            return self.held_chars < MAX_MARKUP && c != '<' && !is_opening(c);
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
        if self.is_image {
            self.state = State::Bracketed;
            return;
        }
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
        if self.is_image && c != '(' {
            self.no_image(out);
            return self.push(c, out);
        }
        self.state = State::Text;
        if c == '(' {
            self.state = State::LinkTarget;
            self.held_chars = 0;
            self.may_be_words = !self.is_image;
            std::mem::take(&mut self.held).chars().for_each(|c| self.show(c, out));
        } else {
            self.no_link(out);
            self.text(c, out);
        }
    }

    /// There is no picture: the exclamation mark stands for itself, and what is held is read again as a bracket.
    fn no_image(&mut self, out: &mut Vec<Token>) {
        let closer = if matches!(self.state, State::Bracketed) { "]" } else { "" };
        self.state = State::Text;
        self.is_image = false;
        self.show('!', out);
        let bracket = ["[", &std::mem::take(&mut self.held), closer].concat();
        bracket.chars().for_each(|c| self.push(c, out));
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
        self.may_be_words &= !is_address_mark(c);
        match c {
            ')' if self.depth == 0 => {
                self.state = State::Text;
                self.no_address(")", out);
            }
            '\n' | '[' | '<' if self.may_be_words || c == '\n' => {
                self.state = State::Text;
                self.no_address("", out);
                self.text(c, out);
            }
            _ if self.held_chars >= MAX_LINK => {
                self.state = State::Text;
                self.no_address("", out);
                self.text(c, out);
            }
            _ => {
                self.depth = match c {
                    '(' => self.depth + 1,
                    ')' => self.depth - 1,
                    _ => self.depth,
                };
                self.keep(c);
            }
        }
    }

    /// `[gato](cat)`: what stands in the parentheses is shown, unless it is an address.
    fn no_address(&mut self, closer: &str, out: &mut Vec<Token>) {
        let held = std::mem::take(&mut self.held);
        if self.may_be_words && !held.trim().is_empty() {
            [" (", &held, closer].concat().chars().for_each(|c| self.show(c, out));
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
