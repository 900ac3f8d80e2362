//! Gathers the pieces of one push, neighbours of one kind merged. It decides nothing.

use super::{Draft, Piece};
use crate::domain::Correction;

/// Spaces held back at the end of the text, in bytes, at most: they show only when something follows.
const MAX_SPACES: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Output {
    pieces: Vec<Piece>,
    /// Shown since the last piece.
    text: String,
    spaces: String,
}

impl Output {
    /// Hands over what has been gathered since the last time.
    pub(super) fn take(&mut self) -> Vec<Piece> {
        self.end_text();
        std::mem::take(&mut self.pieces)
    }

    /// A character that is shown.
    pub(super) fn shown(&mut self, c: char) {
        if c.is_whitespace() && self.spaces.len() < MAX_SPACES {
            self.spaces.push(c);
        } else {
            self.release_spaces();
            self.text.push(c);
        }
    }

    /// Text that is shown.
    pub(super) fn shown_text(&mut self, text: &str) {
        let (solid, spaces) = text.split_at_checked(text.trim_end().len()).unwrap_or((text, ""));
        if !solid.is_empty() {
            self.release_spaces();
            self.text.push_str(solid);
        }
        spaces.chars().for_each(|c| self.shown(c));
    }

    pub(super) fn chunk(&mut self, draft: Draft) {
        self.piece(Piece::Chunk(draft));
    }

    pub(super) fn correction(&mut self, correction: Correction) {
        self.piece(Piece::Correction(correction));
    }

    pub(super) fn amend(&mut self, more: &str, pause: Option<u32>) {
        self.end_text();
        if let Some(Piece::Amend { tail, pause_ms }) = self.pieces.last_mut() {
            tail.push_str(more);
            *pause_ms = pause.or(*pause_ms);
            return;
        }
        self.piece(Piece::Amend { tail: more.to_owned(), pause_ms: pause });
    }

    fn piece(&mut self, piece: Piece) {
        self.end_text();
        self.pieces.push(piece);
    }

    fn end_text(&mut self) {
        if !self.text.is_empty() {
            // Copied, because the buffer has grown to its size already.
            self.pieces.push(Piece::Text(self.text.clone()));
            self.text.clear();
        }
    }

    fn release_spaces(&mut self) {
        if !self.spaces.is_empty() {
            self.text.push_str(&self.spaces);
            self.spaces.clear();
        }
    }
}
