//! Gathers what is shown into chunks and gives them their emotion, pause and language. It never holds more than one chunk.

use super::{
    Draft,
    characters::{is_emoji_part, trails_a_sentence},
    output::Output,
    scan::{Cut, Granularity, Scan},
    spoken::{LanguageMark, speak},
    tags::Token,
};
use crate::domain::{Emotion, Language};

/// One per turn.
#[derive(Debug)]
pub(super) struct Chunker {
    /// Of the conversation.
    language: Language,
    /// Shown, not cut yet.
    pending: String,
    /// Where the language changes inside `pending`.
    marks: Vec<LanguageMark>,
    emotion: Emotion,
    emphasis: bool,
    scan: Scan,
    behind: Behind,
    /// `pending` begins inside a code block.
    begins_in_code: bool,
    /// Up to here `pending` has been found to have nothing to say, in bytes.
    silent_to: usize,
}

impl Chunker {
    pub(super) fn new(language: Language) -> Self {
        Self {
            language,
            pending: String::new(),
            marks: Vec::new(),
            emotion: Emotion::default(),
            emphasis: false,
            scan: Scan::new(Granularity::Clauses, false, true),
            behind: Behind::Nothing,
            begins_in_code: false,
            silent_to: 0,
        }
    }

    /// Takes one token; what it completes goes to `out`.
    pub(super) fn push(&mut self, token: Token, out: &mut Output) {
        match token {
            Token::Char(c) => self.char(c, out),
            Token::Emotion(emotion) => {
                if emotion != self.emotion {
                    self.cut_before_tag(out);
                }
                self.behind = self.behind.settled();
                self.emotion = emotion;
            }
            Token::Emphasis => {
                self.cut_before_tag(out);
                self.behind = self.behind.settled();
                self.emphasis = true;
            }
            Token::Pause(ms) => self.pause(ms, out),
            Token::Correction(correction) => out.correction(*correction),
            Token::Language(language) => self.mark(language),
        }
    }

    /// Length in bytes of the words at the beginning of `text` that can be skimmed; 0 where every character counts.
    pub(super) fn inert_length(&self, text: &str) -> usize {
        if self.behind == Behind::End { 0 } else { self.scan.inert_length(text) }
    }

    /// Takes words in one go, no more than `inert_length` says.
    pub(super) fn skim(&mut self, words: &str) {
        self.pending.push_str(words);
        self.scan.skim(words);
    }

    /// The model has cut here itself: everything pending is one chunk, broken only where it is too long.
    pub(super) fn push_given(&mut self, tokens: Vec<Token>, shape: Shape, out: &mut Output) {
        self.emotion = shape.emotion;
        self.emphasis = shape.emphasis;
        self.behind = self.behind.settled();
        self.scan = Scan::new(Granularity::Given, self.begins_in_code, true);
        for token in tokens {
            match token {
                Token::Emotion(emotion) => self.emotion = emotion,
                Token::Emphasis => self.emphasis = true,
                token => self.push(token, out),
            }
        }
        match shape.pause_ms {
            0 => {
                self.cut_all(0, out);
            }
            ms => self.pause(ms, out),
        }
    }

    /// The text is over: what is pending is the last chunk, or the tail of the one before.
    pub(super) fn finish(&mut self, out: &mut Output) {
        self.flush(self.pending.len(), out);
        self.pending.clear();
    }

    /// Takes one character that is shown.
    pub(super) fn char(&mut self, c: char, out: &mut Output) {
        self.pending.push(c);
        if self.behind == Behind::End && self.takes_tail(c, out) {
            return;
        }
        if c == '\n' && self.pending.ends_with("\n\n") {
            // A model that forgets the closing tag hardly means the next paragraph as well.
            self.mark(None);
        }
        self.scan(out);
    }

    /// Closing quotes, further marks and pictures behind a cut belong to the chunk before it.
    fn takes_tail(&mut self, c: char, out: &mut Output) -> bool {
        let is_attached = self.pending.len() == c.len_utf8();
        if is_attached && trails_a_sentence(c) || is_emoji_part(c) {
            let tail = std::mem::take(&mut self.pending);
            self.start_over(tail.len());
            out.amend(&tail, None);
            return true;
        }
        if !c.is_whitespace() || c == '\n' {
            self.behind = Behind::Chunk;
        }
        false
    }

    fn scan(&mut self, out: &mut Output) {
        while let Some(cut) = self.scan.next_cut(&self.pending, &self.language) {
            match cut {
                Cut::Forced(at) => self.flush(at, out),
                Cut::Sentence(at) => {
                    if !self.cut(at, 0, out) {
                        self.scan.refuse();
                    }
                }
            }
        }
    }

    /// An emotion holds from its tag on, so what is worth a chunk of its own ends there.
    fn cut_before_tag(&mut self, out: &mut Output) {
        if self.scan.is_worth_a_chunk(&self.pending) {
            self.cut_all(0, out);
        }
    }

    fn pause(&mut self, ms: u32, out: &mut Output) {
        if !self.cut_all(ms, out) && self.behind != Behind::Nothing {
            out.amend("", Some(ms));
        }
    }

    fn cut_all(&mut self, pause_ms: u32, out: &mut Output) -> bool {
        self.scan.is_speakable() && self.cut(self.pending.len(), pause_ms, out)
    }

    /// Cuts at `at` if there is something to say before it. What is known to be silent is not looked at again.
    fn cut(&mut self, at: usize, pause_ms: u32, out: &mut Output) -> bool {
        let new = self.pending.get(self.silent_to..at).unwrap_or_default();
        if self.silent_to > 0 && speak(new, &[], &self.language, false).is_empty() {
            self.silent_to = at;
            return false;
        }
        let draft = self.draft(at, pause_ms);
        let speaks = !draft.spoken.is_empty();
        if speaks {
            self.emit(draft, at, out);
        } else {
            self.silent_to = at;
        }
        speaks
    }

    /// Gets rid of everything before `at`, speakable or not.
    fn flush(&mut self, at: usize, out: &mut Output) {
        let draft = self.draft(at, 0);
        if draft.spoken.is_empty() && (self.behind != Behind::Nothing || draft.text.is_empty()) {
            let tail = self.pending.get(..at).unwrap_or_default().trim_end();
            if !tail.is_empty() {
                out.amend(tail, None);
            }
            self.start_over(at);
        } else {
            self.emit(draft, at, out);
        }
    }

    fn emit(&mut self, draft: Draft, at: usize, out: &mut Output) {
        self.emphasis = false;
        self.behind = Behind::Chunk;
        self.start_over(at);
        if self.pending.chars().all(|c| c.is_whitespace() && c != '\n') {
            self.behind = Behind::End;
        }
        out.chunk(draft);
    }

    fn draft(&self, at: usize, pause_ms: u32) -> Draft {
        let head = self.pending.get(..at).unwrap_or_default();
        let text = head.trim();
        let spoken = speak(head, &self.marks, &self.language, self.begins_in_code);
        let language = match spoken.split_first() {
            Some((first, rest)) if rest.iter().all(|span| span.language == first.language) => {
                first.language.clone()
            }
            _ => self.language.clone(),
        };
        let (emotion, emphasis) = (self.emotion, self.emphasis);
        Draft { text: text.to_owned(), spoken, emotion, pause_ms, emphasis, language }
    }

    /// Forgets the text before `at` and reads what is left from its beginning.
    fn start_over(&mut self, at: usize) {
        let current = self.marks.iter().rev().find(|mark| mark.at <= at).cloned();
        self.marks.retain(|mark| mark.at > at);
        self.marks.iter_mut().for_each(|mark| mark.at -= at);
        if let Some(mark) = current.filter(|mark| mark.language.is_some()) {
            self.marks.insert(0, LanguageMark { at: 0, ..mark });
        }
        self.pending.drain(..at.min(self.pending.len()));
        self.silent_to = 0;
        self.begins_in_code = self.scan.is_in_code();
        let granularity = match self.scan.granularity() {
            Granularity::Clauses if self.behind == Behind::Nothing => Granularity::Clauses,
            Granularity::Given => Granularity::Given,
            Granularity::Clauses | Granularity::Sentences => Granularity::Sentences,
        };
        self.scan = Scan::new(granularity, self.begins_in_code, false);
    }

    fn mark(&mut self, language: Option<Language>) {
        let at = self.pending.len();
        while self.marks.last().is_some_and(|mark| mark.at >= at) {
            self.marks.pop();
        }
        self.marks.push(LanguageMark { at, language });
    }
}

/// What stands before the text that is pending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Behind {
    /// No chunk has been cut.
    Nothing,
    /// A chunk ends right here, or only spaces ago: what trails a sentence still belongs to it.
    End,
    /// A chunk that has a pause or a tag behind it, or text that goes on.
    Chunk,
}

impl Behind {
    /// Whatever trails from here on belongs to what follows.
    fn settled(self) -> Self {
        if self == Self::End { Self::Chunk } else { self }
    }
}

/// What the model said of a chunk that it cut itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) emotion: Emotion,
    pub(super) emphasis: bool,
    /// Milliseconds.
    pub(super) pause_ms: u32,
}
