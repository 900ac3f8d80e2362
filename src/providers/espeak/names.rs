//! Which of eSpeak's voices speaks a language, and which voice a learner's wish means. Pure look-ups.

use super::wire::{Catalogue, InstalledVoice};
use crate::domain::{Language, Voice};

impl Catalogue {
    /// The file of the voice for a span in `language`; `None` when nothing speaks that language.
    ///
    /// The wish is a voice (`en-gb`), a speaker for any voice (`f3`) or both (`en-gb+f3`). In a span of another
    /// language only the speaker of the wish can be kept; a wish for what is not there is passed over.
    pub(super) fn choose(&self, language: &Language, wish: Option<&str>) -> Option<String> {
        let (base, speaker) = self.parse_wish(wish.unwrap_or_default());
        let file = match base {
            Some(voice) if primary(&voice.tag) == primary(tag(language.as_str())) => &voice.file,
            _ => &self.voice_for(language)?.file,
        };
        Some(match speaker {
            Some(speaker) => format!("{file}+{speaker}"),
            None => file.clone(),
        })
    }

    /// Every voice and every speaker, as people can ask for them.
    pub(super) fn offered(&self, engine: &str) -> Vec<Voice> {
        let voices = self.voices.iter().map(|voice| Voice {
            id: voice.tag.clone(),
            name: voice.name.clone(),
            language: language_of(&voice.tag),
            engine: engine.to_owned(),
        });
        let speakers = self.variants.iter().map(|variant| Voice {
            id: variant.clone(),
            name: variant.clone(),
            language: None,
            engine: engine.to_owned(),
        });
        voices.chain(speakers).collect()
    }

    fn parse_wish(&self, wish: &str) -> (Option<&InstalledVoice>, Option<&str>) {
        match wish.split_once('+') {
            Some((base, speaker)) => (self.voice(base), self.variant(speaker)),
            None => (self.voice(wish), self.variant(wish)),
        }
    }

    /// The voice of the very tag, else the usual one of the language, else any of it.
    fn voice_for(&self, language: &Language) -> Option<&InstalledVoice> {
        let usual = tag(language.primary());
        self.voice(tag(language.as_str()))
            .or_else(|| self.voice(usual))
            .or_else(|| self.voices.iter().find(|voice| primary(&voice.tag) == usual))
    }

    fn voice(&self, tag: &str) -> Option<&InstalledVoice> {
        self.voices.iter().find(|voice| voice.tag.eq_ignore_ascii_case(tag))
    }

    fn variant(&self, name: &str) -> Option<&str> {
        self.variants.iter().find(|variant| variant.eq_ignore_ascii_case(name)).map(String::as_str)
    }
}

/// eSpeak's own tag where it is not simply the language's.
fn tag(language: &str) -> &str {
    match language {
        "en" => "en-us",
        "fr" => "fr-fr",
        "pt-PT" => "pt",
        "zh" | "zh-CN" | "zh-SG" | "zh-TW" => "cmn",
        "zh-HK" | "zh-MO" => "yue",
        "no" | "nn" => "nb",
        "es-ES" => "es",
        other if other.starts_with("es-") => "es-419",
        other => other,
    }
}

fn language_of(tag: &str) -> Option<Language> {
    match primary(tag) {
        "cmn" => Language::parse("zh"),
        primary => Language::parse(tag).or_else(|| Language::parse(primary)),
    }
}

fn primary(tag: &str) -> &str {
    tag.split('-').next().unwrap_or(tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_finds_its_nearest_voice() {
        let cases = [
            ("en", Some("gmw/en-US")),
            ("en-GB", Some("gmw/en")),
            ("en-ZA", Some("gmw/en-US")),
            ("es-MX", Some("roa/es-419")),
            ("es-ES", Some("roa/es")),
            ("pt-BR", Some("roa/pt-BR")),
            ("fr-CA", Some("roa/fr")),
            ("zh", Some("sit/cmn")),
            ("tlh", None),
        ];
        for (language, file) in cases {
            assert_eq!(choose(language, None).as_deref(), file, "{language}");
        }
    }

    #[test]
    fn a_wish_is_followed_as_far_as_it_can_be() {
        let cases = [
            ("en", "en-gb", "gmw/en"),
            ("en", "EN-GB+F3", "gmw/en+f3"),
            ("es", "en-gb+f3", "roa/es+f3"),
            ("es", "f3", "roa/es+f3"),
            ("es", "alloy", "roa/es"),
            ("en", "en-gb+../../secret", "gmw/en"),
        ];
        for (language, wish, file) in cases {
            assert_eq!(choose(language, Some(wish)).as_deref(), Some(file), "{wish}");
        }
    }

    #[test]
    fn speakers_are_offered_for_every_language() {
        let offered = catalogue().offered("espeak");
        let f3 = offered.iter().find(|voice| voice.id == "f3").unwrap();
        assert_eq!(f3.language, None);
        let chinese = offered.iter().find(|voice| voice.id == "cmn").unwrap();
        assert_eq!(chinese.language, Language::parse("zh"));
    }

    fn choose(language: &str, wish: Option<&str>) -> Option<String> {
        catalogue().choose(&Language::parse(language).unwrap(), wish)
    }

    fn catalogue() -> Catalogue {
        let voices = [
            ("cmn", "sit/cmn"),
            ("en-gb", "gmw/en"),
            ("en-us", "gmw/en-US"),
            ("es", "roa/es"),
            ("es-419", "roa/es-419"),
            ("fr-fr", "roa/fr"),
            ("pt", "roa/pt"),
            ("pt-br", "roa/pt-BR"),
        ];
        let voices = voices.map(|(tag, file)| InstalledVoice {
            tag: tag.to_owned(),
            name: tag.to_owned(),
            file: file.to_owned(),
        });
        Catalogue {
            voices: voices.into(),
            variants: vec!["f3".to_owned()],
            version: "1".to_owned(),
        }
    }
}
