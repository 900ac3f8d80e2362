//! Which transcripts are inventions: models of Whisper's kind write something even where nothing was said. It changes no word.

use unicode_segmentation::UnicodeSegmentation;

use super::answer::{Answer, Segment};
use crate::prompts::unsaid::Unsaid;

/// Nobody says more words in a second; what is longer is not of this sound.
const MOST_WORDS_PER_SECOND: u64 = 8;
/// Above it the model holds the sound for silence, as a share of one. This and the next are Whisper's own bounds.
const NO_SPEECH: f64 = 0.6;
/// Below it the model hardly believes itself.
const UNSURE: f64 = -1.0;
/// Below it the model is guessing, whether it holds the sound for speech or not.
const GUESSED: f64 = -1.6;
/// Whisper's own bound for text that goes round in circles.
const PACKED: f64 = 2.4;
/// A loop is at least so many words long,
const LOOP_WORDS: usize = 9;
/// and goes round so many times.
const LOOP_ROUNDS: usize = 4;
/// Loops of longer phrases are found by [`PACKED`].
const LONGEST_ROUND: usize = 6;

/// What was said, in a sound of so many milliseconds; `None` when the model has made it up.
pub(super) fn believable(answer: &Answer, sound_ms: u64, unsaid: &Unsaid) -> Option<String> {
    let text = without_remarks(&answer.text);
    let words: Vec<String> = text.unicode_words().map(str::to_lowercase).collect();
    let most = (sound_ms * MOST_WORDS_PER_SECOND).div_ceil(1000);
    let is_invented = words.is_empty()
        || words.len() as u64 > most
        || is_loop(&words)
        || unsaid.holds(&text)
        || (!answer.segments().is_empty() && answer.segments().iter().all(is_doubtful));
    (!is_invented).then_some(text)
}

fn is_doubtful(segment: &Segment) -> bool {
    let sure = segment.avg_logprob.unwrap_or(0.0);
    let is_silence = segment.no_speech_prob.is_some_and(|silence| silence > NO_SPEECH);
    let is_packed = segment.compression_ratio.is_some_and(|ratio| ratio > PACKED);
    (is_silence && sure < UNSURE) || sure < GUESSED || is_packed
}

/// Without what models put beside the words: `[Music]`, `(applause)`, notes.
fn without_remarks(text: &str) -> String {
    let mut inside = Vec::new();
    let mut said = String::new();
    for char in text.chars() {
        match (char, inside.last()) {
            ('[', _) => inside.push(']'),
            ('(', _) => inside.push(')'),
            ('（', _) => inside.push('）'),
            (char, Some(&end)) if char == end => drop(inside.pop()),
            ('♪' | '♫' | '🎵' | '🎶', None) => {}
            (char, None) => said.push(char),
            _ => {}
        }
    }
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether the same few words come again and again somewhere in it.
fn is_loop(words: &[String]) -> bool {
    (1..=LONGEST_ROUND).any(|round| {
        let mut run = 0;
        words.iter().zip(words.iter().skip(round)).any(|(word, again)| {
            run = if word == again { run + 1 } else { 0 };
            run + round >= LOOP_WORDS.max(round * LOOP_ROUNDS)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompts::Prompts;

    fn heard(json: &str, sound_ms: u64) -> Option<String> {
        let unsaid = Unsaid::load(&Prompts::embedded()).unwrap();
        believable(&serde_json::from_str(json).unwrap(), sound_ms, &unsaid)
    }

    fn text(text: &str, sound_ms: u64) -> Option<String> {
        heard(&serde_json::json!({ "text": text }).to_string(), sound_ms)
    }

    #[test]
    fn what_learners_say_is_believed() {
        for said in [
            "Thank you.",
            "No, no, no!",
            "Eh… quiero un café (por favor).",
            "bla bla bla bla",
            "我想喝咖啡",
        ] {
            assert!(text(said, 2000).is_some(), "{said}");
        }
    }

    #[test]
    fn what_models_invent_is_not() {
        let again = "I go to the ".repeat(4);
        for (said, ms) in [
            ("", 2000),
            (" [BLANK_AUDIO]", 2000),
            ("♪♪", 2000),
            ("(soft music)", 2000),
            ("Thank you for watching!", 2000),
            ("one two three four five", 500),
            (&"no ".repeat(9), 9000),
            (&again, 9000),
        ] {
            assert_eq!(text(said, ms), None, "{said}");
        }
    }

    #[test]
    fn what_the_model_itself_does_not_believe_is_dropped() {
        let segment = |sure: f64, silence: f64, packed: f64| {
            let segment = serde_json::json!({"avg_logprob": sure, "no_speech_prob": silence, "compression_ratio": packed});
            heard(&serde_json::json!({"text": "Okay", "segments": [segment]}).to_string(), 900)
        };
        assert!(segment(-0.3, 0.1, 0.6).is_some());
        assert!(segment(-1.2, 0.1, 0.6).is_some(), "an accent is no silence");
        assert!(segment(-0.3, 0.9, 0.6).is_some());
        assert_eq!(segment(-1.2, 0.7, 0.6), None);
        assert_eq!(segment(-1.7, 0.1, 0.6), None);
        assert_eq!(segment(-0.2, 0.1, 2.5), None);
    }
}
