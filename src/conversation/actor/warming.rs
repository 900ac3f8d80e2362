//! Lets the model get ready while the learner has not spoken yet. It stores nothing and begins no turn.

use futures_util::{StreamExt, future::ready};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    domain::{AnswerTerms, Aside, Event, LessonChoice},
    providers::LessonKey,
};

use super::{Actor, effects::chosen};

/// The model at work for a message that may come; dropping it stops that.
pub(super) struct Warming {
    choice: LessonChoice,
    task: AbortOnDropHandle<()>,
}

impl Actor {
    /// The model reads what a message with that choice would be asked with, unless it has something better to do.
    pub(super) fn prepare(&mut self, choice: &LessonChoice) {
        let is_at_it = self.is_warming()
            && self.warming.as_ref().is_some_and(|warming| warming.choice == *choice);
        if self.reply.is_some() || is_at_it {
            return;
        }
        let settings = chosen(self.admissions.settings(), choice);
        let (language, scenario) = (settings.language.clone(), settings.scenario.clone());
        // Who has chosen a scene and heard nothing yet lets the tutor begin.
        let opening = scenario.is_some() && self.memory.is_empty();
        let lesson = LessonKey { language, level: settings.level, scenario };
        let answering = settings.model.clone().unwrap_or_else(|| self.parts.model.info().name);
        let terms = AnswerTerms::default();
        let request = self.request(lesson, &settings, (&answering, opening), &terms);
        let asides = self.parts.model.warm(request);
        let log = self.log.clone();
        // A notice comes with the first answer, once.
        let tell = move |aside| {
            if let Aside::Progress(progress) = aside {
                log.publish(Event::Progress(progress));
            }
            ready(())
        };
        let task = self.parts.shutdown.spawn("model warm-up", asides.for_each(tell));
        let task = AbortOnDropHandle::new(task);
        self.warming = Some(Warming { choice: choice.clone(), task });
    }

    pub(super) fn is_warming(&self) -> bool {
        self.warming.as_ref().is_some_and(|warming| !warming.task.is_finished())
    }
}
