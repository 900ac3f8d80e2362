//! The tagged form as teachers write it, with `{slots}` for what the learner has said. It speaks nothing.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{Emotion, Language};

/// Longest pause that a text may ask for, in milliseconds.
const MAX_PAUSE_MS: u32 = 5000;

/// What learners have said, by slot.
pub type Slots = BTreeMap<String, String>;

/// A tagged text that is known to be well formed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tagged(String);

impl Tagged {
    /// Accepts `[emotion]`, `[pause:400]`, `[emphasis]`, `<en>…</en>`, `{slot}`, and says what else it met.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err("the text is empty".into());
        }
        check_brackets(text)?;
        check_languages(text)?;
        slots_in(text)?;
        Ok(Self(text.trim().into()))
    }

    /// The slots that must be filled before the text can be said. `{Name}` is the slot `name`.
    #[must_use]
    pub fn slots(&self) -> BTreeSet<String> {
        slots_in(&self.0).expect("invariant: parse has accepted the slots")
    }

    /// The text with its slots filled; a slot without a value leaves nothing.
    #[must_use]
    pub fn fill(&self, slots: &Slots) -> String {
        fill(&self.0, slots)
    }

    /// The text without its tags, as a learner reads it.
    #[must_use]
    pub fn spoken(&self) -> String {
        let mut is_tag = false;
        let mut spoken = String::new();
        for letter in self.0.chars() {
            match letter {
                '[' | '<' => is_tag = true,
                ']' | '>' => is_tag = false,
                _ if !is_tag => spoken.push(letter),
                _ => {}
            }
        }
        spoken.trim().to_owned()
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Fills `{slot}` with the value as it is, `{Slot}` with a capital at the beginning of each word.
#[must_use]
pub fn fill(text: &str, slots: &Slots) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, tail)) = after.split_once('}') else { break };
        filled.push_str(before);
        let value = slots.get(&name.to_lowercase()).map_or("", String::as_str);
        if name.starts_with(char::is_uppercase) {
            filled.push_str(&capitalised(value));
        } else {
            filled.push_str(value);
        }
        rest = tail;
    }
    filled.push_str(rest);
    filled
}

/// Whether a text can stand inside a tagged text, or inside a correction, without ending or beginning a tag.
pub fn check_plain(text: &str) -> Result<(), String> {
    if text.trim().is_empty() || text.contains(is_markup) {
        return Err(format!("`{text}` is not one line of plain text without [ ] < > |"));
    }
    Ok(())
}

/// What a learner has written, without all that could begin or end a tag.
#[must_use]
pub fn plain(text: &str) -> String {
    text.chars().filter(|&letter| !is_markup(letter) && !matches!(letter, '{' | '}')).collect()
}

/// The names between braces, in lower case.
pub fn slots_in(text: &str) -> Result<BTreeSet<String>, String> {
    let mut names = BTreeSet::new();
    let mut rest = text;
    while let Some(brace) = rest.find(['{', '}']) {
        let opened = rest.get(brace..).and_then(|rest| rest.strip_prefix('{'));
        let after = opened.ok_or("`}` closes no `{`")?;
        let (name, tail) = after.split_once('}').ok_or("`{` is never closed by `}`")?;
        if name.is_empty() || !name.chars().all(|letter| letter.is_ascii_alphabetic()) {
            return Err(format!("`{{{name}}}` is no slot: a slot is one word of plain letters"));
        }
        names.insert(name.to_lowercase());
        rest = tail;
    }
    Ok(names)
}

fn is_markup(letter: char) -> bool {
    matches!(letter, '[' | ']' | '<' | '>' | '|' | '\n')
}

fn check_brackets(text: &str) -> Result<(), String> {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('[') {
        let (tag, tail) = after.split_once(']').ok_or("`[` is never closed by `]`")?;
        let is_pause = tag
            .strip_prefix("pause:")
            .and_then(|ms| ms.parse::<u32>().ok())
            .is_some_and(|ms| ms <= MAX_PAUSE_MS);
        if !is_pause && tag != "emphasis" && Emotion::parse(tag).is_none() {
            let names: Vec<_> = Emotion::ALL.iter().map(|emotion| emotion.name()).collect();
            return Err(format!(
                "`[{tag}]` is no tag: expected emphasis, pause:0 to pause:{MAX_PAUSE_MS}, or one of {}",
                names.join(", ")
            ));
        }
        rest = tail;
    }
    Ok(())
}

fn check_languages(text: &str) -> Result<(), String> {
    let mut open: Option<&str> = None;
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('<') {
        let (tag, tail) = after.split_once('>').ok_or("`<` is never closed by `>`")?;
        open = match (open, tag.strip_prefix('/')) {
            (None, None) if Language::parse(tag).is_some() => Some(tag),
            (Some(language), Some(closed)) if language == closed => None,
            _ => {
                return Err(format!(
                    "`<{tag}>` is out of place: expected spans such as <en>…</en>"
                ));
            }
        };
        rest = tail;
    }
    open.map_or(Ok(()), |language| Err(format!("`<{language}>` is never closed")))
}

fn capitalised(value: &str) -> String {
    let words = value.split(' ').map(|word| {
        let mut letters = word.chars();
        let first = letters.next().map(char::to_uppercase);
        first.into_iter().flatten().chain(letters).collect::<String>()
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_with_the_tags_of_the_house_is_accepted() {
        let text = "[happy] ¡Hola, {Name}! [pause:400] [emphasis] <en>Your name?</en>";
        assert_eq!(Tagged::parse(text).unwrap().slots(), BTreeSet::from(["name".into()]));
    }

    #[test]
    fn what_is_read_has_no_tags() {
        let text = Tagged::parse("[happy] ¡Hola, {Name}! [pause:400] <en>Hi!</en>").unwrap();
        assert_eq!(text.spoken(), "¡Hola, {Name}!  Hi!");
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, part) in [
            ("[furious] No!", "`[furious]` is no tag"),
            ("[pause:9000] No", "`[pause:9000]`"),
            ("[happy Hello", "`[` is never closed"),
            ("<en>Hello", "`<en>` is never closed"),
            ("<en>Hello</es>", "`</es>` is out of place"),
            ("Hello {first name}", "`{first name}` is no slot"),
            ("Hello {name", "`{` is never closed"),
            ("Hello name}, {name}", "`}` closes no `{`"),
            (" ", "empty"),
        ] {
            let problem = Tagged::parse(text).unwrap_err();
            assert!(problem.contains(part), "{text}: {problem}");
        }
    }

    #[test]
    fn a_capital_in_the_slot_puts_capitals_on_the_value() {
        let slots = Slots::from([("name".into(), "ana élise".into())]);
        assert_eq!(fill("{Name}! ({name}{nobody})", &slots), "Ana Élise! (ana élise)");
    }
}
