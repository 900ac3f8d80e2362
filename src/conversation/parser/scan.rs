//! Reads the text that is not cut yet, character by character, and says where it may be cut. It cuts nothing itself.

use super::{
    boundary::{Boundary, Question, full_stop},
    char_set::INERT,
    characters::{
        closer_of, is_clause_mark, is_plain_letter, is_sayable, is_terminator, is_thai_or_lao,
    },
    length::Length,
};
use crate::domain::Language;

/// A sentence shorter than this joins the next one, in graphemes.
pub(super) const MIN_SENTENCE: usize = 12;
/// From this length on a clause is enough: for a turn's first chunk, and wherever Thai puts a space.
const MIN_CLAUSE: usize = 24;
/// Longest piece of a code block, in bytes: nobody waits to hear it.
const MAX_CODE_BYTES: usize = 16 * 1024;
/// Quotations and brackets within each other that are followed.
const MAX_NESTING: usize = 8;

/// Which marks are enough for a cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Granularity {
    /// The listener waits in silence: a long clause will do.
    Clauses,
    Sentences,
    /// The model has cut already: only what is too long is broken.
    Given,
}

/// A place to cut at, in bytes from the beginning of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// When there is something to say before it.
    Sentence(usize),
    /// In any case: the text has grown too long.
    Forced(usize),
}

/// What has been read since the last cut.
#[derive(Debug)]
pub(super) struct Scan {
    granularity: Granularity,
    /// Bytes read.
    at: usize,
    /// Where the last character read begins.
    last: usize,
    previous: char,
    /// The last character that is no space.
    solid: char,
    /// What closes the open quotations and brackets, innermost last; a backtick is one of them.
    closers: Vec<char>,
    /// Between the fences of a code block.
    in_code: bool,
    line_start: Option<usize>,
    word_start: usize,
    /// The word that is being read looks like an address.
    in_address: bool,
    waiting: Option<(usize, Question)>,
    length: Length,
    /// A letter or digit stands outside of code.
    speakable: bool,
}

impl Scan {
    /// Begins anew behind a cut, or at the beginning of a turn, which begins a line as well.
    pub(super) fn new(granularity: Granularity, in_code: bool, begins_line: bool) -> Self {
        Self {
            granularity,
            at: 0,
            last: 0,
            previous: ' ',
            solid: ' ',
            closers: Vec::new(),
            in_code,
            line_start: begins_line.then_some(0),
            word_start: 0,
            in_address: false,
            waiting: None,
            length: Length::new(),
            speakable: false,
        }
    }

    /// Reads on in `text` to the next place where it may be cut.
    pub(super) fn next_cut(&mut self, text: &str, language: &Language) -> Option<Cut> {
        while let Some(c) = text.get(self.at..).and_then(|rest| rest.chars().next()) {
            self.last = self.at;
            self.at += c.len_utf8();
            let end = self.sentence_end(text, c, language);
            self.previous = c;
            if !c.is_whitespace() {
                self.solid = c;
            }
            let cut = match end {
                Some(at) => Some(Cut::Sentence(at)),
                None => self.over_length(text).map(Cut::Forced),
            };
            if cut.is_some() {
                return cut;
            }
        }
        None
    }

    /// Length in bytes of the words at the beginning of `text` that can be skimmed: nothing can be cut among them.
    pub(super) fn inert_length(&self, text: &str) -> usize {
        let room = if self.waiting.is_some() {
            0
        } else if self.in_code {
            MAX_CODE_BYTES.saturating_sub(self.at + 1)
        } else {
            self.length.room(self.at)
        };
        INERT.run_length(text, room)
    }

    /// Reads words in one go, no more than `inert_length` says.
    pub(super) fn skim(&mut self, words: &str) {
        let begin = self.at;
        self.at += words.len();
        self.previous = words.chars().next_back().unwrap_or(self.previous);
        self.solid = words.trim_end_matches(' ').chars().next_back().unwrap_or(self.solid);
        if self.in_code {
            return;
        }
        self.length.grow(words.chars().count());
        self.speakable = self.speakable || words.contains(is_sayable);
        if let Some(space) = words.rfind(' ') {
            self.word_start = begin + space + 1;
            self.in_address = false;
            self.length.space_ends(self.word_start);
        }
    }

    /// There is nothing to say up to the place that the last step gave: reads its character again, until more is said.
    pub(super) fn refuse(&mut self) {
        self.at = self.last;
        self.waiting = None;
        self.speakable = false;
    }

    /// Whether the text so far is worth a chunk: something to say, and a sentence or long enough for one.
    pub(super) fn is_worth_a_chunk(&mut self, text: &str) -> bool {
        let ends = self.closers.is_empty() && is_terminator(self.solid);
        self.speakable && (ends || self.length.count(text, self.at) >= MIN_SENTENCE)
    }

    pub(super) fn granularity(&self) -> Granularity {
        self.granularity
    }

    /// Whether the text so far ends inside a code block.
    pub(super) fn is_in_code(&self) -> bool {
        self.in_code
    }

    /// Whether there is a letter or digit to say so far.
    pub(super) fn is_speakable(&self) -> bool {
        self.speakable
    }

    fn sentence_end(&mut self, text: &str, c: char, language: &Language) -> Option<usize> {
        if is_plain_letter(c) && self.waiting.is_none() && !self.in_code {
            self.speakable = true;
            return None;
        }
        let end = self.settle(c).or_else(|| self.read(text, c, language));
        end.filter(|_| self.speakable && self.granularity != Granularity::Given)
    }

    /// Lets the character behind a mark decide about it.
    fn settle(&mut self, next: char) -> Option<usize> {
        let (at, question) = self.waiting?;
        let answer = question.answer(next)?;
        self.waiting = None;
        if !question.is_of_clause() {
            return answer.then_some(at);
        }
        if answer {
            self.length.clause_ends(at);
        }
        (answer && self.is_enough_for_a_clause()).then_some(at)
    }

    fn read(&mut self, text: &str, c: char, language: &Language) -> Option<usize> {
        match c {
            '\n' => self.newline(text),
            '`' => self.backtick(text),
            _ if self.in_code => None,
            _ if c.is_whitespace() => {
                self.length.space_ends(self.at);
                self.begin_word();
                None
            }
            '@' | '/' => {
                self.in_address = true;
                None
            }
            '"' => self.straight_quote(text),
            _ if !self.closers.is_empty() && self.closers.contains(&c) => self.close(text, c),
            _ if self.is_smiley(c) => None,
            _ if is_terminator(c) => self.terminator(text, c, language),
            _ if is_clause_mark(c) => self.clause_mark(text, c),
            _ if is_thai_or_lao(c) => self.thai(text),
            _ => {
                self.open(c);
                self.speakable = self.speakable || is_sayable(c);
                None
            }
        }
    }

    fn newline(&mut self, text: &str) -> Option<usize> {
        self.line_start = Some(self.at);
        self.begin_word();
        if self.in_code {
            return None;
        }
        self.closers.clear();
        self.length.space_ends(self.at);
        (self.length.count(text, self.at) >= MIN_SENTENCE).then_some(self.last)
    }

    fn begin_word(&mut self) {
        self.word_start = self.at;
        self.in_address = false;
    }

    /// Three at the beginning of a line are a fence, unless the line has three more; one encloses inline code.
    fn backtick(&mut self, text: &str) -> Option<usize> {
        let line = self.line_start.and_then(|start| text.get(start..self.at)).unwrap_or_default();
        let line = line.trim_start();
        let is_inline = line.len() > 5 && line.starts_with("```") && line.ends_with("```");
        if line == "```" {
            self.in_code = !self.in_code;
            self.closers.clear();
        } else if self.in_code {
            self.in_code = !is_inline;
        } else if self.closers.last() == Some(&'`') {
            self.closers.pop();
        } else {
            self.nest('`');
        }
        None
    }

    fn straight_quote(&mut self, text: &str) -> Option<usize> {
        if self.closers.contains(&'"') {
            return self.close(text, '"');
        }
        // Behind a digit it means inches.
        if !self.previous.is_ascii_digit() {
            self.nest('"');
        }
        None
    }

    fn open(&mut self, c: char) {
        match closer_of(c) {
            Some(closer) => self.nest(closer),
            // Danish and German books turn the marks round.
            None if c == '»' && self.previous.is_whitespace() => self.nest('«'),
            None => {}
        }
    }

    fn nest(&mut self, closer: char) {
        if self.closers.len() < MAX_NESTING && self.closers.last() != Some(&'`') {
            self.closers.push(closer);
        }
    }

    /// A sentence that ended inside the quotation ends with it, if a new one begins behind.
    fn close(&mut self, text: &str, closer: char) -> Option<usize> {
        let opened = self.closers.iter().rposition(|&open| open == closer)?;
        self.closers.truncate(opened);
        let is_end = self.closers.is_empty() && is_terminator(self.solid);
        if is_end && self.length.count(text, self.at) >= MIN_SENTENCE {
            self.waiting = Some((self.at, Question::NewSentence));
        }
        None
    }

    /// `:)`, `;-(`: a parenthesis that encloses nothing.
    fn is_smiley(&self, c: char) -> bool {
        matches!(c, '(' | ')') && matches!(self.previous, ':' | ';' | '=' | '-' | '^')
    }

    fn terminator(&mut self, text: &str, c: char, language: &Language) -> Option<usize> {
        if !self.closers.is_empty() || self.length.count(text, self.at) < MIN_SENTENCE {
            return None;
        }
        let before = text.get(..self.last).unwrap_or_default();
        let word = text.get(self.word_start..self.last).unwrap_or_default();
        self.in_address |= word.eq_ignore_ascii_case("www");
        let boundary = match c {
            _ if self.in_address => Boundary::Asks(Question::Space),
            '.' => full_stop(before, word, language),
            _ => Boundary::Ends,
        };
        match boundary {
            Boundary::Ends => Some(self.at),
            Boundary::Asks(question) => {
                self.waiting = Some((self.at, question));
                None
            }
            Boundary::GoesOn => None,
        }
    }

    fn clause_mark(&mut self, text: &str, c: char) -> Option<usize> {
        let word = text.get(self.word_start..self.last).unwrap_or_default();
        let is_scheme = word.ends_with("http") || word.ends_with("https");
        if c == '–' && !self.previous.is_whitespace() || is_scheme || self.in_address {
            return None;
        }
        if !self.closers.is_empty() {
            self.length.clause_ends(self.at);
            return None;
        }
        // Counted here, because the mark may turn out to be enough only when the next character is seen.
        self.length.count(text, self.at);
        let is_french_or_smiley = matches!(c, ':' | ';') && self.previous.is_whitespace();
        if is_french_or_smiley || self.previous.is_numeric() {
            let question =
                if is_french_or_smiley { Question::ClauseSpace } else { Question::ClauseNoDigit };
            self.waiting = Some((self.at, question));
            return None;
        }
        self.length.clause_ends(self.at);
        self.is_enough_for_a_clause().then_some(self.at)
    }

    fn is_enough_for_a_clause(&self) -> bool {
        self.granularity == Granularity::Clauses && self.length.counted() >= MIN_CLAUSE
    }

    /// Between two letters of these scripts a space ends a phrase.
    fn thai(&mut self, text: &str) -> Option<usize> {
        self.speakable = true;
        if self.previous != ' ' || !is_thai_or_lao(self.solid) || !self.closers.is_empty() {
            return None;
        }
        self.length.clause_ends(self.last);
        (self.length.count(text, self.at) >= MIN_CLAUSE).then_some(self.last)
    }

    /// Where to break a text that has grown too long.
    fn over_length(&mut self, text: &str) -> Option<usize> {
        if self.in_code {
            return (self.at >= MAX_CODE_BYTES).then_some(self.at);
        }
        self.length.grow(1);
        self.length.break_place(text, self.at, self.in_address)
    }
}
