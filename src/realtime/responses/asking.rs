//! Responses beside the conversation: the model is asked, and nobody else hears of it.

use serde_json::Value;

use super::super::{
    Effect, Fault, Protocol,
    items::Item,
    response::{Outcome, Terms},
    session::Modality,
};
use crate::{
    domain::{Failure, Role, Usage},
    providers::{ChatMessage, LessonKey},
};

/// Messages that a model beside the conversation is shown at most.
const SHOWN: usize = 100;

impl Protocol {
    /// What the client gives the model to see, else what was said in this session.
    pub(super) fn ask_beside(
        &mut self,
        terms: Terms,
        instructions: Option<String>,
        input: Option<&Vec<Value>>,
    ) -> Result<(), Fault> {
        let items = match input {
            Some(input) => self.input_items(input)?,
            None => self.items.all().to_vec(),
        };
        let messages: Vec<ChatMessage> = items.iter().filter_map(message).collect();
        let first = messages.len().saturating_sub(SHOWN);
        let messages = messages.get(first..).unwrap_or_default().to_vec();
        let system = instructions.unwrap_or_else(|| self.session.instructions().to_owned());
        // Nothing is spoken beside the conversation.
        let response = self.open(Terms { modality: Modality::Text, ..terms });
        self.effects.push(Effect::Ask { response, system, messages });
        Ok(())
    }

    /// The words of the items that a response is to answer instead of what was said.
    pub(super) fn input_text(&mut self, input: &[Value]) -> Result<String, Fault> {
        let items = self.input_items(input)?;
        let texts = items.iter().filter(|item| item.role() == "user").map(Item::text);
        Ok(texts.collect::<Vec<_>>().join("\n"))
    }

    pub(in super::super) fn written(&mut self, id: &str, text: &str) {
        if let Some(place) = self.responses.iter().position(|response| response.id == id) {
            self.write(place, text);
        }
    }

    pub(in super::super) fn written_out(
        &mut self,
        id: &str,
        outcome: Result<Option<Usage>, Failure>,
    ) {
        let Some(place) = self.responses.iter().position(|response| response.id == id) else {
            return;
        };
        match outcome {
            Ok(usage) => {
                self.responses[place].made = Some((0, usage));
                self.finish(place, &Outcome::Completed);
            }
            Err(failure) => self.finish(place, &Outcome::Failed(Fault::from(&failure))),
        }
    }

    fn input_items(&mut self, input: &[Value]) -> Result<Vec<Item>, Fault> {
        input.iter().map(|item| self.input_item(item)).collect()
    }

    fn input_item(&mut self, item: &Value) -> Result<Item, Fault> {
        let wrong = || Fault::invalid("response.input", "an array of items");
        let object = item.as_object().ok_or_else(wrong)?;
        if item["type"] == "item_reference" {
            let id = item["id"].as_str().ok_or_else(wrong)?;
            let found = self.items.find(id).cloned();
            return found.ok_or_else(|| {
                Fault::no_item("item_reference_invalid_item_id", id).at("response.input")
            });
        }
        Item::read(object, &self.names.next("item"))
    }
}

fn message(item: &Item) -> Option<ChatMessage> {
    let role = if item.role() == "assistant" { Role::Assistant } else { Role::User };
    let text = item.text();
    (!text.is_empty()).then(|| ChatMessage { role, text, lesson: LessonKey::default() })
}
