//! Takes an engine's answer whole and refuses what cannot be its speech. It never passes on part of an answer.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;

use crate::{
    domain::{AudioFrame, WordTime},
    providers::{ProviderError, SpeechPart, SpeechRequest, Synthesizer, Urgency},
};

/// The most sound that one chunk may have, in bytes.
const MAX_BYTES: usize = 32 << 20;
/// Slow speech stays far below a second a character; "1000000" and the like get a head start.
const MAX_MS_PER_CHARACTER: u64 = 1000;
const HEAD_START_MS: u64 = 30_000;

/// All of a request's speech.
#[derive(Debug)]
pub(super) struct Sound {
    pub(super) frame: AudioFrame,
    pub(super) words: Vec<WordTime>,
}

/// Asks the engine once.
///
/// # Errors
/// What the engine says, or that its answer is unusable.
pub(super) async fn attempt(
    engine: &dyn Synthesizer,
    request: &Arc<SpeechRequest>,
    urgency: Urgency,
) -> Result<Sound, ProviderError> {
    let unusable = |reason: &str| ProviderError::Broken {
        provider: engine.name().to_owned(),
        reason: reason.to_owned(),
    };
    let mut take = Take::default();
    let mut parts = engine.speak(request.clone(), urgency);
    while let Some(part) = parts.next().await {
        take.add(part?).map_err(unusable)?;
    }
    take.finish(longest_ms(request)).map_err(unusable)
}

/// Most engines give one frame, which is not copied.
fn joined(mut frames: Vec<Bytes>) -> Bytes {
    match frames.len() {
        1 => frames.remove(0),
        _ => frames.concat().into(),
    }
}

/// What has come so far; every error is the reason why it cannot be used.
#[derive(Default)]
struct Take {
    sample_rate: Option<u32>,
    frames: Vec<Bytes>,
    bytes: usize,
    words: Vec<WordTime>,
}

impl Take {
    fn add(&mut self, part: SpeechPart) -> Result<(), &'static str> {
        match part {
            SpeechPart::Words(words) => self.words = words,
            SpeechPart::Audio(frame) => {
                if *self.sample_rate.get_or_insert(frame.sample_rate) != frame.sample_rate {
                    return Err("the sample rate changes in the middle");
                }
                self.bytes += frame.pcm.len();
                if self.bytes > MAX_BYTES {
                    return Err("more sound than any chunk has");
                }
                self.frames.push(frame.pcm);
            }
        }
        Ok(())
    }

    fn finish(self, longest_ms: u64) -> Result<Sound, &'static str> {
        let sample_rate = self.sample_rate.filter(|rate| *rate > 0).ok_or("no sample rate")?;
        if self.bytes == 0 {
            return Err("no samples");
        }
        if !self.bytes.is_multiple_of(2) {
            return Err("half a sample at the end");
        }
        let frame = AudioFrame { sample_rate, pcm: joined(self.frames) };
        let duration_ms = frame.duration_ms();
        if duration_ms > longest_ms {
            return Err("far more sound than text");
        }
        // The duration is rounded down, a word's end may be rounded up.
        if !are_in_order(&self.words, duration_ms + 1) {
            return Err("word times out of order or outside the sound");
        }
        Ok(Sound { frame, words: self.words })
    }
}

fn longest_ms(request: &SpeechRequest) -> u64 {
    let characters: usize = request.spans.iter().map(|span| span.text.chars().count()).sum();
    HEAD_START_MS + characters as u64 * MAX_MS_PER_CHARACTER
}

fn are_in_order(words: &[WordTime], duration_ms: u64) -> bool {
    words.is_sorted_by_key(|word| word.start_ms)
        && words
            .iter()
            .all(|word| word.start_ms <= word.end_ms && u64::from(word.end_ms) <= duration_ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthesis::fake::{FakeVoice, audio, request, word};

    async fn outcome(parts: Vec<SpeechPart>) -> String {
        let voice = FakeVoice::new("one").says("Hola", parts.into_iter().map(Ok).collect());
        match attempt(&voice, &Arc::new(request("Hola")), Urgency::Now).await {
            Ok(sound) => format!("{} ms, {} words", sound.frame.duration_ms(), sound.words.len()),
            Err(error) => error.to_string(),
        }
    }

    #[tokio::test]
    async fn frames_are_joined_and_words_kept() {
        let words = SpeechPart::Words(vec![word("Ho", 0, 20), word("la", 20, 50)]);
        let parts = vec![audio(24_000, 20), audio(24_000, 30), words];
        assert_eq!(outcome(parts).await, "50 ms, 2 words");
    }

    #[tokio::test]
    async fn what_cannot_be_speech_is_refused() {
        let odd = AudioFrame { sample_rate: 24_000, pcm: vec![0; 3].into() };
        let words = |words: Vec<WordTime>| vec![audio(24_000, 50), SpeechPart::Words(words)];
        let cases = [
            (vec![], "no sample rate"),
            (vec![audio(0, 0)], "no sample rate"),
            (vec![audio(24_000, 0)], "no samples"),
            (vec![SpeechPart::Audio(odd)], "half a sample at the end"),
            (vec![audio(24_000, 5), audio(8_000, 5)], "the sample rate changes in the middle"),
            (vec![audio(8_000, 34_001)], "far more sound than text"),
            (vec![audio(48_000, 360_000)], "more sound than any chunk has"),
            (words(vec![word("a", 20, 30), word("b", 10, 40)]), "word times out of order"),
            (words(vec![word("a", 20, 10)]), "word times out of order"),
            (words(vec![word("a", 20, 52)]), "word times out of order"),
        ];
        for (parts, reason) in cases {
            let outcome = outcome(parts).await;
            assert!(outcome.contains(reason), "expected {reason:?} in {outcome:?}");
        }
    }

    #[tokio::test]
    async fn an_endless_answer_is_given_up_at_the_cap() {
        let endless = FakeVoice::new("one").endless();
        let error = attempt(&endless, &Arc::new(request("Hola")), Urgency::Now).await.unwrap_err();
        assert!(error.to_string().contains("more sound than any chunk has"));
    }
}
