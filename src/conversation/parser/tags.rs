//! The vocabulary of tags that a model may write between brackets. It reads whole tags; finding them is the lexer's.

use crate::domain::{Correction, Emotion, Language};

/// Longest silence that a model can ask for, in milliseconds.
pub(super) const MAX_PAUSE_MS: u32 = 5000;

/// What the model's text is made of once tags are told from characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// Shown.
    Char(char),
    Emotion(Emotion),
    /// Milliseconds.
    Pause(u32),
    Emphasis,
    /// Boxed, because nearly every token is a character.
    Correction(Box<Correction>),
    /// What follows is in that language; `None`: in the conversation's own again.
    Language(Option<Language>),
}

/// What stands between square brackets.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Bracketed {
    /// A tag of ours; `None` when it says nothing, such as a correction without an arrow.
    Tag(Option<Token>),
    /// A few words that can only be a tag of the model's own invention.
    Invented,
    /// Text that is meant to be read.
    Text,
}

/// Tells what `content` is, in any case and with spaces around.
pub(super) fn bracketed(content: &str) -> Bracketed {
    let content = content.trim();
    if let Some((token, _)) = leading_tag(content) {
        return Bracketed::Tag(token);
    }
    let words = content.trim_start_matches('/').split_whitespace().count();
    if (1..=3).contains(&words) { Bracketed::Invented } else { Bracketed::Text }
}

/// The known tag that `content` begins with, and what is left behind it: a model may forget the closing bracket.
pub(super) fn leading_tag(content: &str) -> Option<(Option<Token>, &str)> {
    let content = content.trim_start();
    let end = content.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(content.len());
    let (name, rest) = content.split_at_checked(end).filter(|(name, _)| !name.is_empty())?;
    if let Some(emotion) = Emotion::parse(name) {
        return Some((Some(Token::Emotion(emotion)), rest));
    }
    match name.to_ascii_lowercase().as_str() {
        "emphasis" => Some((Some(Token::Emphasis), rest)),
        "pause" => {
            let (pause, rest) = pause(rest);
            Some((Some(Token::Pause(pause)), rest))
        }
        "fix" => {
            Some((correction(after_colon(rest)?).map(|it| Token::Correction(Box::new(it))), ""))
        }
        _ => None,
    }
}

/// Whether a text that ends here may have ended in the middle of a tag's name.
pub(super) fn is_beginning_of_tag(content: &str) -> bool {
    let begun = content.trim_start().to_ascii_lowercase();
    let emotions = Emotion::ALL.iter().map(|emotion| emotion.name());
    emotions.chain(["emphasis", "pause", "fix"]).any(|name| name.starts_with(&begun))
}

/// `:400`, `: 400ms`, `:1.5s`; what is no number, or below zero, is no pause.
fn pause(rest: &str) -> (u32, &str) {
    let value = after_colon(rest).unwrap_or(rest).trim_start();
    let end = value.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(value.len());
    let (number, behind) = value.split_at_checked(end).unwrap_or((value, ""));
    let unit = behind.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(behind.len());
    let (unit, behind) = behind.split_at_checked(unit).unwrap_or((behind, ""));
    let scale = if unit.eq_ignore_ascii_case("s") { 1000.0 } else { 1.0 };
    (clamp_pause(number.parse::<f64>().unwrap_or(0.0) * scale), behind)
}

/// Milliseconds from any number, however absurd.
pub(super) fn clamp_pause(ms: f64) -> u32 {
    // A float becomes an integer by saturation, and NaN becomes zero.
    (ms as u32).min(MAX_PAUSE_MS)
}

fn after_colon(text: &str) -> Option<&str> {
    text.trim_start().strip_prefix([':', '：'])
}

/// `wrong -> right | why`.
fn correction(text: &str) -> Option<Correction> {
    let (original, rest) =
        ["->", "→", "=>"].iter().filter_map(|arrow| text.split_once(arrow)).next()?;
    let (suggestion, explanation) = rest.split_once(['|', '｜']).unwrap_or((rest, ""));
    let [original, suggestion, explanation] =
        [original, suggestion, explanation].map(|part| part.trim().to_owned());
    let says_something = !original.is_empty() && !suggestion.is_empty();
    says_something.then_some(Correction { original, suggestion, explanation })
}

/// What stands between angle brackets.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Markup {
    /// The model thinks aloud from here.
    Thought,
    Language(Option<Language>),
    /// Ends a line where it is rendered.
    LineBreak,
    /// Vanishes.
    Other,
}

/// Tells what `<content>` is.
pub(super) fn markup(content: &str) -> Markup {
    let is_end = content.starts_with('/');
    let content = content.trim_matches('/').trim();
    let end = content.find(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_');
    let name = content.split_at_checked(end.unwrap_or(content.len())).map_or("", |(name, _)| name);
    let name = name.to_ascii_lowercase();
    match name.as_str() {
        _ if is_thought(&name) => {
            if is_end {
                Markup::Other
            } else {
                Markup::Thought
            }
        }
        "br" | "p" | "li" | "div" => Markup::LineBreak,
        // These are languages, too, but a model that writes them means HTML.
        "ul" | "ol" | "em" | "td" | "dl" | "dt" | "dd" | "sup" | "sub" | "img" | "pre" | "kbd"
        | "var" | "del" | "ins" | "svg" | "nav" | "map" | "col" | "bdi" | "bdo" | "wbr" => {
            Markup::Other
        }
        _ => match Language::parse(&name) {
            Some(language) => Markup::Language((!is_end).then_some(language)),
            None => Markup::Other,
        },
    }
}

/// The name of a block in which a model thinks.
pub(super) fn is_thought(name: &str) -> bool {
    ["think", "thinking", "reasoning"].iter().any(|known| known.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_a_number_of_milliseconds_from_0_to_5000() {
        for (written, expected) in [
            ("pause:400", 400),
            (" PAUSE : 400ms ", 400),
            ("pause：700", 700),
            ("pause:1.5s", 1500),
            ("pause:999999", 5000),
            ("pause:99999999999999999999", 5000),
            ("pause:-1", 0),
            ("pause:NaN", 0),
            ("pause:1.2.3", 0),
            ("pause", 0),
        ] {
            assert_eq!(
                bracketed(written),
                Bracketed::Tag(Some(Token::Pause(expected))),
                "{written}"
            );
        }
        assert_eq!(clamp_pause(f64::NAN), 0);
    }

    #[test]
    fn a_correction_has_an_arrow_and_perhaps_a_reason() {
        let fix = |text| match bracketed(text) {
            Bracketed::Tag(Some(Token::Correction(it))) => {
                Some((it.original, it.suggestion, it.explanation))
            }
            _ => None,
        };
        let parts = |a: &str, b: &str, c: &str| Some((a.to_owned(), b.to_owned(), c.to_owned()));
        assert_eq!(
            fix("fix: I goed -> I went | past tense"),
            parts("I goed", "I went", "past tense")
        );
        assert_eq!(fix("Fix:yo sabo→yo sé"), parts("yo sabo", "yo sé", ""));
        assert_eq!(fix("fix: nothing"), None);
        assert_eq!(bracketed("fix: -> x"), Bracketed::Tag(None));
    }

    #[test]
    fn a_language_is_told_from_html() {
        assert_eq!(markup("es"), Markup::Language(Language::parse("es")));
        assert_eq!(markup("pt-BR"), Markup::Language(Language::parse("pt-BR")));
        assert_eq!(markup("/es"), Markup::Language(None));
        assert_eq!(markup("br/"), Markup::LineBreak);
        assert_eq!(markup("img src=x onerror=alert(1)"), Markup::Other);
        assert_eq!(markup("Thinking"), Markup::Thought);
    }
}
