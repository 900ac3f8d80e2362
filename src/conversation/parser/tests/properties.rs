//! What holds for every text and every way to split it.

use proptest::{collection::vec, prelude::*, sample::select};

use super::{Outcome, outcome};

/// Pieces of text that are awkward next to each other.
#[rustfmt::skip]
const FRAGMENTS: &[&str] = &[
    "Hello", "gato ", " ", "\n", "\n\n", ". ", ".", "...", "…", "!", "? ", "?!", ", ", ": ", "; ", " — ",
    "\"", "“", "”", "«", "»", "(", ")", ":)", "'", "「", "」", "。", "、", "！", "？", "؟ ", "।", "[happy]",
    "[SAD] ", "［calm］", "【proud】", "[furious]", "[laughs softly]", "[pause:400]", "[pause:NaN",
    "[emphasis] ", "[happy ", "[fix: a -> b | c]", "[fix: I goed → I went", "]", "[", "<es>", "</es>",
    "<pt-BR>", "<think>", "</think>", "<b>", "<", ">", "<|im_end|>", "[text](http://a.b/c)", "[1]",
    "[12:30]", "`", "```", "```\n", "**", "*", "_", "# ", "- ", "1. ", "| ", "https://a.b/c?d=e. ",
    "me@x.org ", "3.14", "1,000 ", "p.m. ", "Mr. ", "z.B. ", "J. R. ", "U.S.A. ", "well", "and", "😊",
    "👨‍👩‍👧", "🇪🇸", "1️⃣", "é", "e\u{301}", "\u{202e}", "สวัสดี", " ครับ", "مرحبا ", "नमस्ते ", "你好",
    "*smiles*", "(laughs)", "a long enough sentence to be cut here",
    "averyveryverylongwordwithoutanyspaceinit", "![", "![a cat](c.png)", "[gato](",
    "cat)", " :D ", ";-)", "xD", "\t", "\r\n", "\u{feff}", "{", "}", "\\",
];

#[rustfmt::skip]
const TAGS: &[&str] = &[
    "[happy]", "[sad]", "[calm]", "[proud]", "[furious]", "[pause:", "[emphasis]", "[fix:", "<es>", "</es>",
    "<think>", "<|im_end|>", "goed",
];

fn nasty() -> impl Strategy<Value = String> {
    vec(select(FRAGMENTS), 0..60).prop_map(|parts| parts.concat())
}

fn json() -> impl Strategy<Value = String> {
    let chunk = (nasty(), select(vec!["happy", "sad", "furious", ""]), any::<i32>(), any::<bool>());
    (vec(chunk, 0..5), 0usize..400, select(vec!["", "```json\n", "<think>hm</think>\n"])).prop_map(
        |(chunks, lost, before)| {
            let chunks: Vec<_> = chunks
                .into_iter()
                .map(|(text, emotion, pause, emphasis)| {
                    serde_json::json!({"text": text, "emotion": emotion, "pause": pause, "emphasis": emphasis})
                })
                .collect();
            let fix = serde_json::json!({"original": "I goed", "suggestion": "I went"});
            let whole = serde_json::json!({"chunks": chunks, "corrections": [fix]}).to_string();
            // Every second answer breaks off somewhere.
            let kept = whole.chars().count().saturating_sub(lost.saturating_sub(200));
            before.to_owned() + &whole.chars().take(kept).collect::<String>()
        },
    )
}

/// `text` in the pieces that `lengths`, in characters, describe.
fn split(text: &str, lengths: &[usize]) -> Vec<String> {
    let mut chars = text.chars().peekable();
    let mut parts = Vec::new();
    let mut lengths = lengths.iter().cycle();
    while chars.peek().is_some() {
        let length = lengths.next().copied().unwrap_or(1);
        parts.push(chars.by_ref().take(length).collect());
    }
    parts
}

fn assert_split_is_irrelevant(text: &str, lengths: &[usize]) {
    for tag in ["en", "de"] {
        let whole = outcome(tag, [text]);
        let parts = split(text, lengths);
        assert_eq!(outcome(tag, parts.iter().map(String::as_str)), whole);
        let each = split(text, &[1]);
        assert_eq!(outcome(tag, each.iter().map(String::as_str)), whole);
        assert_sound(&whole);
    }
}

/// What must hold of every outcome.
fn assert_sound(outcome: &Outcome) {
    let Outcome { text, chunks, .. } = outcome;
    let squeeze = |text: &str| text.split_whitespace().collect::<String>();
    let joined: String = chunks.iter().map(|chunk| squeeze(&chunk.text)).collect();
    assert_eq!(joined, squeeze(text), "the chunks are the shown text");
    for (index, chunk) in chunks.iter().enumerate() {
        assert!(!chunk.spoken.is_empty() || index == 0, "silent: {chunk:?}");
        assert!(chunk.pause_ms <= 5000);
        // Markdown inside a word is the one thing that may be missing from a word that is said.
        let plain = |text: &str| text.replace(['*', '_', '`', '~'], "");
        let shown = plain(&chunk.text);
        let mut ahead = shown.as_str();
        for span in &chunk.spoken {
            assert!(span.text.contains(char::is_alphanumeric));
            for word in span.text.split_whitespace() {
                let found = ahead.split_once(&plain(word));
                ahead = found.unwrap_or_else(|| panic!("{word:?} of {chunk:?}")).1;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn any_split_of_nasty_text_gives_the_same_outcome(text in nasty(), lengths in vec(1usize..9, 1..20)) {
        assert_split_is_irrelevant(&text, &lengths);
    }

    #[test]
    fn any_split_of_any_text_gives_the_same_outcome(text in ".{0,300}", lengths in vec(1usize..9, 1..20)) {
        assert_split_is_irrelevant(&text, &lengths);
    }

    #[test]
    fn any_split_of_json_gives_the_same_outcome(text in json(), lengths in vec(1usize..9, 1..20)) {
        assert_split_is_irrelevant(&text, &lengths);
    }

    #[test]
    fn no_tag_is_shown_or_spoken(parts in vec(prop_oneof![
        select(vec!["[happy]", "[sad] ", " [calm]", "[proud]", "[furious]", "[pause:300]", "[emphasis]",
            "[fix: I goed -> I went]", "<es>", "</es>", "<think>hm [sad] </think>", "<|im_end|>"]),
        select(vec!["Hello ", "my friend. ", "Yes! ", "`code ", "\"Well,\" ", "😊", "\n", "```\n", "(no) "]),
    ], 0..80)) {
        let outcome = outcome("en", [parts.concat().as_str()]);
        let mut seen = outcome.text;
        for chunk in outcome.chunks {
            seen.push_str(&chunk.text);
            chunk.spoken.iter().for_each(|span| seen.push_str(&span.text));
        }
        for tag in TAGS {
            prop_assert!(!seen.contains(tag), "{tag} in {seen}");
        }
    }
}
