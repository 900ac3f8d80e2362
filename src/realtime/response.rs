//! One response: a turn of the tutor's, or an answer beside the conversation, as the events that tell of it.

use serde_json::{Value, json};

use super::{
    fault::Fault,
    session::{Modality, SoundFormat},
    sounds::Sounds,
    tools::Called,
};
use crate::{
    conversation::parser::Parser,
    domain::{Ending, Tool, ToolResult, TurnId, Usage},
};

/// An event's type and what it says beside its type and id.
pub(super) type Told = (&'static str, Value);

/// What a response is made with.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    pub(super) modality: Modality,
    pub(super) format: SoundFormat,
    /// As they are shown.
    pub(super) audio_output: Value,
    pub(super) max_output_tokens: Value,
    /// What the model may call.
    pub(super) tools: Vec<Tool>,
    pub(super) metadata: Value,
    /// `None` beside the conversation.
    pub(super) conversation: Option<String>,
}

/// A response that is being made.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) id: String,
    /// The item that it becomes.
    pub(super) item: String,
    pub(super) terms: Terms,
    pub(super) turn: Option<TurnId>,
    /// What is to be said to the conversation waits for the words of these items.
    pub(super) waits: Option<Saying>,
    pub(super) sounds: Sounds,
    /// The model and the voices have ended: so many chunks there are.
    pub(super) made: Option<(usize, Ending)>,
    /// Told when its words are over.
    pub(super) calls: Vec<Called>,
    /// Beside the conversation: what the model writes is read as it is anywhere else.
    pub(super) parser: Option<Parser>,
    text: String,
    has_item: bool,
}

/// What begins a response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Saying {
    /// The items that are said.
    pub(super) items: Vec<String>,
    /// Said instead of items.
    pub(super) text: Option<String>,
    /// What came of calls, instead of items.
    pub(super) results: Vec<ToolResult>,
    pub(super) instructions: Option<String>,
}

/// How a response ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Completed,
    /// The answer was as long as it may be.
    CutShort,
    Cancelled(&'static str),
    Failed(Fault),
}

impl Terms {
    /// The longest answer, in tokens; `None` where there is no bound.
    pub(super) fn max_tokens(&self) -> Option<u32> {
        self.max_output_tokens.as_u64()?.try_into().ok()
    }
}

impl Outcome {
    /// What has been made holds, calls among it.
    pub(super) fn is_whole(&self) -> bool {
        matches!(self, Self::Completed | Self::CutShort)
    }

    pub(super) fn item_status(&self) -> &'static str {
        if *self == Self::Completed { "completed" } else { "incomplete" }
    }
}

impl Response {
    pub(super) fn new((id, item): (String, String), terms: Terms) -> Self {
        Self {
            id,
            item,
            terms,
            turn: None,
            waits: None,
            sounds: Sounds::default(),
            made: None,
            calls: Vec::new(),
            parser: None,
            text: String::new(),
            has_item: false,
        }
    }

    pub(super) fn created(&self) -> Told {
        let shown = self.shown(("in_progress", Value::Null), json!([]), Value::Null);
        ("response.created", json!({"response": shown}))
    }

    pub(super) fn is_in_conversation(&self) -> bool {
        self.terms.conversation.is_some()
    }

    pub(super) fn has_item(&self) -> bool {
        self.has_item
    }

    /// The item and its one part begin.
    pub(super) fn begin(&mut self, previous: Option<&str>) -> Vec<Told> {
        self.has_item = true;
        let item = self.item_shown("in_progress", false);
        let mut told = vec![(
            "response.output_item.added",
            json!({"response_id": self.id, "output_index": 0, "item": item}),
        )];
        if self.is_in_conversation() {
            let added = json!({"previous_item_id": previous, "item": item});
            told.push(("conversation.item.added", added));
        }
        told.push(self.about("response.content_part.added", ("part", self.part())));
        told
    }

    /// More of the text.
    pub(super) fn write(&mut self, delta: &str) -> Told {
        self.text.push_str(delta);
        let kind = match self.terms.modality {
            Modality::Audio => "response.output_audio_transcript.delta",
            Modality::Text => "response.output_text.delta",
        };
        self.about(kind, ("delta", json!(delta)))
    }

    pub(super) fn audio_delta(&self, base64: &str) -> Told {
        self.about("response.output_audio.delta", ("delta", json!(base64)))
    }

    /// Its last event.
    pub(super) fn done(&self, outcome: &Outcome) -> Told {
        let (status, details) = match outcome {
            Outcome::Completed => ("completed", Value::Null),
            Outcome::CutShort => {
                ("incomplete", json!({"type": "incomplete", "reason": "max_output_tokens"}))
            }
            Outcome::Cancelled(reason) => {
                ("cancelled", json!({"type": "cancelled", "reason": reason}))
            }
            Outcome::Failed(fault) => ("failed", json!({"type": "failed", "error": fault.shown()})),
        };
        let item = self.has_item.then(|| self.item_shown(outcome.item_status(), true));
        let calls = self.calls.iter().map(|called| called.shown("completed"));
        let output = item.into_iter().chain(calls).collect();
        let usage = shown_usage(self.made.and_then(|(_, ending)| ending.usage));
        let shown = self.shown((status, details), output, usage);
        ("response.done", json!({"response": shown}))
    }

    /// The events that end its message.
    pub(super) fn finish_item(&self, previous: Option<&str>, outcome: &Outcome) -> Vec<Told> {
        let mut told = Vec::new();
        match self.terms.modality {
            Modality::Audio => {
                // It says nothing beside whose it is.
                told.push(self.about("response.output_audio.done", ("output_index", json!(0))));
                let transcript = ("transcript", json!(self.text));
                told.push(self.about("response.output_audio_transcript.done", transcript));
            }
            Modality::Text => {
                told.push(self.about("response.output_text.done", ("text", json!(self.text))));
            }
        }
        told.push(self.about("response.content_part.done", ("part", self.part())));
        let item = self.item_shown(outcome.item_status(), true);
        if self.is_in_conversation() {
            let done = json!({"previous_item_id": previous, "item": item});
            told.push(("conversation.item.done", done));
        }
        let done = json!({"response_id": self.id, "output_index": 0, "item": item});
        told.push(("response.output_item.done", done));
        told
    }

    /// An event about the one part of the one item.
    fn about(&self, kind: &'static str, (name, value): (&str, Value)) -> Told {
        let mut told = json!({
            "response_id": self.id, "item_id": self.item, "output_index": 0, "content_index": 0,
        });
        told[name] = value;
        (kind, told)
    }

    fn part(&self) -> Value {
        match self.terms.modality {
            Modality::Audio => json!({"type": "audio", "transcript": self.text}),
            Modality::Text => json!({"type": "text", "text": self.text}),
        }
    }

    /// The item as it is shown, with or without what it says.
    pub(super) fn item_shown(&self, status: &str, with_content: bool) -> Value {
        let content = match (with_content, self.terms.modality) {
            (false, _) => json!([]),
            (true, Modality::Audio) => {
                json!([{"type": "output_audio", "transcript": self.text}])
            }
            (true, Modality::Text) => json!([{"type": "output_text", "text": self.text}]),
        };
        json!({
            "id": self.item, "object": "realtime.item", "type": "message", "status": status,
            "role": "assistant", "content": content,
        })
    }

    fn shown(&self, (status, details): (&str, Value), output: Value, usage: Value) -> Value {
        json!({
            "id": self.id, "object": "realtime.response", "status": status,
            "status_details": details, "output": output,
            "conversation_id": self.terms.conversation,
            "output_modalities": self.terms.modality.shown(),
            "max_output_tokens": self.terms.max_output_tokens,
            "audio": {"output": self.terms.audio_output}, "usage": usage,
            "metadata": self.terms.metadata,
        })
    }
}

/// Zeros where nobody has counted: clients add them up.
fn shown_usage(usage: Option<Usage>) -> Value {
    let Usage { prompt_tokens, completion_tokens } = usage.unwrap_or_default();
    json!({
        "total_tokens": prompt_tokens + completion_tokens,
        "input_tokens": prompt_tokens, "output_tokens": completion_tokens,
        "input_token_details": {
            "text_tokens": prompt_tokens, "audio_tokens": 0, "image_tokens": 0, "cached_tokens": 0,
            "cached_tokens_details": {"text_tokens": 0, "audio_tokens": 0, "image_tokens": 0},
        },
        "output_token_details": {"text_tokens": completion_tokens, "audio_tokens": 0},
    })
}
