//! What is told of the client's sound, and when it is over: perceptions to Deepgram's frames. It has no clock but the
//! sound itself, and does no I/O.

#[cfg(test)]
mod tests;

use serde_json::Value;

use super::{
    frames::{self, Author},
    wanted::Wanted,
};
use crate::{domain::Transcript, recognition::Perception};

/// A voice is told of a little after it has begun, in milliseconds.
const LATE_MS: u64 = 100;
/// The last word may end so much before its voice does, in milliseconds: where both end is an estimate.
const ROUGHLY_MS: u64 = 500;

/// One client's sound; all places are milliseconds of it.
#[derive(Debug)]
pub(super) struct Relay {
    wanted: Wanted,
    author: Author,
    /// How much has come.
    heard_ms: u64,
    /// Results up to there have been final.
    finalized_ms: u64,
    /// Words up to there have been final.
    covered_ms: u64,
    last_word_ms: u64,
    /// Where the last voice ended; `None` while one sounds.
    silent_since: Option<u64>,
    speech_end: Ending,
    utterance_end: Ending,
    /// `Finalize` that are still to be answered.
    finalizing: u32,
    is_closing: bool,
    /// The newest final words, while the last ones are to be marked.
    held: Option<Transcript>,
}

/// One of the two ways in which silence is told of.
#[derive(Debug, Default)]
struct Ending {
    /// The silence has been long enough; where it began. It is told once the words before it are final.
    due: Option<u64>,
    /// There are words of which it has not been told.
    has_words: bool,
}

impl Ending {
    /// Whether it is to be told now.
    fn take(&mut self, covered_ms: u64) -> bool {
        if self.due.is_none_or(|end_ms| covered_ms + ROUGHLY_MS < end_ms) {
            return false;
        }
        self.due = None;
        std::mem::take(&mut self.has_words)
    }
}

impl Relay {
    pub(super) fn new(wanted: Wanted, author: Author) -> Self {
        Self {
            wanted,
            author,
            heard_ms: 0,
            finalized_ms: 0,
            covered_ms: 0,
            last_word_ms: 0,
            silent_since: None,
            speech_end: Ending::default(),
            utterance_end: Ending::default(),
            finalizing: 0,
            is_closing: false,
            held: None,
        }
    }

    /// So much sound has come by now.
    pub(super) fn advance(&mut self, heard_ms: u64) -> Vec<Value> {
        self.heard_ms = heard_ms;
        if let Some(since) = self.silent_since {
            let certainly_silent_until = heard_ms.saturating_sub(LATE_MS);
            self.notice(since, certainly_silent_until);
        }
        self.endings()
    }

    pub(super) fn perceive(&mut self, perception: Perception) -> Vec<Value> {
        match perception {
            Perception::VoiceOn { at_ms } => self.voice_on(at_ms),
            Perception::VoiceOff { at_ms } => {
                self.silent_since = Some(at_ms);
                Vec::new()
            }
            Perception::Transcript(transcript) if transcript.is_final => self.finals(transcript),
            Perception::Transcript(transcript) => self.interim(&transcript),
            Perception::Flushed => self.finalized(),
            Perception::Failed(_) => {
                let description = "no service of transcription works at the moment";
                vec![frames::error("hearing_failed", description)]
            }
            Perception::EndHint | Perception::Reconnecting | Perception::Quiet { .. } => Vec::new(),
        }
    }

    /// The client wants all words so far; the next [`Perception::Flushed`] answers it.
    pub(super) fn finalize(&mut self) {
        self.finalizing += 1;
    }

    /// No more sound will come.
    pub(super) fn close(&mut self) {
        self.is_closing = true;
    }

    /// Nothing more will be perceived.
    pub(super) fn end(&mut self, created: &str, sha256: &str) -> Vec<Value> {
        let last = self.held.take().map(|words| self.result(&words, true, false));
        let metadata = self.author.metadata(self.heard_ms, created, sha256);
        last.into_iter().chain([metadata]).collect()
    }

    fn voice_on(&mut self, at_ms: u64) -> Vec<Value> {
        if let Some(since) = self.silent_since.take() {
            self.notice(since, at_ms);
        }
        let mut told = self.endings();
        if self.wanted.vad_events {
            told.push(frames::speech_started(at_ms));
        }
        told
    }

    /// It was silent from there to there.
    fn notice(&mut self, since: u64, until: u64) {
        let silence = until.saturating_sub(since);
        let is_long = |wanted: Option<u64>| wanted.is_some_and(|wanted| silence >= wanted);
        if is_long(self.wanted.endpointing_ms) {
            self.speech_end.due = Some(since);
        }
        if is_long(self.wanted.utterance_end_ms) {
            self.utterance_end.due = Some(since);
        }
    }

    /// What silence makes known by itself: the words before it have been told already.
    fn endings(&mut self) -> Vec<Value> {
        let mut told = Vec::new();
        if self.held.is_none() && self.speech_end.take(self.covered_ms) {
            told.push(self.result(&Transcript::default(), true, false));
        }
        if self.held.is_none() && self.utterance_end.take(self.covered_ms) {
            told.push(frames::utterance_end(self.last_word_ms));
        }
        told
    }

    fn interim(&mut self, words: &Transcript) -> Vec<Value> {
        if !self.wanted.interim_results {
            return Vec::new();
        }
        let result = frames::Result {
            start_ms: self.finalized_ms,
            end_ms: self.end_of(words),
            ..frames::Result::default()
        };
        vec![self.author.result(result, words)]
    }

    fn finals(&mut self, words: Transcript) -> Vec<Value> {
        let last_word = words.words.last().map(|word| word.end_ms);
        let end = last_word.or(self.silent_since).unwrap_or(self.heard_ms);
        self.covered_ms = self.covered_ms.max(end);
        if !words.text.trim().is_empty() {
            self.last_word_ms = self.covered_ms;
            self.speech_end.has_words = true;
            self.utterance_end.has_words = true;
        }
        let words = if self.finalizing > 0 || self.is_closing {
            self.held.replace(words)
        } else {
            Some(words)
        };
        let told = words.map(|words| {
            let speech_final = self.held.is_none() && self.speech_end.take(self.covered_ms);
            self.result(&words, speech_final, false)
        });
        told.into_iter().chain(self.endings()).collect()
    }

    fn finalized(&mut self) -> Vec<Value> {
        self.finalizing = self.finalizing.saturating_sub(1);
        let words = self.held.take().unwrap_or_default();
        let speech_final = self.speech_end.take(self.covered_ms);
        let told = self.result(&words, speech_final, true);
        [told].into_iter().chain(self.endings()).collect()
    }

    fn result(&mut self, words: &Transcript, speech_final: bool, from_finalize: bool) -> Value {
        let (start_ms, end_ms) = (self.finalized_ms, self.end_of(words));
        self.finalized_ms = end_ms;
        let result =
            frames::Result { start_ms, end_ms, is_final: true, speech_final, from_finalize };
        self.author.result(result, words)
    }

    /// Results stand one behind the other, without gaps.
    fn end_of(&self, words: &Transcript) -> u64 {
        let last_word = words.words.last().map(|word| word.end_ms);
        last_word.unwrap_or(self.heard_ms).max(self.finalized_ms)
    }
}
