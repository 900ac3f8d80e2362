//! What a client asks for, event by event. A refused event changes nothing.

use serde_json::{Map, Value, json};

use super::{Effect, Fault, Protocol, items::Item, read::Fields, tools};

impl Protocol {
    /// A client's event, refused by an `error` that names it.
    pub(super) fn request(&mut self, event: &Map<String, Value>) {
        let fields = Fields::new(event, "");
        let event_id = event.get("event_id").and_then(Value::as_str);
        let done = fields.required_text("type").and_then(|kind| self.take(kind, fields));
        if let Err(fault) = done {
            self.refuse(&fault, event_id);
        }
    }

    fn take(&mut self, kind: &str, event: Fields<'_>) -> Result<(), Fault> {
        match kind {
            "session.update" | "transcription_session.update" => self.update(event),
            "input_audio_buffer.append" => self.append(event),
            "input_audio_buffer.commit" => self.commit(),
            "input_audio_buffer.clear" => {
                self.clear();
                Ok(())
            }
            "conversation.item.create" => self.create_item(event),
            "conversation.item.retrieve" => self.retrieve_item(event),
            "conversation.item.delete" => self.delete_item(event),
            "conversation.item.truncate" => self.truncate_item(event),
            "response.create" => self.create_response(event),
            "response.cancel" => self.cancel_response(event),
            "output_audio_buffer.clear" => self.clear_output(),
            _ => {
                let message = format!("There is no event of the type '{kind}'.");
                Err(Fault::new("unknown_event_type", message).at("type"))
            }
        }
    }

    fn update(&mut self, event: Fields<'_>) -> Result<(), Fault> {
        let update = event.object("session")?.ok_or_else(|| Fault::missing("session"))?;
        let merged = self.session.merged(update)?;
        let before = std::mem::replace(&mut self.session, merged);
        self.retune(&before);
        let session = self.session.shown();
        self.tell(("session.updated", json!({"session": session})));
        Ok(())
    }

    fn create_item(&mut self, event: Fields<'_>) -> Result<(), Fault> {
        let item = event.object("item")?.ok_or_else(|| Fault::missing("item"))?;
        let previous = event.text("previous_item_id")?;
        let item = Item::read(item, &self.names.next("item"))?;
        tools::expect_call(&item, self.items.result(&item))?;
        let id = item.id.clone();
        let is_said = item.role() == "user" || item.shown["type"] == "function_call_output";
        self.add(item, previous)?;
        if is_said {
            self.unsaid.push(id);
        }
        Ok(())
    }

    fn retrieve_item(&mut self, event: Fields<'_>) -> Result<(), Fault> {
        let id = event.required_text("item_id")?;
        let item = self.items.find(id);
        let item = item.ok_or_else(|| Fault::no_item("item_retrieve_invalid_item_id", id))?;
        let told = json!({"item": item.shown});
        self.tell(("conversation.item.retrieved", told));
        Ok(())
    }

    fn delete_item(&mut self, event: Fields<'_>) -> Result<(), Fault> {
        let id = event.required_text("item_id")?;
        if self.items.remove(id).is_none() {
            return Err(Fault::no_item("item_delete_invalid_item_id", id));
        }
        self.unsaid.retain(|unsaid| unsaid != id);
        self.tell(("conversation.item.deleted", json!({"item_id": id})));
        Ok(())
    }

    /// The client has stopped playing an answer: nothing behind that place is heard any more.
    fn truncate_item(&mut self, event: Fields<'_>) -> Result<(), Fault> {
        let id = event.required_text("item_id")?;
        let content_index = event.count("content_index")?.unwrap_or(0);
        let at_ms = event.count("audio_end_ms")?.ok_or_else(|| Fault::missing("audio_end_ms"))?;
        let item = self.items.find(id).filter(|item| item.role() == "assistant");
        let item = item.ok_or_else(|| Fault::no_item("item_truncate_invalid_item_id", id))?;
        let sound_ms = item.sound_ms().filter(|_| content_index == 0);
        let sound_ms = sound_ms.ok_or_else(|| Fault::invalid("content_index", "that of audio"))?;
        if at_ms > sound_ms {
            let message =
                format!("Audio content of {sound_ms}ms is already shorter than {at_ms}ms");
            return Err(Fault::new("invalid_value", message).at("audio_end_ms"));
        }
        self.cancel_item(id);
        self.fall_silent();
        if let Some(item) = self.items.find_mut(id) {
            let (chunk, ms) = item.cut(at_ms);
            let (turn, text) = (item.turn.clone(), item.text());
            self.effects.extend(turn.map(|turn| Effect::Heard { turn, chunk, ms, text }));
        }
        let told = json!({"item_id": id, "content_index": content_index, "audio_end_ms": at_ms});
        self.tell(("conversation.item.truncated", told));
        Ok(())
    }
}
