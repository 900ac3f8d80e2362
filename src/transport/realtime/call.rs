//! One session of the Realtime protocol in a conversation, whatever carries it: effects are carried out here. It sends nothing.

use std::{net::IpAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{
    FutureExt, StreamExt,
    future::{BoxFuture, join_all, ready},
    stream::{self, BoxStream, FuturesUnordered},
};
use serde_json::Value;
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep_until, timeout},
};
use tokio_stream::StreamMap;

use super::{
    ears::{Ears, Errand},
    grant::Grant,
};
use crate::{
    app::App,
    audio::outgoing::{Law, encoded},
    auth::User,
    conversation::{VoiceManner, VoiceStart, unsupported_audio},
    domain::{
        AudioFileId, ChatCommand, Ending, Failure, Language, LessonChoice, TurnId, random_token,
    },
    hub::{Cursor, Interest, Lagged},
    limits::TooFast,
    providers::{ChatRequest, ModelPart},
    realtime::{Effect, Fault, Input, Offer, Protocol, SoundFormat, SoundPath},
    session::Session,
    storage::HeardTurn,
    transport::sound::sound,
};

/// How long the engines may take to say which voices they have.
const VOICES_PATIENCE: Duration = Duration::from_secs(2);
/// Responses beside the conversation that may be made at once.
const BESIDE: usize = 4;

/// A session that somebody carries.
pub(in crate::transport) struct Call {
    app: App,
    session: Session,
    address: IpAddr,
    cursor: Cursor,
    protocol: Protocol,
    /// When its clock began.
    began: Instant,
    ears: Ears,
    /// What is being waited for: messages on their way to the disk, sounds on theirs.
    awaited: FuturesUnordered<BoxFuture<'static, Input>>,
    /// What models write beside the conversation.
    beside: StreamMap<String, BoxStream<'static, Input>>,
}

/// What the carrier is to pass on, in this order.
pub(in crate::transport) enum Outgoing {
    Event(Value),
    /// Sound of a chunk to play, for carriers that play.
    Sound {
        turn: TurnId,
        chunk: usize,
        sound: Bytes,
    },
    /// Play nothing more.
    Hush,
}

impl Call {
    /// Joins the conversation; what goes out first comes with it.
    ///
    /// # Errors
    /// A configuration that is not what it should be.
    pub(in crate::transport) async fn open(
        app: App,
        (user, address): (User, IpAddr),
        grant: Grant,
        path: SoundPath,
    ) -> Result<(Self, Vec<Outgoing>), Fault> {
        let mut protocol = Protocol::new(&random_token(), offer(&app).await, grant.shape(), path);
        protocol.configure(&grant.session)?;
        protocol.allow(app.limits.rates.full());
        let name = grant.conversation.as_deref();
        let session = Session::open(&app.conversations, &app.auth, user, name);
        let joined = session.listen(Interest { resume: None, deltas: true }).await;
        let mut call = Self {
            app,
            session,
            address,
            cursor: joined.cursor,
            protocol,
            began: Instant::now(),
            ears: Ears::default(),
            awaited: FuturesUnordered::new(),
            beside: StreamMap::new(),
        };
        let effects = call.protocol.begin();
        let outgoing = call.carry_out(effects).await;
        Ok((call, outgoing))
    }

    /// What happens next beside the client's events. Giving up the wait loses nothing.
    ///
    /// # Errors
    /// When the conversation's events came faster than they were taken.
    pub(in crate::transport) async fn next(&mut self) -> Result<Vec<Input>, Lagged> {
        let due = self.protocol.next_wake().map(|due| self.began + Duration::from_millis(due));
        let input = tokio::select! {
            events = self.cursor.next() => {
                return Ok(events?.iter().map(|one| Input::Event(one.event.clone())).collect());
            }
            report = self.ears.next(self.session.conversation()) => match report {
                Some(report) => Input::Voice(report),
                None => return Ok(Vec::new()),
            },
            Some(input) = self.awaited.next(), if !self.awaited.is_empty() => input,
            () = sleep_until(due.unwrap_or(self.began)), if due.is_some() => Input::Clock,
            Some((_, input)) = self.beside.next(), if !self.beside.is_empty() => input,
        };
        Ok(vec![input])
    }

    /// Takes what has happened, and does what follows.
    pub(in crate::transport) async fn take(&mut self, input: Input) -> Vec<Outgoing> {
        let now = self.began.elapsed().as_millis();
        self.protocol.set_time(u64::try_from(now).unwrap_or(u64::MAX));
        let effects = self.protocol.handle(input);
        self.carry_out(effects).await
    }

    /// The client has heard a turn so far.
    pub(in crate::transport) async fn played(&mut self, turn: TurnId, chunk: usize, ms: u64) {
        self.session.conversation().played(turn, chunk, ms).await;
    }

    /// The client has to wait until its sound has been taken.
    pub(in crate::transport) fn is_full(&self) -> bool {
        self.ears.is_full()
    }

    async fn carry_out(&mut self, effects: Vec<Effect>) -> Vec<Outgoing> {
        let mut outgoing = Vec::new();
        for effect in effects {
            match effect {
                Effect::Send(event) => outgoing.push(Outgoing::Event(event)),
                Effect::Play { turn, chunk, sound } => {
                    outgoing.push(Outgoing::Sound { turn, chunk, sound });
                }
                Effect::Hush => outgoing.push(Outgoing::Hush),
                Effect::Hear(sound) => self.ears.put(Errand::Sound(sound)),
                Effect::CommitVoice => self.ears.put(Errand::Commit),
                Effect::ClearVoice => self.ears.put(Errand::Clear),
                Effect::Retune(manner) => self.ears.put(Errand::Retune(manner)),
                Effect::Deafen => self.ears.close(),
                Effect::Listen { format, language, manner } => {
                    if let Err(failure) = self.listen(format, language, manner).await {
                        self.awaited.push(ready(Input::Deaf(failure)).boxed());
                    }
                }
                Effect::Say { response, command } => self.say(response, command).await,
                Effect::Stop(turn) => self.session.conversation().stop(Some(turn)).await,
                Effect::Heard { turn, chunk, ms, text } => {
                    let heard = HeardTurn { turn, chunks: chunk, ms, text };
                    self.session.conversation().cut(heard).await;
                }
                Effect::Fetch { turn, chunk, file, format } => {
                    let sound = fetch(self.app.clone(), file, format);
                    let told = sound.map(move |sound| Input::Sound { turn, chunk, sound });
                    self.awaited.push(told.boxed());
                }
                Effect::Ask { response, request } => self.ask(response, request),
                Effect::DropAsk { response } => drop(self.beside.remove(&response)),
            }
        }
        outgoing
    }
}

impl Call {
    async fn listen(
        &mut self,
        format: SoundFormat,
        language: Option<Language>,
        manner: VoiceManner,
    ) -> Result<(), Failure> {
        self.may_start()?;
        let choice = LessonChoice { language, ..LessonChoice::default() };
        let format = format.intake().map_err(|error| unsupported_audio(&error))?;
        let start = VoiceStart { format, choice, manner, reports: None };
        self.ears.open(&self.session, start).await
    }

    async fn say(&mut self, response: String, command: ChatCommand) {
        if let Err(failure) = self.may_start() {
            let answer = Err(failure);
            return self.awaited.push(ready(Input::Said { response, answer }).boxed());
        }
        let answer = self.session.say(command).await;
        let told = answer.map(move |answer| {
            let answer = answer.map(|accepted| accepted.turn);
            Input::Said { response, answer }
        });
        self.awaited.push(told.boxed());
    }

    fn ask(&mut self, response: String, request: ChatRequest) {
        let room = if self.beside.len() < BESIDE { Ok(()) } else { Err(too_many_beside()) };
        if let Err(failure) = room.and_then(|()| self.may_start()) {
            let outcome = Err(failure);
            return self.awaited.push(ready(Input::WrittenOut { response, outcome }).boxed());
        }
        let id = response.clone();
        let outcome = Ok(Ending::default());
        let end = Input::WrittenOut { response: response.clone(), outcome };
        let written = self.app.model.reply(request).filter_map(move |part| {
            let response = id.clone();
            ready(match part {
                Ok(ModelPart::Text(text)) => Some(Input::Written { response, text }),
                Ok(ModelPart::Call(call)) => Some(Input::Called { response, call }),
                Ok(ModelPart::Aside(_)) => None,
                Ok(ModelPart::Done(ending)) => {
                    Some(Input::WrittenOut { response, outcome: Ok(ending) })
                }
                Err(error) => Some(Input::WrittenOut { response, outcome: Err(error.failure()) }),
            })
        });
        // A model that says nothing of its end has ended all the same; what is told twice is told once.
        let written = written.chain(stream::once(ready(end)));
        self.beside.insert(response, written.boxed());
    }

    /// What starts work is counted for the user, the address and the server.
    fn may_start(&mut self) -> Result<(), Failure> {
        let counted = self.app.limits.rates.start(&self.session.user().id, self.address);
        let left = counted.map_err(|too_fast: TooFast| Failure {
            code: "rate_limited",
            message: too_fast.to_string(),
            retryable: true,
        })?;
        self.protocol.allow(left);
        Ok(())
    }
}

/// What this server has to offer a session; an engine that does not answer soon is left out.
pub(in crate::transport) async fn offer(app: &App) -> Offer {
    let voices = app.engines.iter().map(|engine| timeout(VOICES_PATIENCE, engine.voices()));
    let voices = join_all(voices).await.into_iter().flatten().flatten().flatten();
    Offer { model: app.model.info().name, voices: voices.map(|voice| voice.id).collect() }
}

async fn fetch(app: App, file: AudioFileId, format: SoundFormat) -> Option<Bytes> {
    let file: Arc<_> = app.audio_files.find(&file).await.ok().flatten()?;
    let (sound, _) = sound(&app, &file).await?;
    let law = match format {
        SoundFormat::Pcm => Law::Linear16,
        SoundFormat::MuLaw => Law::MuLaw,
        SoundFormat::ALaw => Law::ALaw,
    };
    // Another rate is milliseconds of work for each second of sound, in which no other sound may wait.
    spawn_blocking(move || encoded(&sound, format.rate(), law)).await.ok()
}

fn too_many_beside() -> Failure {
    let message = "as many responses beside the conversation as may be are being made".to_owned();
    Failure { code: "at_capacity", message, retryable: true }
}
