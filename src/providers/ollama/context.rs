//! Whether a prompt fits into what a model sees at once, and what to do when it does not. It asks nobody.

use super::server::Model;
use crate::{
    domain::Notice,
    providers::{
        ChatRequest,
        tokens::{self, MESSAGE_TOKENS},
    },
};

/// Room for the answer, in tokens; a quarter of a small context.
const ANSWER_TOKENS: u32 = 400;

/// What a prompt finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Room {
    /// The context to ask for, in tokens; `None` leaves it as it is.
    pub(super) widened: Option<u32>,
    /// The tokens that are needed, when the model cannot have them at all.
    pub(super) lacking: Option<u32>,
}

/// What `request` needs, in tokens, held against what the model is given and the most that it was trained for.
pub(super) fn room(request: &ChatRequest, given: u32, model: &Model) -> Room {
    let most = model.most_context.unwrap_or(u32::MAX).max(given);
    let tools = if model.calls { tokens::of_tools(&request.tools) } else { 0 };
    let needed = prompt_tokens(request, tools).saturating_add(ANSWER_TOKENS.min(most / 4));
    if needed <= given {
        return Room { widened: None, lacking: None };
    }
    // Every other size loads the model anew, so there are only few of them.
    let widened = needed.checked_next_power_of_two().unwrap_or(most).min(most);
    Room {
        widened: (widened > given).then_some(widened),
        lacking: (needed > most).then_some(needed),
    }
}

pub(super) fn notice(model: &str, most: u32, needed: u32) -> Notice {
    let text = format!(
        "{model} sees {most} tokens at once and the lesson needs about {needed}: it forgets its instructions; \
         choose a model with a larger context"
    );
    Notice::new("context_small", text)
}

fn prompt_tokens(request: &ChatRequest, tools: usize) -> u32 {
    let system = MESSAGE_TOKENS + tokens::estimate(&request.system);
    let messages: usize = request.messages.iter().map(tokens::of_message).sum();
    let needed = system + messages + tools;
    u32::try_from(needed).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    fn found(system_tokens: usize, given: u32, most: Option<u32>) -> (Option<u32>, Option<u32>) {
        let system = "abcd".repeat(system_tokens - MESSAGE_TOKENS);
        let request = ChatRequest { system, ..ChatRequest::default() };
        let room = room(&request, given, &Model { most_context: most, ..Model::default() });
        (room.widened, room.lacking)
    }

    #[test]
    fn what_fits_is_left_as_it_is() {
        assert_eq!(found(3696, 4096, Some(131_072)), (None, None));
        assert_eq!(found(1500, 2000, Some(2000)), (None, None));
    }

    #[test]
    fn what_does_not_fit_gets_more_room_in_few_sizes() {
        assert_eq!(found(3697, 4096, Some(131_072)), (Some(8192), None));
        assert_eq!(found(3697, 4096, Some(6000)), (Some(6000), None));
        assert_eq!(found(20_000, 4096, None), (Some(32_768), None));
    }

    #[test]
    fn what_the_model_cannot_have_is_told() {
        assert_eq!(found(3000, 2048, Some(2048)), (None, Some(3400)));
        assert_eq!(found(3000, 1024, Some(2048)), (Some(2048), Some(3400)));
    }
}
