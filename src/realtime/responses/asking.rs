//! Responses beside the conversation: the model is asked, and nobody else hears of it.

use serde_json::Value;

use super::{
    super::{
        Effect, Fault, Protocol,
        items::Item,
        response::{Outcome, Saying, Terms},
        session::Modality,
        tools,
    },
    joined,
    telling::outcome,
};
use crate::{
    conversation::parser::{Parser, Piece},
    domain::{Ending, Failure, Role, ToolCall, ToolResult},
    providers::{ChatMessage, ChatRequest, LessonKey},
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
        let mut messages = self.messages(&items);
        let messages = messages.split_off(messages.len().saturating_sub(SHOWN));
        let system = instructions.unwrap_or_else(|| self.session.instructions().to_owned());
        let (tools, max_tokens) = (terms.tools.clone(), terms.max_tokens());
        let request = ChatRequest { system, messages, tools, max_tokens, ..ChatRequest::default() };
        // Nothing is spoken beside the conversation.
        let response = self.open(Terms { modality: Modality::Text, ..terms });
        let language = self.session.language().unwrap_or_default();
        if let Some(place) = self.beside(&response) {
            self.responses[place].parser = Some(Parser::of_prose(language));
        }
        self.effects.push(Effect::Ask { response, request });
        Ok(())
    }

    /// The words and the ends of calls in the items that a response is to answer instead of what was said.
    pub(super) fn saying(&mut self, input: &[Value]) -> Result<Saying, Fault> {
        let items = self.input_items(input)?;
        let texts = items.iter().filter(|item| item.role() == "user").map(Item::text);
        let results = items.iter().filter_map(|item| self.result_among(item, &items)).collect();
        Ok(Saying { text: Some(joined(texts)), results, ..Saying::default() })
    }

    /// More of the model's text: its tags are neither shown here.
    pub(in super::super) fn written(&mut self, id: &str, text: &str) {
        let Some(place) = self.beside(id) else { return };
        let pieces = self.responses[place].parser.as_mut().map(|parser| parser.push(text));
        self.write_pieces(place, pieces.unwrap_or_default());
    }

    pub(in super::super) fn called_beside(&mut self, id: &str, call: ToolCall) {
        if let Some(place) = self.beside(id) {
            self.call(place, call.into());
        }
    }

    pub(in super::super) fn written_out(&mut self, id: &str, end: Result<Ending, Failure>) {
        let Some(place) = self.beside(id) else { return };
        match end {
            Ok(ending) => {
                let pieces = self.responses[place].parser.as_mut().map(Parser::finish);
                self.write_pieces(place, pieces.unwrap_or_default());
                self.responses[place].made = Some((0, ending));
                self.finish(place, &outcome(ending));
            }
            Err(failure) => self.finish(place, &Outcome::Failed(Fault::from(&failure))),
        }
    }

    fn beside(&self, id: &str) -> Option<usize> {
        self.responses.iter().position(|response| response.id == id)
    }

    fn write_pieces(&mut self, place: usize, pieces: Vec<Piece>) {
        for piece in pieces {
            if let Piece::Text(text) = piece {
                self.write(place, &text);
            }
        }
    }

    fn input_items(&mut self, input: &[Value]) -> Result<Vec<Item>, Fault> {
        let items: Vec<Item> =
            input.iter().map(|item| self.input_item(item)).collect::<Result<_, _>>()?;
        for item in &items {
            tools::expect_call(item, self.result_among(item, &items))?;
        }
        Ok(items)
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

    /// As the model is to see them; a call stands where its end does.
    fn messages(&self, items: &[Item]) -> Vec<ChatMessage> {
        let mut messages: Vec<ChatMessage> = Vec::new();
        for item in items {
            let Some(result) = self.result_among(item, items) else {
                messages.extend(message(item));
                continue;
            };
            match messages.last_mut() {
                Some(last) if last.role == Role::Assistant => last.results.push(result),
                _ => messages.push(ChatMessage::called(vec![result], LessonKey::default())),
            }
        }
        messages
    }

    /// What came of a call that stands among `items`, or else in the session.
    fn result_among(&self, item: &Item, items: &[Item]) -> Option<ToolResult> {
        tools::result(item, self.items.all().iter().chain(items))
    }
}

fn message(item: &Item) -> Option<ChatMessage> {
    let role = if item.role() == "assistant" { Role::Assistant } else { Role::User };
    let text = item.text();
    (!text.is_empty()).then(|| ChatMessage::said(role, text, LessonKey::default()))
}
