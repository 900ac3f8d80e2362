//! The items of a session's conversation as its client knows them, in their order. It knows no turn-taking.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{fault::Fault, read::Fields, tools};
use crate::{
    conversation::heard_text,
    domain::{Chunk, ToolResult, TurnId},
};

/// Items that are remembered; of more, the oldest are forgotten.
const LIMIT: usize = 256;
/// Longest item that a client may make, in bytes.
const ITEM_LIMIT: usize = 64 * 1024;

/// One item.
#[derive(Clone, Debug, Default)]
pub(super) struct Item {
    pub(super) id: String,
    /// As it is shown.
    pub(super) shown: Value,
    /// Of what the learner has spoken: what is to be answered, without hesitations.
    pub(super) message: Option<String>,
    /// Of the tutor's: the turn, and the sounds of its chunks in their order.
    pub(super) turn: Option<TurnId>,
    pub(super) sounds: Vec<Stretch>,
    /// Where the client has cut them off.
    cut_ms: Option<u64>,
}

/// The sound of one chunk as it went out, in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) index: usize,
    pub(super) chunk: Arc<Chunk>,
    pub(super) sound_ms: u64,
    pub(super) pause_ms: u64,
}

#[derive(Debug, Default)]
pub(super) struct Items(Vec<Item>);

impl Item {
    pub(super) fn new(id: &str, role: &str, content: Value) -> Self {
        let shown = json!({
            "id": id, "object": "realtime.item", "type": "message", "status": "completed",
            "role": role, "content": content,
        });
        Self::shown_as(id, shown)
    }

    /// An item as clients are shown it.
    pub(super) fn shown_as(id: &str, shown: Value) -> Self {
        Self { id: id.to_owned(), shown, ..Self::default() }
    }

    /// An item as a client writes it; without an id it gets that one.
    pub(super) fn read(item: &Map<String, Value>, id: &str) -> Result<Self, Fault> {
        let fields = Fields::new(item, "item");
        if Value::Object(item.clone()).to_string().len() > ITEM_LIMIT {
            return Err(Fault::invalid("item", "at most 64 KiB"));
        }
        let id = fields.text("id")?.unwrap_or(id);
        if id.is_empty() || id.chars().count() > 64 {
            return Err(Fault::invalid("item.id", "1 to 64 characters"));
        }
        let mut shown = match fields.required_text("type")? {
            "message" => read_message(item)?,
            "function_call_output" => {
                fields.required_text("call_id")?;
                fields.required_text("output")?;
                Value::Object(item.clone())
            }
            "function_call" => {
                tools::read_call(fields)?;
                Value::Object(item.clone())
            }
            _ => return Err(Fault::invalid("item.type", "'message' or 'function_call_output'")),
        };
        shown["id"] = json!(id);
        shown["object"] = json!("realtime.item");
        shown["status"] = json!("completed");
        Ok(Self::shown_as(id, shown))
    }

    pub(super) fn role(&self) -> &str {
        self.shown["role"].as_str().unwrap_or_default()
    }

    /// What is said in it, as far as that is known; the parts joined by spaces.
    pub(super) fn text(&self) -> String {
        let parts = self.shown["content"].as_array();
        let texts = parts
            .into_iter()
            .flatten()
            .filter_map(|part| part["text"].as_str().or_else(|| part["transcript"].as_str()));
        texts.collect::<Vec<_>>().join(" ")
    }

    /// How long it sounds, in milliseconds; `None` for one without sound.
    pub(super) fn sound_ms(&self) -> Option<u64> {
        let is_audio = self.shown["content"][0]["type"] == "output_audio";
        let sent_ms = || self.sounds.iter().map(Stretch::ms).sum();
        is_audio.then(|| self.cut_ms.unwrap_or_else(sent_ms))
    }

    /// Nothing behind that place is heard. What it says ends with the last word before; where that is, as the chunk
    /// and milliseconds of it.
    pub(super) fn cut(&mut self, at_ms: u64) -> (usize, u64) {
        let (mut ms, mut whole) = (at_ms, 0);
        while let Some(stretch) = self.sounds.get(whole).filter(|stretch| ms >= stretch.sound_ms) {
            ms = ms.saturating_sub(stretch.ms());
            whole += 1;
        }
        let chunks: Vec<_> = self.sounds.iter().map(|stretch| stretch.chunk.clone()).collect();
        let text = heard_text(&self.text(), &chunks, (whole, ms));
        self.shown["content"][0]["transcript"] = json!(text);
        self.cut_ms = Some(at_ms);
        let after = self.sounds.last().map_or(0, |last| last.index + 1);
        (self.sounds.get(whole).map_or(after, |stretch| stretch.index), ms)
    }
}

impl Stretch {
    /// With the silence behind it.
    pub(super) fn ms(&self) -> u64 {
        self.sound_ms + self.pause_ms
    }
}

impl Items {
    /// Puts an item behind another one, or at the end; the id of the item before it.
    pub(super) fn insert(
        &mut self,
        item: Item,
        previous: Option<&str>,
    ) -> Result<Option<String>, Fault> {
        if self.find(&item.id).is_some() {
            let message = format!("There is an item with the id '{}' already.", item.id);
            return Err(Fault::new("item_create_invalid_item_id", message).at("item.id"));
        }
        let place = match previous {
            None => self.0.len(),
            Some("root") => 0,
            Some(id) => {
                let found = self.0.iter().position(|item| item.id == id);
                let fault = || Fault::no_item("item_create_invalid_previous_item_id", id);
                found.ok_or_else(|| fault().at("previous_item_id"))? + 1
            }
        };
        let before = place.checked_sub(1).and_then(|before| self.0.get(before));
        let before = before.map(|item| item.id.clone());
        self.0.insert(place, item);
        if self.0.len() > LIMIT {
            self.0.remove(0);
        }
        Ok(before)
    }

    /// Puts an item of the server's at the end; the id of the item before it.
    pub(super) fn push(&mut self, item: Item) -> Option<String> {
        // Its id is new.
        self.insert(item, None).unwrap_or_default()
    }

    pub(super) fn find(&self, id: &str) -> Option<&Item> {
        self.0.iter().find(|item| item.id == id)
    }

    pub(super) fn find_mut(&mut self, id: &str) -> Option<&mut Item> {
        self.0.iter_mut().find(|item| item.id == id)
    }

    pub(super) fn before(&self, id: &str) -> Option<String> {
        let place = self.0.iter().position(|item| item.id == id)?;
        self.0.get(place.checked_sub(1)?).map(|item| item.id.clone())
    }

    pub(super) fn all(&self) -> &[Item] {
        &self.0
    }

    /// What the app has said to the model in between.
    pub(super) fn system_text(&self) -> String {
        let texts = self.0.iter().filter(|item| item.role() == "system").map(Item::text);
        texts.collect::<Vec<_>>().join("\n")
    }

    /// What an item says has come of a call; `None` for any other item.
    pub(super) fn result(&self, item: &Item) -> Option<ToolResult> {
        tools::result(item, self.0.iter())
    }

    pub(super) fn newest(&self) -> Option<String> {
        self.0.last().map(|item| item.id.clone())
    }

    pub(super) fn remove(&mut self, id: &str) -> Option<Item> {
        let place = self.0.iter().position(|item| item.id == id)?;
        Some(self.0.remove(place))
    }
}

fn read_message(item: &Map<String, Value>) -> Result<Value, Fault> {
    let fields = Fields::new(item, "item");
    let roles = [("user", ()), ("assistant", ()), ("system", ())];
    if fields.choice("role", &roles)?.is_none() {
        return Err(Fault::missing("item.role"));
    }
    let content = fields.list("content")?.ok_or_else(|| Fault::missing("item.content"))?;
    for (place, part) in content.iter().enumerate() {
        read_part(part, &format!("item.content[{place}]"))?;
    }
    Ok(json!({"type": "message", "role": item["role"], "content": content}))
}

fn read_part(part: &Value, path: &str) -> Result<(), Fault> {
    let Value::Object(part) = part else { return Err(Fault::invalid(path, "an object")) };
    let fields = Fields::new(part, path);
    match fields.required_text("type")? {
        "input_text" | "output_text" | "text" => fields.required_text("text").map(drop),
        "output_audio" | "audio" => fields.text("transcript").map(drop),
        // Nobody listens to whole recordings here: their words are wanted.
        "input_audio" => fields.required_text("transcript").map(drop),
        "input_image" => Ok(()),
        _ => Err(Fault::invalid(
            &fields.path("type"),
            "'input_text', 'input_audio' or 'output_text'",
        )),
    }
}
