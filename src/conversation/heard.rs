//! The part of an answer that was heard, for the model's memory. It changes nothing that is stored or shown.

use std::sync::Arc;

use crate::domain::{Chunk, ChunkAudio, SpeechState};

/// The beginning of `text` up to the last word that was over: so many whole chunks, and of the next one the words of so
/// many milliseconds.
#[must_use]
pub fn heard_text(text: &str, chunks: &[Arc<Chunk>], (whole, ms): (usize, u64)) -> String {
    let mut reader = Reader { text, end: 0 };
    for chunk in chunks.iter().take(whole) {
        reader.read(&chunk.text);
    }
    if let Some(chunk) = chunks.get(whole)
        && let SpeechState::Ready(audio) = &chunk.speech
    {
        for word in words_over(chunk, audio, ms) {
            reader.read(word);
        }
    }
    text.get(..reader.end).unwrap_or_default().to_owned()
}

/// Words in their order, found again in the whole text.
struct Reader<'a> {
    text: &'a str,
    end: usize,
}

impl Reader<'_> {
    fn read(&mut self, part: &str) {
        let rest = self.text.get(self.end..).unwrap_or_default();
        if let Some(start) = rest.find(part) {
            self.end += start + part.len();
        }
    }
}

/// By the voice's own times; where it tells none, in proportion to the words.
fn words_over<'a>(chunk: &'a Chunk, audio: &'a ChunkAudio, ms: u64) -> Vec<&'a str> {
    if !audio.words.is_empty() {
        let over = audio.words.iter().take_while(|word| u64::from(word.end_ms) <= ms);
        return over.map(|word| word.text.as_str()).collect();
    }
    let words: Vec<&str> = chunk.text.split_whitespace().collect();
    let share = (words.len() as u64).saturating_mul(ms) / u64::from(audio.duration_ms.max(1));
    words.into_iter().take(usize::try_from(share).unwrap_or(usize::MAX)).collect()
}
