//! What the tutor remembers of a conversation: what was said, and of an interrupted answer only what was heard.

use std::collections::VecDeque;

use crate::{
    domain::{Chunk, Emotion, Message, Role, ToolResult, TurnId},
    providers::{ChatMessage, LessonKey},
    storage::StoredMessage,
};

/// How a learner's silence is written for a model.
const SILENCE: &str = "…";

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
        let lesson = LessonKey::from(&stored.metadata);
        let text = match &stored.heard {
            Some(heard) => heard.clone(),
            None => with_emotions(&stored.message.text, &stored.chunks),
        };
        self.add(stored.message.turn.clone(), stored.message.role, text, lesson);
    }

    pub(super) fn learner_said(&mut self, message: &Message, lesson: LessonKey) {
        self.add(message.turn.clone(), Role::User, message.text.clone(), lesson);
    }

    /// The tutor goes on although the learner has said nothing: models want to see that it is their turn.
    pub(super) fn learner_was_silent(&mut self, turn: TurnId, lesson: LessonKey) {
        self.add(turn, Role::User, SILENCE.to_owned(), lesson);
    }

    pub(super) fn tutor_said<C: AsRef<Chunk>>(
        &mut self,
        turn: TurnId,
        (text, chunks): (&str, &[C]),
        lesson: LessonKey,
    ) {
        self.add(turn, Role::Assistant, with_emotions(text, chunks), lesson);
    }

    /// The tutor's calls, and what came of them, belong to its newest words; where the learner has said something since,
    /// they stand behind that.
    pub(super) fn tutor_called(
        &mut self,
        turn: &TurnId,
        results: Vec<ToolResult>,
        lesson: LessonKey,
    ) {
        match self.messages.back_mut().map(|remembered| &mut remembered.message) {
            Some(newest) if newest.role == Role::Assistant => newest.results.extend(results),
            _ => self.push(turn.clone(), ChatMessage::called(results, lesson)),
        }
    }

    /// The turn was heard only that far. An answer that nobody has heard is not told again, but keeps its place: how far
    /// it was heard may be known better later.
    pub(super) fn heard(&mut self, turn: &TurnId, text: &str) {
        let is_answer = |remembered: &&mut Remembered| {
            let Remembered { turn: of, message } = &**remembered;
            let is_call = message.text.is_empty() && !message.results.is_empty();
            of == turn && message.role == Role::Assistant && !is_call
        };
        if let Some(Remembered { message, .. }) = self.messages.iter_mut().rev().find(is_answer) {
            text.clone_into(&mut message.text);
        }
    }

    /// The turn never was: its message could not be stored.
    pub(super) fn forget(&mut self, turn: &TurnId) {
        self.messages.retain(|remembered| remembered.turn != *turn);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.told().next().is_none()
    }

    pub(super) fn history(&self) -> Vec<ChatMessage> {
        self.told().cloned().collect()
    }

    /// Without answers that nobody has heard.
    fn told(&self) -> impl Iterator<Item = &ChatMessage> {
        let messages = self.messages.iter().map(|remembered| &remembered.message);
        messages.filter(|message| !message.text.is_empty() || !message.results.is_empty())
    }

    fn add(&mut self, turn: TurnId, role: Role, text: String, lesson: LessonKey) {
        if !text.is_empty() {
            self.push(turn, ChatMessage::said(role, text, lesson));
        }
    }

    fn push(&mut self, turn: TurnId, message: ChatMessage) {
        if self.messages.len() >= self.limit {
            self.messages.pop_front();
        }
        self.messages.push_back(Remembered { turn, message });
    }
}

/// The tutor's words as it wrote them: a small model drops the tags once it sees its own words without them.
fn with_emotions<C: AsRef<Chunk>>(text: &str, chunks: &[C]) -> String {
    let mut emotion = Emotion::Neutral;
    let mut written = Vec::new();
    for chunk in chunks.iter().map(AsRef::as_ref) {
        if chunk.emotion != emotion {
            emotion = chunk.emotion;
            written.push(format!("[{}]", emotion.name()));
        }
        written.push(chunk.text.clone());
    }
    if written.len() == chunks.len() { text.to_owned() } else { written.join(" ") }
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use crate::domain::{ChunkId, Language, SpeechState, ToolCall};

    use super::*;

    fn texts(memory: &Memory) -> Vec<String> {
        memory.history().into_iter().map(|message| message.text).collect()
    }

    fn said(memory: &mut Memory, turn: &str, text: &str) {
        let nothing: [std::sync::Arc<Chunk>; 0] = [];
        memory.tutor_said(TurnId::parse(turn).unwrap(), (text, &nothing), LessonKey::default());
    }

    fn chunk(text: &str, emotion: Emotion) -> std::sync::Arc<Chunk> {
        std::sync::Arc::new(Chunk {
            id: ChunkId::random(),
            text: text.to_owned(),
            spoken: Vec::new(),
            emotion,
            pause_ms: 0,
            emphasis: false,
            language: Language::default(),
            speech: SpeechState::Silent,
        })
    }

    #[test]
    fn only_what_was_heard_of_an_answer_is_remembered() {
        let mut memory = Memory::new(10);
        said(&mut memory, "t1", "One. Two.");
        said(&mut memory, "t2", "Three.");
        memory.heard(&TurnId::parse("t1").unwrap(), "One.");
        memory.heard(&TurnId::parse("t2").unwrap(), "");
        assert_eq!(texts(&memory), ["One."]);
        memory.heard(&TurnId::parse("t2").unwrap(), "Three");
        assert_eq!(texts(&memory), ["One.", "Three"]);
    }

    #[test]
    fn a_call_belongs_to_the_words_before_it_or_stands_behind_the_question() {
        let mut memory = Memory::new(10);
        let turn = |name: &str| TurnId::parse(name).unwrap();
        let call = |memory: &mut Memory, name: &str, output: &str| {
            let call = ToolCall { name: "look".to_owned(), arguments: Map::new() };
            let results = vec![ToolResult { call, output: output.to_owned() }];
            memory.tutor_called(&turn(name), results, LessonKey::default());
        };
        memory.add(turn("t1"), Role::User, "And at sea?".to_owned(), LessonKey::default());
        call(&mut memory, "t2", "waves");
        said(&mut memory, "t2", "There are waves. I look on.");
        call(&mut memory, "t3", "foam");
        // Nobody has heard a word of it, and the call has been made all the same.
        memory.heard(&turn("t2"), "");
        memory.heard(&turn("t3"), "");
        let seen: Vec<_> = memory
            .history()
            .into_iter()
            .map(|message| {
                let outputs = message.results.into_iter().map(|result| result.output);
                (message.text, outputs.collect::<Vec<_>>().join(" "))
            })
            .collect();
        let pair = |text: &str, output: &str| (text.to_owned(), output.to_owned());
        assert_eq!(seen, [pair("And at sea?", ""), pair("", "waves"), pair("", "foam")]);
    }

    #[test]
    fn the_oldest_message_makes_room() {
        let mut memory = Memory::new(2);
        for text in ["one", "two", "three"] {
            said(&mut memory, text, text);
        }
        assert_eq!(texts(&memory), ["two", "three"]);
    }

    #[test]
    fn the_model_sees_its_emotions_again() {
        let mut memory = Memory::new(2);
        let chunks = [
            chunk("¡Hola!", Emotion::Happy),
            chunk("¿Qué tal?", Emotion::Happy),
            chunk("Oh.", Emotion::Sad),
        ];
        let text = "¡Hola! ¿Qué tal? Oh.";
        memory.tutor_said(TurnId::random(), (text, &chunks), LessonKey::default());
        assert_eq!(texts(&memory), ["[happy] ¡Hola! ¿Qué tal? [sad] Oh."]);
    }
}
