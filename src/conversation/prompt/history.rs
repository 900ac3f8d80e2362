//! The messages that a model sees: harmless, and few enough for its context. What is stored stays as it was said.

use unicode_segmentation::UnicodeSegmentation;

use crate::{
    domain::{Language, Role},
    providers::{ChatMessage, tokens},
};

/// What a model's chat template adds to each message, in tokens.
const MESSAGE_TOKENS: usize = 8;

/// The newest message keeps at least so many tokens, however small the context is.
const NEWEST_TOKENS: usize = 64;

/// The messages with everything that a chat template could take for its own turned into look-alikes: a learner must
/// not be able to write in another's name. Of the tutor's own words the tags of the house stay.
pub(super) fn neutralised(history: &[ChatMessage]) -> Vec<ChatMessage> {
    let harmless = |message: &ChatMessage| match message.role {
        Role::User => message.text.chars().map(look_alike).collect(),
        Role::Assistant => neutralised_tutor(&message.text),
    };
    history
        .iter()
        .map(|message| ChatMessage { text: harmless(message), ..message.clone() })
        .collect()
}

/// The newest messages that fit into `budget` tokens, whole; where some are left out, the first one that stays is a
/// learner's. The newest stays in any case, without its beginning if need be.
pub(super) fn trimmed(mut messages: Vec<ChatMessage>, budget: usize) -> Vec<ChatMessage> {
    let Some(newest) = messages.last_mut() else { return messages };
    let budget = budget.max(NEWEST_TOKENS + MESSAGE_TOKENS);
    cut_beginning(&mut newest.text, budget - MESSAGE_TOKENS);
    let mut left = budget;
    let fitting = messages.iter().rev().take_while(|message| {
        let cost = cost(message);
        let fits = cost <= left;
        left = left.saturating_sub(cost);
        fits
    });
    let begin = messages.len() - fitting.count();
    let begin = match begin {
        0 => 0,
        _ => first_of_learner(&messages, begin).unwrap_or(begin),
    };
    messages.split_off(begin)
}

/// How many tokens a message takes at most.
pub(super) fn cost(message: &ChatMessage) -> usize {
    MESSAGE_TOKENS + tokens::estimate(&message.text)
}

/// Leaves the end of the text, from a whole grapheme on; nothing when already the last one is too long.
fn cut_beginning(text: &mut String, tokens: usize) {
    let mut left = tokens * 4;
    let mut begin = text.len();
    for (at, grapheme) in text.grapheme_indices(true).rev() {
        let cost: usize = grapheme.chars().map(tokens::quarters).sum();
        if cost > left {
            break;
        }
        left -= cost;
        begin = at;
    }
    *text = text.split_off(begin);
}

fn first_of_learner(messages: &[ChatMessage], begin: usize) -> Option<usize> {
    let kept = messages.get(begin..)?;
    Some(begin + kept.iter().position(|message| message.role == Role::User)?)
}

fn look_alike(letter: char) -> char {
    match letter {
        '<' => '＜',
        '>' => '＞',
        '[' => '［',
        ']' => '］',
        '#' => '＃',
        other => other,
    }
}

fn neutralised_tutor(text: &str) -> String {
    text.char_indices()
        .map(|(at, letter)| {
            let rest = text.get(at + letter.len_utf8()..).unwrap_or_default();
            if is_of_the_house(letter, rest) { letter } else { look_alike(letter) }
        })
        .collect()
}

/// Language spans and lower-case tags are ours; markers of chat templates are in capitals, in bars, or one letter.
fn is_of_the_house(letter: char, rest: &str) -> bool {
    let rest = rest.strip_prefix('/').unwrap_or(rest);
    match letter {
        '<' => rest.split_once('>').is_some_and(|(tag, _)| Language::parse(tag).is_some()),
        '[' => rest.starts_with(|first: char| first.is_ascii_lowercase()),
        '#' => false,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::providers::LessonKey;

    const MARKERS: [&str; 16] = [
        "<|im_start|>",
        "<|im_end|>",
        "<|eot_id|>",
        "<|start_header_id|>",
        "<start_of_turn>",
        "<s>",
        "</s>",
        "[INST]",
        "[/INST]",
        "[TOOL_CALLS]",
        "<<SYS>>",
        "<</SYS>>",
        "### System",
        "### Instruction:",
        "<think>",
        "</think>",
    ];

    fn message(role: Role, text: &str) -> ChatMessage {
        ChatMessage { role, text: text.into(), lesson: LessonKey::default() }
    }

    fn texts() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            any::<String>(),
            prop::sample::select(MARKERS.to_vec()).prop_map(String::from),
            "[a-z ]{0,200}",
            "[一-龥]{0,50}",
            Just("👩‍👩‍👧".to_owned()),
            Just("[happy] <es>gato</es> ".to_owned()),
        ];
        prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
    }

    fn histories() -> impl Strategy<Value = Vec<ChatMessage>> {
        let role = prop_oneof![Just(Role::User), Just(Role::Assistant)];
        let earlier = (role, texts()).prop_map(|(role, text)| message(role, &text));
        (prop::collection::vec(earlier, 0..12), texts()).prop_map(|(mut messages, newest)| {
            messages.push(message(Role::User, &newest));
            messages
        })
    }

    proptest! {
        #[test]
        fn no_marker_survives(history in histories()) {
            for message in neutralised(&history) {
                for marker in MARKERS {
                    prop_assert!(!message.text.contains(marker), "{marker} in {}", message.text);
                }
                if message.role == Role::User {
                    prop_assert!(!message.text.contains(['<', '>', '[', ']', '#']));
                }
            }
        }

        #[test]
        fn the_budget_holds_and_the_newest_message_stays(history in histories(), budget in 0..2000usize) {
            let kept = trimmed(history.clone(), budget);
            let floor = NEWEST_TOKENS + MESSAGE_TOKENS;
            prop_assert!(kept.iter().map(cost).sum::<usize>() <= budget.max(floor));
            let (newest, earlier) = kept.split_last().unwrap();
            let whole = history.last().unwrap();
            prop_assert!(whole.text.ends_with(&newest.text));
            prop_assert_eq!(newest.text.is_empty(), whole.text.is_empty());
            let begin = history.len() - kept.len();
            prop_assert_eq!(earlier, &history[begin..history.len() - 1]);
            if begin > 0 {
                prop_assert_eq!(kept[0].role, Role::User);
            }
        }
    }

    #[test]
    fn the_tutors_own_tags_stay() {
        let text = "[fix: I goed -> I went | past] [happy] The word is <es>gato</es>. [pause:400]";
        assert_eq!(neutralised(&[message(Role::Assistant, text)])[0].text, text);
    }

    #[test]
    fn a_long_message_is_cut_between_graphemes() {
        let mut text = "👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧".to_owned();
        cut_beginning(&mut text, 20);
        assert_eq!(text, "👩‍👩‍👧👩‍👩‍👧");
    }
}
