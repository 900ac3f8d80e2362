//! How many tokens a text takes, without the model's tokenizer. It never counts too few.

use serde_json::Value;

use super::ChatMessage;
use crate::domain::{Tool, ToolResult};

/// What a chat template adds to each message, in tokens.
pub const MESSAGE_TOKENS: usize = 8;

/// A message with what was called in it.
#[must_use]
pub fn of_message(message: &ChatMessage) -> usize {
    let results: usize = message.results.iter().map(of_result).sum();
    MESSAGE_TOKENS + estimate(&message.text) + results
}

/// A call and what came of it, which are messages of their own.
#[must_use]
pub fn of_result(result: &ToolResult) -> usize {
    of_call(result) + estimate(&result.output)
}

/// The same without what came of it.
#[must_use]
pub fn of_call(result: &ToolResult) -> usize {
    let ToolResult { call, .. } = result;
    2 * MESSAGE_TOKENS + 2 * estimate(&call.name) + estimate(&call.arguments_text())
}

/// What may be called, as a template writes it.
#[must_use]
pub fn of_tools(tools: &[Tool]) -> usize {
    let text = |Tool { name, description, parameters }: &Tool| {
        format!("{name}{description}{}", Value::Object(parameters.clone()))
    };
    tools.iter().map(|tool| MESSAGE_TOKENS + estimate(&text(tool))).sum()
}

/// An estimate that errs upwards: four Latin letters, two other ASCII signs or letters of an alphabet beyond Latin,
/// or one character of any other script to a token.
#[must_use]
pub fn estimate(text: &str) -> usize {
    text.chars().map(quarters).sum::<usize>().div_ceil(4)
}

/// The same for one character, in quarters of a token.
#[must_use]
pub fn quarters(letter: char) -> usize {
    match letter {
        'a'..='z' | 'A'..='Z' | ' ' => 1,
        '\0'..='\u{7ff}' => 2,
        '\u{800}'..='\u{ffff}' => 4,
        _ => 8,
    }
}
