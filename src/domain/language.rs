//! Which language is spoken and at which CEFR level. No list of supported languages: voices decide that.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

/// A BCP 47 tag reduced to what voices tell apart: `es`, `pt-BR`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Language(Arc<str>);

impl Language {
    /// Two or three letters, optionally a region of two letters; case is normalised (`ES-mx` is `es-MX`).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (primary, region) = match text.split_once(['-', '_']) {
            Some((primary, region)) => (primary, Some(region)),
            None => (text, None),
        };
        if !is_word(primary, 2..=3) || region.is_some_and(|region| !is_word(region, 2..=2)) {
            return None;
        }
        let primary = primary.to_ascii_lowercase();
        Some(Self(match region {
            Some(region) => format!("{primary}-{}", region.to_ascii_uppercase()).into(),
            None => primary.into(),
        }))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The tag without its region.
    #[must_use]
    pub fn primary(&self) -> &str {
        self.0.split('-').next().unwrap_or(&self.0)
    }
}

impl Default for Language {
    fn default() -> Self {
        Self("en".into())
    }
}

impl fmt::Display for Language {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl fmt::Debug for Language {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl TryFrom<String> for Language {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("expected a language tag such as es or pt-BR")
    }
}

/// The six levels of the Common European Framework of Reference.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
pub enum Level {
    #[default]
    A1,
    A2,
    B1,
    B2,
    C1,
    C2,
}

impl Level {
    pub const ALL: [Self; 6] = [Self::A1, Self::A2, Self::B1, Self::B2, Self::C1, Self::C2];

    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name().eq_ignore_ascii_case(name))
    }

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::A1 => "A1",
            Self::A2 => "A2",
            Self::B1 => "B1",
            Self::B2 => "B2",
            Self::C1 => "C1",
            Self::C2 => "C2",
        }
    }
}

fn is_word(text: &str, length: std::ops::RangeInclusive<usize>) -> bool {
    length.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_normalised_or_refused() {
        assert_eq!(Language::parse("ES_mx").unwrap().as_str(), "es-MX");
        assert_eq!(Language::parse("pt-BR").unwrap().primary(), "pt");
        for bad in ["", "e", "engl", "es-", "es-419x", "12", "é!"] {
            assert!(Language::parse(bad).is_none(), "{bad}");
        }
    }
}
