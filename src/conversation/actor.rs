//! The shell of one conversation: feeds its turn machine and carries out what follows. It decides nothing itself.

mod admission;
mod effects;
mod receipts;
mod speaking;
mod stages;
mod voices;
mod warming;

use std::{collections::HashMap, pin::Pin, sync::Arc};

use futures_util::{
    FutureExt, StreamExt,
    future::BoxFuture,
    stream::{BoxStream, FuturesUnordered, SelectAll},
};
use tokio::time::{Duration, Instant, Sleep};
use tokio_stream::StreamMap;

use crate::{
    domain::{Failure, Millis, TurnId, UserId},
    hub::Log,
    limits::Place,
    providers::{ModelPart, ProviderError},
    recognition::Perception,
    storage::{ConversationRow, Page, StorageError, StoredMessage},
    synthesis::{Admitted, Listener, SpeechEvent},
};

use super::{
    Conversation, Joined,
    memory::Memory,
    parts::ConversationParts,
    request::Request,
    roster::{Requests, Roster},
    turn_machine::{Effect, Input, TurnMachine},
    voice::VoiceId,
};

use admission::Admissions;
use receipts::Receipts;
use stages::Stages;
use voices::Voices;
use warming::Warming;

/// How often an actor looks whether anybody is still there.
const PATROL: Duration = Duration::from_secs(5);

pub(super) struct Actor {
    conversation: Conversation,
    parts: Arc<ConversationParts>,
    roster: Roster,
    log: Arc<Log>,
    requests: Requests,
    machine: TurnMachine,
    memory: Memory,
    admissions: Admissions,
    leave: Option<Leave>,
    stages: Stages,
    receipts: Receipts,
    /// The model's answer, while one is being written.
    reply: Option<Reply>,
    warming: Option<Warming>,
    voices: Voices,
    /// What the voices make for each turn, and for which chunk. Only those that have news are looked at.
    speeches: StreamMap<TurnId, SelectAll<BoxStream<'static, (usize, SpeechEvent)>>>,
    /// When each listener runs out of sound, for the order of the speech pool.
    listeners: HashMap<TurnId, Listener>,
    /// Changes on their way to the disk, and what the machine is to hear of them.
    writes: FuturesUnordered<BoxFuture<'static, Option<Input>>>,
    next_patrol: Instant,
    /// Both outlive a turn of the loop: setting them up for each token would cost as much as the token.
    alarm: Pin<Box<Sleep>>,
    drain: BoxFuture<'static, ()>,
    /// Since when there has been no listener.
    alone_since: Option<Instant>,
    idle_since: Instant,
}

/// Leave to make turns, held while one is being made.
struct Leave {
    /// The owner's place, where these are counted.
    _of_owner: Option<Place<UserId>>,
    _of_voices: Admitted,
}

struct Reply {
    turn: TurnId,
    parts: BoxStream<'static, Result<ModelPart, ProviderError>>,
}

/// Effects after which others get their turn: a burst of events must not fill the log before anybody could read.
const BURST: usize = 64;

/// What wakes an actor.
enum Wake {
    Request(Box<Request>),
    Input(Input),
    /// `None` when that microphone has ended.
    Perceived(VoiceId, Option<Perception>),
    /// A change is on disk that the machine does not wait for.
    Written,
    Clock,
}

impl Actor {
    pub(super) fn new(
        conversation: &Conversation,
        (parts, roster): (Arc<ConversationParts>, Roster),
        requests: Requests,
    ) -> Self {
        let shutdown = parts.shutdown.clone();
        let drain = async move { shutdown.draining().await }.boxed();
        Self {
            conversation: conversation.clone(),
            log: parts.log(conversation.id()),
            memory: Memory::new(parts.settings.history_messages),
            stages: Stages::new(parts.traces.clone()),
            receipts: Receipts::default(),
            parts,
            roster,
            requests,
            machine: TurnMachine::default(),
            admissions: Admissions::default(),
            leave: None,
            reply: None,
            warming: None,
            voices: Voices::default(),
            speeches: StreamMap::new(),
            listeners: HashMap::new(),
            writes: FuturesUnordered::new(),
            next_patrol: Instant::now() + PATROL,
            alarm: Box::pin(tokio::time::sleep(PATROL)),
            drain,
            alone_since: None,
            idle_since: Instant::now(),
        }
    }

    /// Lives until nothing has happened for a while or the server drains.
    pub(super) async fn run(mut self) {
        match self.remember().await {
            Ok(()) => self.serve().await,
            Err(error) => self.refuse_everything(&error).await,
        }
    }

    async fn serve(&mut self) {
        loop {
            match self.next_wake().await {
                Wake::Request(request) => self.take(*request).await,
                Wake::Input(input) => self.feed(input).await,
                Wake::Perceived(voice, perceived) => self.perceive(voice, perceived),
                Wake::Clock => self.patrol().await,
                Wake::Written => {}
            }
            if !self.voices.is_empty() {
                self.attend().await;
            }
            if self.is_over() {
                return;
            }
        }
    }

    async fn next_wake(&mut self) -> Wake {
        let began = self.parts.began;
        let due = [self.machine.next_wake(), self.voices.next_wake()].into_iter().flatten().min();
        let due = due.map(|at| began + Duration::from_millis(at));
        let wake_at = due.map_or(self.next_patrol, |due| due.min(self.next_patrol));
        if self.alarm.deadline() != wake_at {
            self.alarm.as_mut().reset(wake_at);
        }
        let is_draining = self.parts.shutdown.is_draining();
        tokio::select! {
            // A token comes more often than what stands behind it, and an answer has an end: nobody waits long for it.
            biased;
            Some(request) = self.requests.recv() => Wake::Request(request),
            Some(written) = self.writes.next() => written.map_or(Wake::Written, Wake::Input),
            input = next_part(&mut self.reply) => Wake::Input(input),
            Some((turn, (index, event))) = self.speeches.next() => {
                Wake::Input(self.heard_from_voice(turn, index, event))
            }
            (voice, perceived) = self.voices.next() => Wake::Perceived(voice, perceived),
            () = &mut self.alarm => Wake::Clock,
            () = &mut self.drain, if !is_draining => Wake::Clock,
        }
    }

    async fn take(&mut self, request: Request) {
        self.idle_since = Instant::now();
        match request {
            Request::Say { user, command, reply } => self.say(user, command, reply).await,
            Request::Stop { turn } => self.feed(Input::Stop { turn }).await,
            Request::Played { turn, index, ms } => {
                self.feed(Input::Played { turn, index, ms }).await;
            }
            Request::Cut { heard } => {
                self.feed(Input::Stop { turn: Some(heard.turn.clone()) }).await;
                self.note_heard(heard);
            }
            Request::Prepare { choice } => self.prepare(&choice),
            // Whoever asked may have gone, and the microphone with them.
            Request::Hear { user, start, reply } => drop(reply.send(self.hear(user, start))),
            Request::Voice { id, order } => self.order_voice(id, order),
            Request::Join { interest, reply } => {
                let subscription = self.log.subscribe(&interest);
                // Whoever asked may have gone.
                drop(reply.send(Joined::new(subscription, self.machine.snapshot())));
            }
        }
    }

    async fn feed(&mut self, input: Input) {
        let stored = match &input {
            Input::Stored { turn } => Some(turn.clone()),
            _ => None,
        };
        self.stages.note(&input);
        let now = self.now();
        if let Some(latency) = self.receipts.note(now, &input) {
            self.tell_latency(latency);
        }
        let is_text = matches!(input, Input::ModelText { .. });
        let effects = self.machine.handle(now, input);
        let is_mere_text = is_text && effects.iter().all(Effect::is_delta);
        for (place, effect) in effects.into_iter().enumerate() {
            self.carry_out(effect);
            if place % BURST == BURST - 1 {
                tokio::task::yield_now().await;
            }
        }
        // Most tokens end no sentence: nothing else has changed for anybody.
        if is_mere_text {
            return;
        }
        if let Some(turn) = stored {
            self.admissions.accept(&turn);
        }
        self.tell_ended_latencies();
        self.tell_listeners();
        if self.machine.making().is_none() {
            self.leave = None;
        }
    }

    /// Whether one more turn may be made: one that takes the place of another needs no further leave.
    fn take_leave(&mut self) -> Result<(), Failure> {
        if self.leave.is_some() {
            return Ok(());
        }
        let owner = &self.conversation.owner;
        let place = self.parts.turns.as_ref().map(|turns| turns.take(owner.clone()));
        let of_owner =
            place.map(|place| place.ok_or_else(admission::too_many_answers)).transpose()?;
        let of_voices = self.parts.speech.admit().ok_or_else(admission::voices_are_full)?;
        self.leave = Some(Leave { _of_owner: of_owner, _of_voices: of_voices });
        Ok(())
    }

    /// The pool orders by when each listener runs out of sound.
    fn tell_listeners(&mut self) {
        let machine = &self.machine;
        self.listeners.retain(|turn, _| machine.making() == Some(turn));
        for (turn, listener) in &self.listeners {
            if let Some(at) = machine.runs_out_at(turn) {
                listener.set_sound_until(at, machine.chunks_made(turn));
            }
        }
    }

    /// Looks whether time has ended something: a turn that was heard, a conversation without listeners.
    async fn patrol(&mut self) {
        self.feed(Input::Clock).await;
        self.next_patrol = Instant::now() + PATROL;
        if self.log.has_listeners() || self.machine.is_idle() {
            self.alone_since = None;
            return;
        }
        let since = *self.alone_since.get_or_insert_with(Instant::now);
        if since.elapsed() >= self.parts.settings.abandoned {
            self.feed(Input::Abandoned).await;
        }
    }

    fn is_over(&mut self) -> bool {
        let draining = self.parts.shutdown.is_draining();
        // A server that goes down finishes what is being made; nobody waits for it to be heard.
        let has_turn =
            if draining { self.machine.making().is_some() } else { !self.machine.is_idle() };
        let is_heard = !draining && !self.voices.is_empty();
        if has_turn || is_heard || (!draining && self.is_warming()) || !self.writes.is_empty() {
            self.idle_since = Instant::now();
            return false;
        }
        let is_due = draining || self.idle_since.elapsed() >= self.parts.settings.idle;
        is_due && self.roster.retire(self.conversation.id(), &self.requests)
    }

    /// Recalls what was said before this actor began.
    async fn remember(&mut self) -> Result<(), StorageError> {
        let storage = Arc::clone(&self.parts.storage);
        let id = self.conversation.id.clone();
        let row = storage.conversation(&id).await?;
        let Some(ConversationRow { settings, .. }) = row else { return Ok(()) };
        self.admissions.set_settings(settings);
        let limit = self.parts.settings.history_messages;
        let messages: Vec<StoredMessage> =
            storage.messages(&id, Page { before: None, limit }).await?;
        for stored in &messages {
            self.memory.recall(stored);
            self.admissions.recall(stored);
        }
        Ok(())
    }

    /// Without its past a conversation would be answered wrongly: whoever asks is told to come back.
    async fn refuse_everything(&mut self, error: &StorageError) {
        tracing::error!(code = "storage_failed", %error, "a conversation could not be read");
        loop {
            while let Ok(request) = self.requests.try_recv() {
                match *request {
                    Request::Say { reply, .. } => {
                        drop(reply.send(Err(admission::storage_unavailable())));
                    }
                    Request::Hear { reply, .. } => {
                        drop(reply.send(Err(admission::storage_unavailable())));
                    }
                    _ => {}
                }
            }
            if self.roster.retire(self.conversation.id(), &self.requests) {
                return;
            }
            tokio::task::yield_now().await;
        }
    }

    fn now(&self) -> Millis {
        self.parts.now()
    }
}

async fn next_part(reply: &mut Option<Reply>) -> Input {
    let Some(Reply { turn, parts }) = reply else { return std::future::pending().await };
    let (turn, part) = (turn.clone(), parts.next().await);
    let input = match part {
        Some(Ok(ModelPart::Text(text))) => return Input::ModelText { turn, text },
        Some(Ok(ModelPart::Call(call))) => return Input::ModelCall { turn, call },
        Some(Ok(ModelPart::Aside(aside))) => return Input::ModelAside { turn, aside },
        Some(Ok(ModelPart::Done(ending))) => Input::ModelDone { turn, ending },
        Some(Err(error)) => {
            tracing::warn!(%turn, %error, code = error.failure().code, "the model failed");
            Input::ModelFailed { turn, failure: error.failure() }
        }
        None => {
            let (provider, reason) = ("model".to_owned(), "its stream ended early".to_owned());
            Input::ModelFailed { turn, failure: ProviderError::Cut { provider, reason }.failure() }
        }
    };
    *reply = None;
    input
}
