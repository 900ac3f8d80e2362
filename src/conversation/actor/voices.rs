//! The live microphones of a conversation: what is perceived goes to turn-taking, what that decides is carried out here.

use std::{
    collections::VecDeque,
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::StreamExt;
use tokio::sync::{mpsc, oneshot};

use crate::{
    domain::{
        AnswerTerms, ChatCommand, Event, Failure, LessonChoice, MicrophoneMode, Millis, Notice,
        UserId,
    },
    providers::{LessonKey, ListenRequest},
    recognition::{Ear, ListenError, Microphone, Perception},
    storage::Choices,
};

use super::{
    super::{
        Accepted,
        request::VoiceOrder,
        turn_machine::Input,
        turn_taking::{Decision, Fact, TurnTaking, TurnTakingSettings, Utterance},
        voice::{VoiceId, VoiceManner, VoiceReport, VoiceStart, unsupported_audio},
    },
    Actor,
    effects::chosen,
    receipts::SpeechEnd,
};

/// Microphones that a conversation has at once; one more is refused.
const VOICES: usize = 16;

/// The microphones, and what was decided about them and is not carried out yet.
#[derive(Default)]
pub(super) struct Voices {
    live: Vec<Voice>,
    opened: u64,
    decided: VecDeque<(VoiceId, Decision)>,
    tutor_sounds: bool,
}

/// One learner's microphone.
struct Voice {
    id: VoiceId,
    user: UserId,
    /// What the next message chooses.
    choice: LessonChoice,
    manner: VoiceManner,
    taking: TurnTaking,
    settings: TurnTakingSettings,
    /// `None` once nothing more is perceived; what was said may still wait for its end.
    ear: Option<Ear>,
    reports: Option<mpsc::Sender<VoiceReport>>,
    /// When its newest words became final.
    final_at: Option<Millis>,
}

impl Voices {
    /// What is perceived next, and by whom; `None` when that microphone has ended.
    pub(super) async fn next(&mut self) -> (VoiceId, Option<Perception>) {
        poll_fn(|context| self.poll_next(context)).await
    }

    pub(super) fn next_wake(&self) -> Option<Millis> {
        self.live.iter().filter_map(|voice| voice.taking.next_wake()).min()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.live.is_empty()
    }

    /// A chunk of the tutor's is about to be heard.
    pub(super) fn tutor_says(&mut self, now: Millis, text: &str) {
        self.tell_all(now, &Fact::TutorSays(text.to_owned()));
    }

    /// Time has passed, and the tutor is to be heard or not.
    fn tick(&mut self, now: Millis, tutor_sounds: bool) {
        if self.tutor_sounds != tutor_sounds {
            self.tutor_sounds = tutor_sounds;
            let fact = if tutor_sounds { Fact::TutorSounds } else { Fact::TutorSilent };
            self.tell_all(now, &fact);
        }
        if self.next_wake().is_some_and(|due| due <= now) {
            self.tell_all(now, &Fact::Clock);
        }
    }

    /// Lets go of microphones that have ended and of whose words nothing more can come.
    fn forget_ended(&mut self) {
        self.live.retain(|voice| voice.ear.is_some() || voice.taking.next_wake().is_some());
    }

    fn tell_all(&mut self, now: Millis, fact: &Fact) {
        let ids: Vec<_> = self.live.iter().map(|voice| voice.id).collect();
        for id in ids {
            self.tell(id, now, fact.clone());
        }
    }

    fn tell(&mut self, id: VoiceId, now: Millis, fact: Fact) {
        let Some(voice) = self.live.iter_mut().find(|voice| voice.id == id) else { return };
        let decisions = voice.taking.handle(now, fact);
        self.decided.extend(decisions.into_iter().map(|decision| (id, decision)));
    }

    fn find(&mut self, id: VoiceId) -> Option<&mut Voice> {
        self.live.iter_mut().find(|voice| voice.id == id)
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<(VoiceId, Option<Perception>)> {
        for voice in &mut self.live {
            let Some(ear) = &mut voice.ear else { continue };
            if let Poll::Ready(perceived) = ear.poll_next_unpin(context) {
                return Poll::Ready((voice.id, perceived));
            }
        }
        Poll::Pending
    }
}

impl Voice {
    /// An owner who falls behind is told nothing more.
    fn report(&mut self, report: VoiceReport) {
        if self.reports.as_ref().is_some_and(|reports| reports.try_send(report).is_err()) {
            self.reports = None;
        }
    }
}

impl Actor {
    /// Opens a microphone for the user.
    pub(super) fn hear(
        &mut self,
        user: UserId,
        start: VoiceStart,
    ) -> Result<(Microphone, VoiceId), Failure> {
        if self.voices.live.len() >= VOICES {
            return Err(too_many_microphones());
        }
        let choices = chosen(self.admissions.settings(), &start.choice);
        let language = choices.language.clone();
        let settings = TurnTakingSettings::for_language(&self.parts.cues, &language, choices.level);
        let request = ListenRequest { language: Some(language), is_recorded: false };
        let (microphone, ear) = self.parts.ears.listen(start.format, request).map_err(deaf)?;
        ear.set_threshold(start.manner.threshold);
        self.voices.opened += 1;
        let id = VoiceId(self.voices.opened);
        let settings = patient(settings, start.manner);
        self.voices.live.push(Voice {
            id,
            user,
            choice: start.choice,
            manner: start.manner,
            taking: TurnTaking::new(settings.clone()),
            settings,
            ear: Some(ear),
            reports: start.reports,
            final_at: None,
        });
        let expected = self.expected(&choices);
        self.voices
            .find(id)
            .and_then(|voice| voice.ear.as_ref())
            .iter()
            .for_each(|ear| ear.expect(Arc::clone(&expected)));
        let now = self.now();
        if self.voices.tutor_sounds {
            self.voices.tell(id, now, Fact::TutorSounds);
        }
        if start.manner.mode == MicrophoneMode::PushToTalk {
            self.voices.tell(id, now, Fact::Pressed);
        }
        Ok((microphone, id))
    }

    /// Tells all ears what the learner may say next, where the tutor knows.
    pub(super) fn expect_answers(&self) {
        if self.voices.is_empty() {
            return;
        }
        let phrases = self.expected(self.admissions.settings());
        for ear in self.voices.live.iter().filter_map(|voice| voice.ear.as_ref()) {
            ear.expect(Arc::clone(&phrases));
        }
    }

    fn expected(&self, choices: &Choices) -> Arc<[String]> {
        let Choices { language, level, scenario, model, .. } = choices.clone();
        let answering = model.unwrap_or_else(|| self.parts.model.info().name);
        let lesson = LessonKey { language, level, scenario };
        let request = self.request(lesson, choices, (&answering, false), &AnswerTerms::default());
        self.parts.model.expected(&request).into()
    }

    pub(super) fn order_voice(&mut self, id: VoiceId, order: VoiceOrder) {
        let now = self.now();
        let Some(voice) = self.voices.find(id) else { return };
        match order {
            VoiceOrder::Commit => {
                if let Some(ear) = &voice.ear {
                    ear.flush();
                }
                self.voices.tell(id, now, Fact::Commit);
            }
            VoiceOrder::Clear => self.voices.tell(id, now, Fact::Clear),
            VoiceOrder::Manner(manner) => {
                voice.manner = manner;
                voice.ear.iter().for_each(|ear| ear.set_threshold(manner.threshold));
                voice.settings = patient(voice.settings.clone(), manner);
                let decisions = voice.taking.change(now, voice.settings.clone());
                self.voices.decided.extend(decisions.into_iter().map(|decision| (id, decision)));
            }
        }
    }

    pub(super) fn perceive(&mut self, id: VoiceId, perceived: Option<Perception>) {
        let now = self.now();
        let Some(voice) = self.voices.find(id) else { return };
        let Some(perceived) = perceived else {
            // Whatever was said until then is the learner's turn.
            voice.ear = None;
            let is_pressed = voice.manner.mode == MicrophoneMode::PushToTalk;
            let fact = if is_pressed { Fact::Released } else { Fact::Commit };
            return self.voices.tell(id, now, fact);
        };
        let (fact, event) = match perceived {
            Perception::VoiceOn { at_ms } => {
                voice.report(VoiceReport::VoiceOn { at_ms });
                (Some(Fact::VoiceOn), Some(Event::SpeechStarted))
            }
            Perception::VoiceOff { at_ms } => {
                voice.report(VoiceReport::VoiceOff { at_ms });
                // Its last words are wanted now: the service need not find out by itself that there was a pause.
                voice.ear.iter().for_each(Ear::flush);
                (Some(Fact::VoiceOff), Some(Event::SpeechStopped))
            }
            Perception::Transcript(transcript) => {
                voice.report(VoiceReport::Transcript(transcript.clone()));
                let (segment, text) = (transcript.segment, transcript.text.clone());
                if transcript.is_final {
                    voice.final_at = Some(now);
                }
                let fact = match transcript.is_final {
                    true => Fact::Final { segment, text },
                    false => Fact::Partial { segment, text },
                };
                (Some(fact), Some(Event::Transcript(Arc::new(transcript))))
            }
            Perception::EndHint => (Some(Fact::EndHint), None),
            Perception::Flushed => (Some(Fact::Flushed), None),
            Perception::Reconnecting => (None, Some(Event::Notice(reconnecting()))),
            Perception::Quiet { .. } => (None, Some(Event::Notice(nothing_heard()))),
            Perception::Failed(error) => {
                tracing::warn!(%error, "nobody hears the learner any more");
                let failure = error.failure();
                voice.report(VoiceReport::Failed(failure));
                (None, Some(Event::Notice(hearing_failed())))
            }
        };
        event.into_iter().for_each(|event| self.log.publish(event));
        if let Some(fact) = fact {
            self.voices.tell(id, now, fact);
        }
    }

    /// Carries out what follows from what was perceived and from the tutor's sound.
    pub(super) async fn attend(&mut self) {
        loop {
            let now = self.now();
            self.voices.tick(now, self.machine.audible().is_some());
            let Some((id, decision)) = self.voices.decided.pop_front() else {
                return self.voices.forget_ended();
            };
            let interrupts = self.voices.find(id).is_none_or(|voice| voice.manner.interrupts);
            match decision {
                Decision::PauseTutor if interrupts => self.feed(Input::Pause).await,
                Decision::ResumeTutor if interrupts => self.feed(Input::Resume).await,
                Decision::InterruptTutor if interrupts => self.feed(Input::Interrupt).await,
                Decision::PauseTutor | Decision::ResumeTutor | Decision::InterruptTutor => {}
                Decision::Listening(listening) => self.log.publish(Event::Listening(listening)),
                Decision::NothingSaid { was_committed } => {
                    if let Some(voice) = self.voices.find(id) {
                        voice.report(VoiceReport::NothingSaid { was_committed });
                    }
                }
                Decision::EndOfTurn(utterance) => self.heard_out(id, utterance).await,
            }
        }
    }

    /// A learner has finished: what they said is their message.
    async fn heard_out(&mut self, id: VoiceId, utterance: Utterance) {
        let Some(voice) = self.voices.find(id) else { return };
        let text = voice.settings.cues.without_sounds(&utterance.text);
        voice.report(VoiceReport::Ended { utterance: utterance.clone(), message: text.clone() });
        if !voice.manner.answers || text.is_empty() {
            return;
        }
        let (user, reports) = (voice.user.clone(), voice.reports.clone());
        let final_at = voice.final_at.take();
        // What is chosen otherwise later on holds for what is said then.
        let choice = std::mem::take(&mut voice.choice);
        let command = ChatCommand {
            text,
            stream: true,
            choice,
            client_id: None,
            verbatim: Some(utterance.text.clone()),
            terms: AnswerTerms::default(),
        };
        let (reply, answer) = oneshot::channel();
        let log = Arc::clone(&self.log);
        let tell = async move {
            let answer: Result<Accepted, Failure> = answer.await.ok()?;
            if let Err(failure) = &answer {
                log.publish(Event::Notice(not_taken(failure)));
            }
            if let Some(reports) = reports {
                let answered = VoiceReport::Answered(answer.map(|accepted| accepted.turn));
                drop(reports.try_send(answered));
            }
            None
        };
        self.writes.push(Box::pin(tell));
        let decided_at = self.now();
        let voice_off_at = utterance.voice_off_at;
        let speech = SpeechEnd { voice_off_at, final_at, decided_at };
        let began = self.parts.began;
        self.stages.expect(|at| began + Duration::from_millis(at), speech);
        self.receipts.expect(Some(speech));
        self.say(user, command, reply).await;
        // A message that was refused has begun no turn.
        self.receipts.expect(None);
    }
}

/// Silence by level and habit, unless somebody knows better.
fn patient(settings: TurnTakingSettings, manner: VoiceManner) -> TurnTakingSettings {
    let end_silence_ms = manner.end_silence_ms.unwrap_or(settings.end_silence_ms);
    TurnTakingSettings { mode: manner.mode, end_silence_ms, ..settings }
}

fn deaf(error: ListenError) -> Failure {
    match &error {
        ListenError::Deaf => Failure {
            code: "no_ears",
            message: "parla has no ears yet: `parla doctor` says how to give it some".to_owned(),
            retryable: false,
        },
        ListenError::Language => Failure {
            code: "language_not_heard",
            message: "parla's ears do not understand this language; you can write it".to_owned(),
            retryable: true,
        },
        ListenError::Format(error) => unsupported_audio(error),
    }
}

fn too_many_microphones() -> Failure {
    let message = "as many microphones as one conversation may have are open".to_owned();
    Failure { code: "too_many_microphones", message, retryable: true }
}

fn reconnecting() -> Notice {
    Notice::new("ears_reconnecting", "one moment: another service listens from here on".to_owned())
}

fn nothing_heard() -> Notice {
    Notice::new("nothing_heard", "the microphone is on, but nothing comes from it".to_owned())
}

fn hearing_failed() -> Notice {
    let text = "nobody can hear you at the moment; you can write instead".to_owned();
    Notice::new("hearing_failed", text)
}

fn not_taken(failure: &Failure) -> Notice {
    Notice::new("not_answered", format!("what you said was not answered: {}", failure.message))
}
