//! The tutor that needs no language model: it plays lessons that teachers have written. It makes nothing up.
//!
//! It keeps no state: where the learner stands is a fold over the messages of the present lesson, so a restart of
//! the server, or another node, goes on with the same sentence.

pub mod check;

mod expectation;
mod judge;
mod play;

use std::sync::Arc;

use futures_util::{
    FutureExt, StreamExt,
    future::{self, BoxFuture},
    stream::{self, BoxStream},
};
use unicode_segmentation::UnicodeSegmentation;

use super::{ChatMessage, ChatModel, ChatRequest, LessonKey, ModelInfo, ModelPart, ProviderError};
use crate::{
    domain::{Ending, Role, TurnMetadata},
    prompts::{lesson::Lesson, lessons::Lessons},
};
use expectation::expected;
use play::Play;

/// Answers from the lessons of a catalogue.
#[derive(Clone, Debug)]
pub struct Practice {
    lessons: Arc<Lessons>,
}

impl Practice {
    #[must_use]
    pub fn new(lessons: Arc<Lessons>) -> Self {
        Self { lessons }
    }

    /// The whole answer, in the tagged form.
    #[must_use]
    pub fn answer(&self, request: &ChatRequest) -> String {
        let Some(lesson) = self.lesson(request) else { return self.no_lesson(request) };
        let mut play = Play::new(lesson, self.lessons.wording(lesson));
        let said = said(&request.messages);
        let run = present_run(&said, &request.lesson);
        run.replay(&mut play).unwrap_or_else(|| play.open(run.introduce))
    }

    fn lesson(&self, request: &ChatRequest) -> Option<&Arc<Lesson>> {
        let LessonKey { language, level, scenario } = &request.lesson;
        self.lessons.find(language, *level, scenario.as_deref())
    }

    fn no_lesson(&self, request: &ChatRequest) -> String {
        let names = self.lessons.language_names();
        let offer = match names.as_slice() {
            [] => "There is no lesson here yet.".to_owned(),
            names => format!("I have lessons in {}. Please choose one of them.", names.join(", ")),
        };
        format!(
            "[empathetic] <en>I am sorry, I cannot teach the language {} without a language model.</en> \
             [encouraging] <en>{offer}</en>",
            request.lesson.language
        )
    }
}

impl ChatModel for Practice {
    fn info(&self) -> ModelInfo {
        let name = TurnMetadata::PRACTICE.to_owned();
        ModelInfo { provider: name.clone(), name, context_tokens: None }
    }

    fn reply(&self, request: ChatRequest) -> BoxStream<'static, Result<ModelPart, ProviderError>> {
        if !request.tools.is_empty() {
            tracing::debug!("a prepared lesson calls no functions");
        }
        let tutor = self.clone();
        let answer = stream::once(async move { tutor.answer(&request) });
        let pieces = answer.flat_map(|text| {
            let words: Vec<_> =
                text.split_word_bounds().map(|word| Ok(ModelPart::Text(word.into()))).collect();
            stream::iter(words)
        });
        pieces.chain(stream::iter([Ok(ModelPart::Done(Ending::default()))])).boxed()
    }

    /// At the step where the lesson stands; nothing is expected behind the last one.
    fn expected(&self, request: &ChatRequest) -> Vec<String> {
        let Some(lesson) = self.lesson(request) else { return Vec::new() };
        let wording = self.lessons.wording(lesson);
        let mut play = Play::new(lesson, wording);
        run_so_far(&said(&request.messages), &request.lesson).replay(&mut play);
        play.step().map(|step| expected(lesson, step, wording)).unwrap_or_default()
    }

    fn check(&self) -> BoxFuture<'static, Result<(), ProviderError>> {
        future::ready(Ok(())).boxed()
    }
}

/// The part of the history that belongs to the lesson as it is played now.
struct Run<'a> {
    messages: &'a [ChatMessage],
    /// The tutor has opened it, so the learner's first message is an answer.
    opened: bool,
    /// The learner has not been told yet who is speaking.
    introduce: bool,
}

impl Run<'_> {
    /// Plays it once more; the tutor's last answer in it, if the learner has said anything.
    fn replay(&self, play: &mut Play<'_>) -> Option<String> {
        let mut heard = self.messages.iter().filter(|message| message.role == Role::User);
        let mut answer = heard.next().map(|first| match self.opened {
            true => play.hear(&first.text),
            false => play.open_with(&first.text, self.introduce),
        });
        for message in heard {
            answer = Some(play.hear(&message.text));
        }
        answer
    }
}

/// What follows the last opening. The tutor has opened where it spoke although nobody had said anything to it: at
/// the beginning of the lesson, or after itself. A history that ends with the tutor asks for a new opening.
fn present_run<'a>(messages: &'a [ChatMessage], lesson: &LessonKey) -> Run<'a> {
    if messages.last().is_some_and(is_tutor) {
        return Run { messages: &[], opened: false, introduce: !messages.iter().any(is_tutor) };
    }
    run_so_far(messages, lesson)
}

fn run_so_far<'a>(messages: &'a [ChatMessage], lesson: &LessonKey) -> Run<'a> {
    let introduce = !messages.iter().any(is_tutor);
    let begin =
        messages.iter().rposition(|message| message.lesson != *lesson).map_or(0, |at| at + 1);
    let messages = messages.get(begin..).unwrap_or_default();
    let is_tutor_at = |at: usize| messages.get(at).is_some_and(is_tutor);
    let opening =
        (0..messages.len()).rev().find(|&at| is_tutor_at(at) && (at == 0 || is_tutor_at(at - 1)));
    let messages = messages.get(opening.map_or(0, |at| at + 1)..).unwrap_or_default();
    Run { messages, opened: opening.is_some(), introduce }
}

/// A lesson calls nothing: what another model has called is no part of it.
fn said(messages: &[ChatMessage]) -> Vec<ChatMessage> {
    messages.iter().filter(|message| !message.text.is_empty()).cloned().collect()
}

fn is_tutor(message: &ChatMessage) -> bool {
    message.role == Role::Assistant
}

#[cfg(test)]
mod tests;
