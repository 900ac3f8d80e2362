//! What the tutor remembers of a conversation: what was said, and of an interrupted answer only what was heard.

use std::collections::VecDeque;

use crate::{
    domain::{Message, Role, TurnId},
    providers::{ChatMessage, LessonKey},
    storage::StoredMessage,
};

/// The newest messages, oldest first.
#[derive(Debug)]
pub(super) struct Memory {
    messages: VecDeque<Remembered>,
    limit: usize,
}

#[derive(Debug)]
struct Remembered {
    turn: TurnId,
    message: ChatMessage,
}

impl Memory {
    pub(super) fn new(limit: u32) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX).max(1);
        Self { messages: VecDeque::new(), limit }
    }

    /// A message of an earlier life of the conversation.
    pub(super) fn recall(&mut self, stored: &StoredMessage) {
        let metadata = &stored.metadata;
        let lesson = LessonKey {
            language: metadata.language.clone(),
            level: metadata.level,
            scenario: metadata.scenario.clone(),
        };
        let text = stored.heard.as_ref().unwrap_or(&stored.message.text).clone();
        self.add(stored.message.turn.clone(), stored.message.role, text, lesson);
    }

    pub(super) fn learner_said(&mut self, message: &Message, lesson: LessonKey) {
        self.add(message.turn.clone(), Role::User, message.text.clone(), lesson);
    }

    pub(super) fn tutor_said(&mut self, turn: TurnId, text: String, lesson: LessonKey) {
        self.add(turn, Role::Assistant, text, lesson);
    }

    /// The turn was heard only that far; of an answer nobody heard nothing is left.
    pub(super) fn heard(&mut self, turn: &TurnId, text: &str) {
        let answer = self.messages.iter().rposition(|remembered| {
            remembered.turn == *turn && remembered.message.role == Role::Assistant
        });
        let Some(place) = answer else { return };
        if text.is_empty() {
            self.messages.remove(place);
        } else if let Some(remembered) = self.messages.get_mut(place) {
            text.clone_into(&mut remembered.message.text);
        }
    }

    pub(super) fn history(&self) -> Vec<ChatMessage> {
        self.messages.iter().map(|remembered| remembered.message.clone()).collect()
    }

    fn add(&mut self, turn: TurnId, role: Role, text: String, lesson: LessonKey) {
        if text.is_empty() {
            return;
        }
        if self.messages.len() >= self.limit {
            self.messages.pop_front();
        }
        let message = ChatMessage { role, text, lesson };
        self.messages.push_back(Remembered { turn, message });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(memory: &Memory) -> Vec<String> {
        memory.history().into_iter().map(|message| message.text).collect()
    }

    #[test]
    fn only_what_was_heard_of_an_answer_is_remembered() {
        let mut memory = Memory::new(10);
        let (first, second) = (TurnId::parse("t1").unwrap(), TurnId::parse("t2").unwrap());
        memory.tutor_said(first.clone(), "One. Two.".to_owned(), LessonKey::default());
        memory.tutor_said(second.clone(), "Three.".to_owned(), LessonKey::default());
        memory.heard(&first, "One.");
        memory.heard(&second, "");
        assert_eq!(texts(&memory), ["One."]);
    }

    #[test]
    fn the_oldest_message_makes_room() {
        let mut memory = Memory::new(2);
        for text in ["one", "two", "three"] {
            memory.tutor_said(TurnId::random(), text.to_owned(), LessonKey::default());
        }
        assert_eq!(texts(&memory), ["two", "three"]);
    }
}
