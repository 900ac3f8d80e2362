//! Whether a model writes fast enough to be listened to. It measures nothing itself.

use std::time::Duration;

use crate::domain::Notice;

/// People are spoken to at about 2.5 words a second. That is 4 tokens in most languages of a tokenizer made for
/// English, and tags and corrections, which nobody hears, are tokens as well. Below that the voice runs out of text.
const SPEAKING_PACE: f64 = 5.0;
/// Of fewer tokens the pace says little.
const LEAST_TOKENS: u64 = 16;

/// What to tell when `tokens` took so long that listeners hear gaps.
#[must_use]
pub fn notice(model: &str, tokens: u64, elapsed: Duration) -> Option<Notice> {
    let pace = tokens as f64 / elapsed.as_secs_f64();
    let is_slow = tokens >= LEAST_TOKENS && pace < SPEAKING_PACE;
    is_slow.then(|| {
        let text = format!(
            "{model} writes {pace:.1} tokens a second and speech needs about {SPEAKING_PACE:.0}, so there are gaps; \
             a smaller model keeps up, such as llama3.2:1b"
        );
        Notice::new("model_slow", text)
    })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_model_slower_than_speech_is_told_of_with_its_pace() {
        let told = |tokens, seconds| {
            notice("big:70b", tokens, Duration::from_secs(seconds)).map(|notice| notice.text)
        };
        expect!["big:70b writes 2.0 tokens a second and speech needs about 5, so there are gaps; a smaller model keeps up, such as llama3.2:1b"]
            .assert_eq(&told(40, 20).unwrap());
        assert_eq!(told(100, 20), None, "just fast enough");
        assert_eq!(told(15, 20), None, "too few tokens to tell");
        assert_eq!(told(100, 0), None, "no time at all");
    }
}
