//! The messages that a model sees: harmless, and few enough for its context. What is stored stays as it was said.

use unicode_segmentation::UnicodeSegmentation;

use crate::{
    domain::{Language, Role, ToolResult},
    providers::{
        ChatMessage,
        tokens::{self, MESSAGE_TOKENS},
    },
};

/// The newest message keeps at least so many tokens, however small the context is.
const NEWEST_TOKENS: usize = 64;

/// The messages with everything that a chat template could take for its own turned into look-alikes: a learner must
/// not be able to write in another's name, nor whatever an app has found for them. Of the tutor's own words the tags of
/// the house stay, of an app's the brackets of its lists.
pub(super) fn neutralised(history: &[ChatMessage]) -> Vec<ChatMessage> {
    let harmless = |message: &ChatMessage| match message.role {
        Role::User => message.text.chars().map(look_alike).collect(),
        Role::Assistant => neutralised_tutor(&message.text),
    };
    history
        .iter()
        .map(|message| {
            let results = message.results.iter().map(neutralised_result).collect();
            ChatMessage { text: harmless(message), results, ..message.clone() }
        })
        .collect()
}

/// The newest messages that fit into `budget` tokens, whole; where some are left out, the first one that stays is a
/// learner's. The newest stays in any case, without its beginning, and that of what came of its calls, if need be.
pub(super) fn trimmed(mut messages: Vec<ChatMessage>, budget: usize) -> Vec<ChatMessage> {
    let Some(newest) = messages.last_mut() else { return messages };
    let budget = budget.max(NEWEST_TOKENS + MESSAGE_TOKENS);
    cut_results(newest, budget);
    cut_beginning(&mut newest.text, budget - MESSAGE_TOKENS);
    let mut left = budget;
    let fitting = messages.iter().rev().take_while(|message| {
        let cost = tokens::of_message(message);
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

/// What came of calls is to leave room for the question that they were made for: half of the budget, in equal shares.
fn cut_results(message: &mut ChatMessage, budget: usize) {
    let calls: usize = message.results.iter().map(tokens::of_call).sum();
    let room = (budget / 2).saturating_sub(calls);
    let share = room / message.results.len().max(1);
    for result in &mut message.results {
        cut_beginning(&mut result.output, share);
    }
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

/// Markers in brackets are in capitals, or close something that is.
fn neutralised_result(result: &ToolResult) -> ToolResult {
    let is_marker = |rest: &str| {
        let name = rest.strip_prefix('/').unwrap_or(rest);
        name.starts_with(|first: char| first.is_ascii_uppercase())
    };
    let text = &result.output;
    let harmless = text.char_indices().map(|(at, letter)| {
        let rest = text.get(at + letter.len_utf8()..).unwrap_or_default();
        if letter == ']' || (letter == '[' && !is_marker(rest)) {
            letter
        } else {
            look_alike(letter)
        }
    });
    ToolResult { call: result.call.clone(), output: harmless.collect() }
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

    use serde_json::Map;

    use super::*;
    use crate::{domain::ToolCall, providers::LessonKey};

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
        ChatMessage::said(role, text.into(), LessonKey::default())
    }

    fn results(outputs: Vec<String>) -> Vec<ToolResult> {
        let call = || ToolCall { name: "look".into(), arguments: Map::new() };
        outputs.into_iter().map(|output| ToolResult { call: call(), output }).collect()
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
        let earlier = (role, texts(), prop::collection::vec(texts(), 0..3)).prop_map(
            |(role, text, outputs)| ChatMessage {
                results: results(outputs),
                ..message(role, &text)
            },
        );
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
                for result in &message.results {
                    for marker in MARKERS {
                        prop_assert!(!result.output.contains(marker), "{marker} in {}", result.output);
                    }
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
            prop_assert!(kept.iter().map(tokens::of_message).sum::<usize>() <= budget.max(floor));
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
    fn the_question_stays_beside_the_longest_end_of_a_call() {
        let question = message(Role::User, "And at sea?");
        let outputs = vec!["wave ".repeat(9000), "foam ".repeat(9000)];
        let called = ChatMessage::called(results(outputs), LessonKey::default());
        let kept = trimmed(vec![message(Role::User, "Hello!"), question.clone(), called], 400);
        assert_eq!(kept[1], question);
        assert!(
            kept[2]
                .results
                .iter()
                .all(|result| result.output.ends_with("wave ") || result.output.ends_with("foam "))
        );
        assert!(kept.iter().map(tokens::of_message).sum::<usize>() <= 400);
    }

    #[test]
    fn json_that_an_app_has_found_stays_json() {
        let found = r#"{"waves":[1,"two",{"high":[]}]}"#;
        let called = ChatMessage::called(results(vec![found.into()]), LessonKey::default());
        assert_eq!(neutralised(&[called])[0].results[0].output, found);
    }

    #[test]
    fn a_long_message_is_cut_between_graphemes() {
        let mut text = "👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧".to_owned();
        cut_beginning(&mut text, 20);
        assert_eq!(text, "👩‍👩‍👧👩‍👩‍👧");
    }
}
