//! Names a sound by everything that makes a difference to it. It never names who asked.

use std::fmt;

use icu_normalizer::ComposingNormalizerBorrowed;
use ring::digest::{Context, SHA256};

use crate::providers::{SpeechRequest, Synthesizer};

/// Part of every key: a change to how sounds are made or stored leaves the old ones unfound.
const FORMAT: &str = "parla wav 1";
const KEY_BYTES: usize = 32;

/// The hash of a sound's recipe; its text is 64 hexadecimal digits.
///
/// Digits in one case stay distinct on file systems that ignore case.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CacheKey([u8; KEY_BYTES]);

impl CacheKey {
    /// What the engine would give for the request, named before it is made.
    #[must_use]
    pub fn new(engine: &dyn Synthesizer, request: &SpeechRequest) -> Self {
        let mut recipe = Recipe(Context::new(&SHA256));
        recipe.add(FORMAT);
        recipe.add(engine.name());
        recipe.add(&engine.voice_key(request));
        recipe.add(request.emotion.name());
        recipe.add(if request.emphasis { "emphasis" } else { "" });
        for span in &request.spans {
            recipe.add(span.language.as_str());
            recipe.add(&normalised(&span.text));
        }
        // Sounds from before there were speeds are still found.
        if !request.speed.is_usual() {
            recipe.add(&request.speed.per_cent().to_string());
        }
        recipe.key()
    }

    /// Reads what `Display` writes, and nothing else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut key = [0; KEY_BYTES];
        let digits = text.as_bytes().chunks_exact(2);
        if text.len() != 2 * KEY_BYTES {
            return None;
        }
        for (byte, pair) in key.iter_mut().zip(digits) {
            *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
        }
        Some(Self(key))
    }
}

impl fmt::Display for CacheKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

impl fmt::Debug for CacheKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

/// A hash over fields, each preceded by its length so that no two lists of fields read the same.
struct Recipe(Context);

impl Recipe {
    fn add(&mut self, field: &str) {
        self.0.update(&(field.len() as u64).to_le_bytes());
        self.0.update(field.as_bytes());
    }

    fn key(self) -> CacheKey {
        let mut key = [0; KEY_BYTES];
        key.copy_from_slice(self.0.finish().as_ref());
        CacheKey(key)
    }
}

/// The same words, however they are composed and spaced.
fn normalised(text: &str) -> String {
    let composed = ComposingNormalizerBorrowed::new_nfc().normalize(text);
    composed.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        domain::{Emotion, Language, Speed, SpokenSpan},
        synthesis::fake::{FakeVoice, request},
    };

    fn key(request: &SpeechRequest) -> CacheKey {
        CacheKey::new(&FakeVoice::new("one"), request)
    }

    #[test]
    fn composition_and_spacing_make_no_difference() {
        assert_eq!(key(&request("¿Qué  tal?\n")), key(&request("¿Que\u{301} tal?")));
    }

    #[test]
    fn everything_that_can_be_heard_makes_a_difference() {
        let plain = request("Hola");
        let mut others = vec![
            SpeechRequest { emotion: Emotion::Happy, ..plain.clone() },
            SpeechRequest { emphasis: true, ..plain.clone() },
            SpeechRequest { speed: Speed::from_share(0.8), ..plain.clone() },
            SpeechRequest { voice: Some("carmen".to_owned()), ..plain.clone() },
            request("hola"),
        ];
        let mut german = plain.clone();
        german.spans[0].language = Language::parse("de").unwrap();
        others.push(german);
        let mut keys: Vec<_> = others.iter().chain([&plain]).map(key).collect();
        keys.push(CacheKey::new(&FakeVoice::new("two"), &plain));
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), 8);
    }

    #[test]
    fn a_key_is_read_only_as_it_is_written() {
        let written = key(&request("Hola")).to_string();
        assert_eq!(CacheKey::parse(&written).unwrap().to_string(), written);
        for bad in ["", "../../etc/passwd", &written.to_uppercase(), &"é".repeat(32)] {
            assert_eq!(CacheKey::parse(bad), None, "{bad}");
        }
    }

    proptest! {
        /// Cutting the same letters differently into spans is another sound.
        #[test]
        fn spans_do_not_run_into_each_other(letters in "[a-z]{2,12}", at in 1usize..11) {
            let whole = request(&letters);
            prop_assume!(at < letters.len());
            let (head, tail) = letters.split_at_checked(at).unwrap();
            let spans = [head, tail].map(|text| {
                SpokenSpan { text: text.to_owned(), language: whole.spans[0].language.clone() }
            });
            let cut = SpeechRequest { spans: spans.to_vec(), ..whole.clone() };
            prop_assert_ne!(key(&whole), key(&cut));
        }
    }
}
