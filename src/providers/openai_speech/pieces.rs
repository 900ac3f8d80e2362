//! Divides a request among the voices that its languages need. It chooses; it asks nobody.

use std::collections::BTreeMap;

use super::SpeechSettings;
use crate::{domain::Language, providers::SpeechRequest};

/// What one voice says of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) text: String,
    pub(super) voice: String,
}

/// The request by voices, in order; neighbours with one voice are said in one breath.
pub(super) fn of(settings: &SpeechSettings, request: &SpeechRequest) -> Vec<Piece> {
    let main = main_language(request);
    let mut pieces: Vec<Piece> = Vec::new();
    for span in &request.spans {
        let text = span.text.trim();
        let wish = request.voice.as_deref();
        let voice = choose(settings, &span.language, wish, span.language.primary() == main);
        match pieces.last_mut() {
            Some(piece) if piece.voice == voice => {
                piece.text.push(' ');
                piece.text.push_str(text);
            }
            _ => pieces.push(Piece { text: text.to_owned(), voice: voice.to_owned() }),
        }
    }
    pieces
}

/// A wish is for the request's main language, and for whatever has no voice of its own.
fn choose<'a>(
    settings: &'a SpeechSettings,
    language: &Language,
    wish: Option<&'a str>,
    is_main: bool,
) -> &'a str {
    let without_region = || settings.voices.get(&Language::parse(language.primary())?);
    let own = settings.voices.get(language).or_else(without_region);
    match (wish, own) {
        (Some(wish), _) if is_main => wish,
        (_, Some(own)) => own,
        (wish, None) => wish.unwrap_or(&settings.voice),
    }
}

/// The language in which most is said.
fn main_language(request: &SpeechRequest) -> &str {
    let mut lengths: BTreeMap<&str, usize> = BTreeMap::new();
    for span in &request.spans {
        *lengths.entry(span.language.primary()).or_default() += span.text.chars().count();
    }
    lengths.into_iter().max_by_key(|&(_, length)| length).map_or("", |(language, _)| language)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{Emotion, Speed, SpokenSpan},
        providers::openai_speech::{DEFAULT_SLOTS, DEFAULT_TIMEOUT},
    };

    #[test]
    fn spans_are_said_by_the_voice_of_their_language() {
        let spans = [("en", "We say"), ("en-GB", " politely:"), ("es", "¿qué?"), ("fr", "Ça va?")];
        let expected = ["alloy: We say politely:", "pablo: ¿qué?", "alloy: Ça va?"];
        assert_eq!(pieces(&spans, None), expected);
    }

    #[test]
    fn a_wish_replaces_all_but_the_voices_of_other_languages() {
        let spans = [("en", "We say politely:"), ("es", "¿qué?"), ("fr", "Ça va?")];
        let expected = ["nova: We say politely:", "pablo: ¿qué?", "nova: Ça va?"];
        assert_eq!(pieces(&spans, Some("nova")), expected);
        let spans = [("es-MX", "Muy bien, sigue así,"), ("en", "ok?")];
        assert_eq!(pieces(&spans, Some("nova")), ["nova: Muy bien, sigue así, ok?"]);
    }

    fn pieces(spans: &[(&str, &str)], voice: Option<&str>) -> Vec<String> {
        let spans = spans.iter().map(|&(language, text)| SpokenSpan {
            text: text.to_owned(),
            language: Language::parse(language).unwrap(),
        });
        let request = SpeechRequest {
            spans: spans.collect(),
            voice: voice.map(str::to_owned),
            speed: Speed::default(),
            emotion: Emotion::Neutral,
            emphasis: false,
        };
        let pieces = of(&settings(), &request).into_iter();
        pieces.map(|piece| format!("{}: {}", piece.voice, piece.text)).collect()
    }

    fn settings() -> SpeechSettings {
        SpeechSettings {
            name: "kokoro".to_owned(),
            url: "http://127.0.0.1:8880".to_owned(),
            key: None,
            model: "kokoro".to_owned(),
            voice: "alloy".to_owned(),
            voices: [(Language::parse("es").unwrap(), "pablo".to_owned())].into(),
            slots: DEFAULT_SLOTS,
            instructions: false,
            timeout: DEFAULT_TIMEOUT,
        }
    }
}
