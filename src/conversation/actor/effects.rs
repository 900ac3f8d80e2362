//! Carries out what the turn machine decides, one small function an effect.

use std::{sync::Arc, time::Duration};

use futures_util::{FutureExt, StreamExt, stream::SelectAll};

use crate::{
    domain::{
        AnswerTerms, AudioFileId, ChatCommand, LessonChoice, Message, MessageId, Role, SpeechState,
        TurnId, TurnMetadata, UserId,
    },
    providers::{ChatRequest, LessonKey, ModelInfo},
    storage::{
        self, Choices, EndedTurn, HeardTurn, NewTurn, Storage, StorageError, TurnState, TurnSummary,
    },
    synthesis::{Listener, Place, SpeechJob},
    wall_clock,
};

use super::{
    super::{
        prompt::Brief,
        turn_machine::{Ask, Effect, Input, Outcome, Record},
    },
    Actor, Reply,
    admission::{Answer, Verdict, Waiting},
    stages::Made,
};

/// Tokens that a model of unknown size is given: what Ollama gives one that is not told otherwise.
const LEAST_CONTEXT: u32 = 4096;

/// How long to wait before a turn's end is written again.
const END_TURN_PAUSES: [Duration; 6] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(30),
    Duration::from_secs(60),
];

impl Actor {
    /// A learner's message: judged, then put before the machine.
    pub(super) async fn say(&mut self, user: UserId, command: ChatCommand, answer: Answer) {
        let Verdict::New { fingerprint, answer } = self.admissions.judge(&command, answer) else {
            return;
        };
        if let Err(failure) = self.take_leave() {
            return drop(answer.send(Err(failure)));
        }
        let settings = chosen(self.admissions.settings(), &command.choice);
        let ask = self.ask(user, &command, &settings);
        let message = ask.message.as_ref().map_or(&ask.answer, |message| &message.id).clone();
        let waiting = Waiting { turn: ask.turn.clone(), message, settings, answers: vec![answer] };
        self.admissions.wait(waiting, &command, fingerprint);
        self.feed(Input::Ask(ask)).await;
    }

    pub(super) fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Store(ask) => self.store(&ask),
            Effect::AskModel(ask) => self.ask_model(&ask),
            Effect::DropModel { turn } => {
                self.reply.take_if(|reply| reply.turn == turn);
            }
            Effect::Speak { turn, index } => self.speak(turn, index),
            Effect::Silence { turn } => drop(self.speeches.remove(&turn)),
            Effect::Publish(event) => self.log.publish(event),
            Effect::Record(record) => self.record(record),
            Effect::Heard { turn, chunks, ms, text } => {
                self.note_heard(HeardTurn { turn, chunks, ms, text });
            }
            Effect::Refuse { turn, failure } => {
                self.memory.forget(&turn);
                self.stages.forget(&turn);
                self.receipts.forget(&turn);
                self.admissions.refuse(&turn, &failure);
            }
        }
    }

    /// No more of it is shown to the model.
    pub(super) fn note_heard(&mut self, heard: HeardTurn) {
        self.memory.heard(&heard.turn, &heard.text);
        let write = self.parts.storage.mark_heard(heard);
        self.writes.push(write.map(|_| None).boxed());
    }

    fn ask(&self, user: UserId, command: &ChatCommand, settings: &Choices) -> Ask {
        let turn = TurnId::random();
        let info = self.parts.model.info();
        let text = command.text.trim();
        let message = (!text.is_empty()).then(|| {
            Arc::new(Message {
                id: MessageId::random(),
                role: Role::User,
                sender: Some(user.clone()),
                text: command.text.clone(),
                verbatim: command.verbatim.clone(),
                client_id: command.client_id.clone(),
                turn: turn.clone(),
            })
        });
        let opening = message.is_none()
            && command.terms.results.is_empty()
            && (command.choice.scenario.is_some() || self.memory.is_empty());
        // The practice tutor plays no model of another name.
        let wanted = settings.model.clone().filter(|_| info.provider != TurnMetadata::PRACTICE);
        let metadata = Arc::new(TurnMetadata {
            model: wanted.unwrap_or(info.name),
            provider: info.provider,
            language: settings.language.clone(),
            level: settings.level,
            voice: settings.voice.clone(),
            scenario: settings.scenario.clone(),
            speed: settings.speed,
        });
        let lost_words = self.parts.prompter.lost_words(&settings.language);
        let (answer, stream) = (MessageId::random(), command.stream);
        let terms = command.terms.clone();
        Ask { turn, answer, user, message, opening, terms, stream, metadata, lost_words }
    }

    fn store(&mut self, ask: &Ask) {
        let turn = ask.turn.clone();
        let write = self.parts.storage.begin_turn(NewTurn {
            conversation: self.conversation.id.clone(),
            owner: self.conversation.owner.clone(),
            name: self.conversation.name.to_string(),
            settings: self.admissions.settings_of(&turn).clone(),
            turn: turn.clone(),
            answer: ask.answer.clone(),
            metadata: Arc::clone(&ask.metadata),
            message: ask.message.clone(),
            fingerprint: self.admissions.fingerprint_of(&turn),
            at: wall_clock::now(),
        });
        let heard = move |stored: Result<(), _>| match stored {
            Ok(()) => Some(Input::Stored { turn }),
            Err(_) => Some(Input::NotStored { turn }),
        };
        self.writes.push(write.map(heard).boxed());
    }

    fn ask_model(&mut self, ask: &Ask) {
        let metadata = &ask.metadata;
        let lesson = LessonKey::from(metadata.as_ref());
        let results = &ask.terms.results;
        match &ask.message {
            _ if !results.is_empty() => {
                self.memory.tutor_called(&ask.turn, results.clone(), lesson.clone());
            }
            None if !ask.opening => {
                self.memory.learner_was_silent(ask.turn.clone(), lesson.clone());
            }
            _ => {}
        }
        if let Some(message) = &ask.message {
            self.memory.learner_said(message, lesson.clone());
        }
        let choices = self.admissions.settings_of(&ask.turn);
        let request = self.request(lesson, choices, (&metadata.model, ask.opening), &ask.terms);
        self.warming = None;
        let stream = self.parts.model.reply(request);
        self.stages.asked_model(&ask.turn);
        self.reply = Some(Reply { turn: ask.turn.clone(), parts: stream });
    }

    /// What a model that is called `answering` is told; `opening` lets the tutor speak first.
    pub(super) fn request(
        &self,
        lesson: LessonKey,
        choices: &Choices,
        (answering, opening): (&str, bool),
        terms: &AnswerTerms,
    ) -> ChatRequest {
        let parts = &self.parts;
        let found = parts.lessons.find(&lesson.language, lesson.level, lesson.scenario.as_deref());
        let history = self.memory.history();
        parts.prompter.compose(&Brief {
            lesson: found.map(AsRef::as_ref),
            key: lesson.clone(),
            model: choices.model.clone(),
            instructions: choices.instructions.as_deref(),
            history: &history,
            context_tokens: context_tokens(&parts.model.info(), answering),
            opening,
            terms: terms.clone(),
        })
    }

    fn speak(&mut self, turn: TurnId, index: usize) {
        let Some(request) = self.speech_request(&turn, index) else { return };
        let now = self.now();
        let listener = self.listeners.entry(turn.clone()).or_insert_with(|| Listener::new(now));
        let listener = listener.clone();
        let place = Place { first: index == 0, listener, index };
        self.stages.asked_voice(&turn, index);
        self.receipts.cut(&turn, now);
        let speech = self.parts.speech.speak(SpeechJob { request, place });
        let speech = speech.map(move |event| (index, event)).boxed();
        if let Some((_, speeches)) = self.speeches.iter_mut().find(|(id, _)| *id == turn) {
            return speeches.push(speech);
        }
        self.speeches.insert(turn, SelectAll::from_iter([speech]));
    }

    fn record(&mut self, record: Record) {
        let made = self.stages.made(&record);
        let Record { snapshot, text, corrections, usage, timings, outcome } = record;
        let summary = TurnSummary { form: snapshot.form, usage, timings };
        let lesson = LessonKey::from(snapshot.metadata.as_ref());
        self.memory.tutor_said(snapshot.turn.clone(), (&text, &snapshot.chunks), lesson);
        self.expect_answers();
        let (state, failure) = match outcome {
            Outcome::Complete => (TurnState::Complete, None),
            Outcome::Stopped => (TurnState::Stopped, None),
            Outcome::Failed(failure) => {
                (TurnState::Failed(failure.code.to_owned()), Some(failure.code))
            }
        };
        self.parts.metrics.ended(state.name(), failure, &timings);
        if let Some(usage) = usage {
            self.parts.metrics.used(usage);
        }
        let conversation = self.conversation.id.clone();
        let at = wall_clock::now();
        let ended = EndedTurn { conversation, snapshot, text, corrections, summary, state, at };
        let files = audio_files(&ended);
        let (storage, known) = (Arc::clone(&self.parts.storage), self.parts.audio_files.clone());
        // The first try takes its place among the writes at once.
        let first = storage.end_turn(ended.clone());
        let tell = move |stored: Result<(), _>| {
            made.into_iter().for_each(Made::stored);
            stored.into_iter().for_each(|()| known.forget(&files));
            None
        };
        self.writes.push(end_turn(first, storage, ended).map(tell).boxed());
    }
}

fn audio_files(turn: &EndedTurn) -> Vec<AudioFileId> {
    let spoken = turn.snapshot.chunks.iter().filter_map(|chunk| match &chunk.speech {
        SpeechState::Ready(audio) => Some(audio.file.clone()),
        _ => None,
    });
    spoken.collect()
}

/// What was said must not be lost because somebody holds the database: the end of a turn is tried again.
async fn end_turn(
    first: storage::Reply<()>,
    storage: Arc<dyn Storage>,
    ended: EndedTurn,
) -> Result<(), StorageError> {
    let mut written = first.await;
    for pause in END_TURN_PAUSES {
        // Any other failure is final, and has been logged where it happened.
        if !written.as_ref().is_err_and(StorageError::may_pass) {
            break;
        }
        tokio::time::sleep(pause).await;
        written = storage.end_turn(ended.clone()).await;
    }
    written
}

/// The room for a prompt; a model other than the usual one is held to have no more than models have at least.
fn context_tokens(usual: &ModelInfo, answering: &str) -> Option<u32> {
    let is_usual = usual.name == answering;
    usual.context_tokens.map(|tokens| if is_usual { tokens } else { tokens.min(LEAST_CONTEXT) })
}

/// What the learner chooses holds until they choose otherwise.
pub(super) fn chosen(before: &Choices, choice: &LessonChoice) -> Choices {
    let mut settings = before.clone();
    if let Some(language) = &choice.language {
        // A voice speaks one language: with another language it is chosen anew.
        if *language != settings.language {
            settings.voice = None;
        }
        settings.language = language.clone();
    }
    settings.level = choice.level.unwrap_or(settings.level);
    replace(&mut settings.scenario, choice.scenario.as_ref());
    replace(&mut settings.voice, choice.voice.as_ref());
    replace(&mut settings.model, choice.model.as_ref());
    replace(&mut settings.instructions, choice.instructions.as_ref());
    settings.speed = choice.speed;
    settings
}

/// A new choice takes the place of the old one; an empty one takes it away.
fn replace(setting: &mut Option<String>, choice: Option<&String>) {
    if let Some(choice) = choice {
        *setting = Some(choice.clone()).filter(|text| !text.is_empty());
    }
}
