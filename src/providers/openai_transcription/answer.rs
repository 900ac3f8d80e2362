//! What servers answer to a transcription, in all its usual shapes. It believes them; doubting is another matter.

use serde::Deserialize;

use crate::domain::{Confidence, HeardWord};

/// OpenAI's `json` and `verbose_json`; whisper.cpp puts words into segments, others leave out what they do not know.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
pub(super) struct Answer {
    pub(super) text: String,
    words: Option<Vec<Word>>,
    segments: Option<Vec<Segment>>,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
pub(super) struct Segment {
    /// The mean logarithm of what each piece of a word was held for.
    pub(super) avg_logprob: Option<f64>,
    pub(super) no_speech_prob: Option<f64>,
    /// How much shorter its text becomes when it is packed; what repeats itself packs well.
    pub(super) compression_ratio: Option<f64>,
    words: Option<Vec<Word>>,
}

/// Times are in seconds.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
struct Word {
    #[serde(alias = "text")]
    word: String,
    start: f64,
    end: f64,
    probability: Option<f64>,
}

impl Answer {
    pub(super) fn segments(&self) -> &[Segment] {
        self.segments.as_deref().unwrap_or_default()
    }

    /// The mean over what was said of how sure the server is.
    pub(super) fn confidence(&self) -> Option<Confidence> {
        let sure: Vec<f64> =
            self.segments().iter().filter_map(|segment| segment.avg_logprob).collect();
        let mean = sure.iter().sum::<f64>() / sure.len() as f64;
        (!sure.is_empty()).then(|| Confidence::from_share(mean.exp()))
    }

    /// The words of an utterance that begins at `start_ms`.
    pub(super) fn heard_words(&self, start_ms: u64) -> Vec<HeardWord> {
        let of_segments = self.segments().iter().flat_map(|segment| segment.words.iter().flatten());
        let words: Vec<&Word> = match self.words.as_deref() {
            Some(words) if !words.is_empty() => words.iter().collect(),
            _ => of_segments.collect(),
        };
        words.into_iter().filter_map(|word| word.heard(start_ms)).collect()
    }
}

impl Word {
    fn heard(&self, start_ms: u64) -> Option<HeardWord> {
        let text = self.word.trim();
        let confidence = self.probability.map(Confidence::from_share);
        let start = start_ms + ms(self.start);
        let end_ms = (start_ms + ms(self.end)).max(start);
        (!text.is_empty()).then(|| HeardWord {
            text: text.to_owned(),
            start_ms: start,
            end_ms,
            confidence,
        })
    }
}

/// Nothing is heard before the beginning, nor a day later.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to a day just before"
)]
fn ms(seconds: f64) -> u64 {
    (seconds * 1000.0).round().clamp(0.0, 86_400_000.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(json: &str) -> Answer {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn words_stand_beside_the_segments_or_in_them() {
        for json in [
            r#"{"text":"Hola","words":[{"word":"Hola","start":0.1,"end":0.5,"probability":0.9}],"segments":null}"#,
            r#"{"text":"Hola","segments":[{"words":[{"word":" Hola","start":0.1,"end":0.5,"probability":0.9}]}]}"#,
        ] {
            let confidence = Some(Confidence::from_share(0.9));
            let word = HeardWord { text: "Hola".into(), start_ms: 800, end_ms: 1200, confidence };
            assert_eq!(answer(json).heard_words(700), [word], "{json}");
        }
        assert_eq!(answer(r#"{"text":"Hola","usage":{}}"#).heard_words(0), []);
    }

    #[test]
    fn odd_times_are_brought_into_order() {
        let json = r#"{"text":"a","words":[{"word":"a","start":-3,"end":-9},{"word":"b","start":1e300,"end":0}]}"#;
        let words = answer(json).heard_words(10);
        let times: Vec<_> = words.iter().map(|word| (word.start_ms, word.end_ms)).collect();
        assert_eq!(times, [(10, 10), (86_400_010, 86_400_010)]);
    }

    #[test]
    fn a_confidence_is_the_mean_of_what_is_told() {
        let json = r#"{"text":"a","segments":[{"avg_logprob":-0.1},{"avg_logprob":-0.3},{}]}"#;
        assert_eq!(answer(json).confidence(), Some(Confidence::from_share(0.819)));
        assert_eq!(answer(r#"{"text":"a"}"#).confidence(), None);
    }
}
