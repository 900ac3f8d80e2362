//! The client's functions: which of them a model may call, and what a call is as an item. It calls none.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{fault::Fault, items::Item, read::Fields, response::Told};
use crate::domain::{Tool, ToolCall, ToolResult};

/// Functions that a model is told of, in bytes: they take as much of its context as the longest instructions.
const LIMIT: usize = 32 * 1024;

/// What may be called, as a session or a response says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tools {
    functions: Vec<Tool>,
    choice: Choice,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Choice {
    /// The model's; nothing can force it.
    #[default]
    Any,
    Nothing,
    Only(String),
}

/// A call that a model has made.
#[derive(Clone, Debug)]
pub(super) struct Called {
    pub(super) item: String,
    pub(super) call_id: String,
    pub(super) call: Arc<ToolCall>,
}

impl Tools {
    /// These, with what the fields say otherwise.
    pub(super) fn merged(&self, fields: Fields<'_>) -> Result<Self, Fault> {
        let functions = match fields.list("tools")? {
            Some(list) => read_functions(list, &fields.path("tools"))?,
            None => self.functions.clone(),
        };
        let choice = Choice::read(fields)?.unwrap_or_else(|| self.choice.clone());
        Ok(Self { functions, choice })
    }

    /// Those that the model is told of.
    pub(super) fn usable(&self) -> Vec<Tool> {
        let is_usable = |tool: &&Tool| match &self.choice {
            Choice::Any => true,
            Choice::Nothing => false,
            Choice::Only(name) => tool.name == *name,
        };
        self.functions.iter().filter(is_usable).cloned().collect()
    }
}

impl Choice {
    fn read(fields: Fields<'_>) -> Result<Option<Self>, Fault> {
        if let Some(Value::Object(choice)) = fields.raw("tool_choice") {
            let path = fields.path("tool_choice");
            let name = Fields::new(choice, &path).required_text("name")?;
            return Ok(Some(Self::Only(name.to_owned())));
        }
        let known = [("auto", true), ("required", true), ("none", false)];
        let choice = fields.choice("tool_choice", &known)?;
        Ok(choice.map(|may_call| if may_call { Self::Any } else { Self::Nothing }))
    }
}

impl Called {
    /// As it is kept.
    pub(super) fn item(&self) -> Item {
        Item::shown_as(&self.item, self.shown("completed"))
    }

    pub(super) fn shown(&self, status: &str) -> Value {
        let arguments =
            if status == "completed" { self.call.arguments_text() } else { String::new() };
        json!({
            "id": self.item, "object": "realtime.item", "type": "function_call", "status": status,
            "call_id": self.call_id, "name": self.call.name, "arguments": arguments,
        })
    }

    /// Its events, as an item of a conversation behind that one.
    pub(super) fn told(&self, response: &str, index: usize, previous: Option<&str>) -> Vec<Told> {
        let (begun, made) = (self.shown("in_progress"), self.shown("completed"));
        let output =
            |item: &Value| json!({"response_id": response, "output_index": index, "item": item});
        let placed = |item: &Value| json!({"previous_item_id": previous, "item": item});
        let about = json!({
            "response_id": response, "item_id": self.item, "output_index": index,
            "call_id": self.call_id,
        });
        let (mut delta, mut done) = (about.clone(), about);
        delta["delta"] = made["arguments"].clone();
        done["arguments"] = made["arguments"].clone();
        done["name"] = made["name"].clone();
        vec![
            ("response.output_item.added", output(&begun)),
            ("conversation.item.added", placed(&begun)),
            ("response.function_call_arguments.delta", delta),
            ("response.function_call_arguments.done", done),
            ("conversation.item.done", placed(&made)),
            ("response.output_item.done", output(&made)),
        ]
    }
}

/// What the item says has come of a call that is among `items`; `None` when it is no such item, or there is none.
pub(super) fn result<'a>(
    item: &Item,
    items: impl DoubleEndedIterator<Item = &'a Item>,
) -> Option<ToolResult> {
    let output = item.shown["output"].as_str()?.to_owned();
    let is_its_call = |other: &&Item| {
        other.shown["type"] == "function_call" && other.shown["call_id"] == item.shown["call_id"]
    };
    let call = &items.rev().find(is_its_call)?.shown;
    let name = call["name"].as_str()?.to_owned();
    let arguments = read_arguments(call["arguments"].as_str()?)?;
    Some(ToolResult { call: ToolCall { name, arguments }, output })
}

/// # Errors
/// For what came of a call that nobody knows.
pub(super) fn expect_call(item: &Item, found: Option<ToolResult>) -> Result<(), Fault> {
    if found.is_some() || item.shown["type"] != "function_call_output" {
        return Ok(());
    }
    let id = item.shown["call_id"].as_str().unwrap_or_default();
    let message = format!("Tool call ID '{id}' not found in conversation.");
    Err(Fault::new("invalid_tool_call_id", message))
}

/// A call that a client writes itself.
pub(super) fn read_call(fields: Fields<'_>) -> Result<(), Fault> {
    fields.required_text("call_id")?;
    fields.required_text("name")?;
    let arguments = read_arguments(fields.required_text("arguments")?);
    let wrong = || Fault::invalid(&fields.path("arguments"), "a JSON object as text");
    arguments.map(drop).ok_or_else(wrong)
}

/// Some clients write nothing where there are no arguments.
fn read_arguments(text: &str) -> Option<Map<String, Value>> {
    if text.trim().is_empty() { Some(Map::new()) } else { serde_json::from_str(text).ok() }
}

/// Tools of other kinds are the provider's own: they are kept and shown, and nobody is told of them.
fn read_functions(list: &[Value], path: &str) -> Result<Vec<Tool>, Fault> {
    let (mut functions, mut bytes) = (Vec::new(), 0);
    for (place, tool) in list.iter().enumerate() {
        let part = format!("{path}[{place}]");
        let Value::Object(function) = tool else {
            return Err(Fault::invalid(&part, "an object"));
        };
        let fields = Fields::new(function, &part);
        if fields.required_text("type")? == "function" {
            bytes += tool.to_string().len();
            functions.push(read_function(fields)?);
        }
        if bytes > LIMIT {
            return Err(Fault::invalid(path, "functions of at most 32 KiB together"));
        }
    }
    Ok(functions)
}

fn read_function(fields: Fields<'_>) -> Result<Tool, Fault> {
    let name = fields.required_text("name")?.to_owned();
    let description = fields.text("description")?.unwrap_or_default().to_owned();
    let nothing = || Map::from_iter([("type".to_owned(), json!("object"))]);
    let parameters = fields.object("parameters")?.cloned().unwrap_or_else(nothing);
    Ok(Tool { name, description, parameters })
}
