//! OpenAI's Realtime protocol on top of a conversation: a client's events and the conversation's come in, effects go out.
//!
//! A response is a turn of the tutor's; what the learner says or writes waits until a response is to answer it. No I/O,
//! no clock, no randomness: a carrier carries out what is decided here.

mod ahead;
mod fault;
mod hearing;
mod idle;
mod items;
mod names;
mod older;
mod read;
mod requests;
mod response;
mod responses;
mod session;
mod sounds;
mod tools;

#[cfg(test)]
mod tests;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::{
    conversation::{VoiceManner, VoiceReport},
    domain::{
        AudioFileId, ChatCommand, Ending, Event, Failure, Language, Millis, ToolCall, TurnId,
    },
    limits::Allowance,
    providers::ChatRequest,
};

pub use fault::Fault;
use hearing::Hearing;
use idle::Idle;
use items::Items;
use names::Names;
use response::{Response, Told};
use session::Session;
pub use session::{Offer, SoundFormat};

/// Which of both shapes a client knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shape {
    #[default]
    Settled,
    /// As it was before: flat sessions, `response.audio.delta`.
    Older,
}

/// How a client gets its sound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SoundPath {
    /// In events, as fast as it is made.
    #[default]
    Events,
    /// By the carrier, as it is heard.
    Carrier,
}

/// Something that has happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// The client's event.
    Client(Map<String, Value>),
    /// A frame of the client's that is no JSON object, and why.
    Garbled(String),
    /// Refused before it was read: too many events at once.
    TooFast { event_id: Option<String>, message: String },
    /// Of the conversation.
    Event(Event),
    /// Of the session's microphone.
    Voice(VoiceReport),
    /// Sound from the microphone of a carrier that hears, at 24 kHz.
    Heard(Bytes),
    /// The microphone could not be opened.
    Deaf(Failure),
    /// What became of [`Effect::Say`].
    Said { response: String, answer: Result<TurnId, Failure> },
    /// What became of [`Effect::Fetch`]: the sound in the format asked for, if it can be had.
    Sound { turn: TurnId, chunk: usize, sound: Option<Bytes> },
    /// More of what [`Effect::Ask`] has asked for.
    Written { response: String, text: String },
    /// The model wishes that a function of the client's be called.
    Called { response: String, call: ToolCall },
    /// The end of it.
    WrittenOut { response: String, outcome: Result<Ending, Failure> },
    /// Of a carrier that plays: all that it was given has been heard.
    Played,
    /// Time has passed.
    Clock,
}

/// Something that the carrier is to do, in this order.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// An event for the client.
    Send(Value),
    /// Say that to the conversation, then tell [`Input::Said`].
    Say {
        response: String,
        command: ChatCommand,
    },
    Stop(TurnId),
    /// No more of the turn was heard than that, and that is its text.
    Heard {
        turn: TurnId,
        chunk: usize,
        ms: u64,
        text: String,
    },
    /// Open the microphone.
    Listen {
        format: SoundFormat,
        language: Option<Language>,
        manner: VoiceManner,
    },
    Retune(VoiceManner),
    /// Close the microphone; it may be opened anew.
    Deafen,
    /// Sound for the microphone, after all before it.
    Hear(Bytes),
    CommitVoice,
    ClearVoice,
    /// Get a chunk's sound, then tell [`Input::Sound`].
    Fetch {
        turn: TurnId,
        chunk: usize,
        file: AudioFileId,
        format: SoundFormat,
    },
    /// Play that, of carriers that play; its silence at the end is no part of the chunk.
    Play {
        turn: TurnId,
        chunk: usize,
        sound: Bytes,
    },
    /// Stop playing, of carriers that play.
    Hush,
    /// Ask the model beside the conversation, and tell what it writes.
    Ask {
        response: String,
        request: ChatRequest,
    },
    /// Nobody wants to know any more.
    DropAsk {
        response: String,
    },
}

/// One client's session.
#[derive(Debug)]
pub struct Protocol {
    names: Names,
    shape: Shape,
    path: SoundPath,
    session: Session,
    conversation: String,
    items: Items,
    /// Items that no response has answered yet.
    unsaid: Vec<String>,
    responses: Vec<Response>,
    /// Responses that were cancelled before their turn was known.
    given_up: Vec<String>,
    /// A turn that another client has begun.
    foreign: Option<TurnId>,
    /// The response that a carrier plays.
    playing: Option<String>,
    hearing: Hearing,
    idle: Idle,
    /// What the limits left, and when.
    allowed: Option<(Millis, Allowance)>,
    effects: Vec<Effect>,
}

impl Protocol {
    /// `seed` is what its names are made of: nobody may guess it.
    #[must_use]
    pub fn new(seed: &str, offer: Offer, shape: Shape, path: SoundPath) -> Self {
        let mut names = Names::new(seed);
        let mut session = Session::new(names.next("sess"), offer);
        if shape == Shape::Older {
            session = session.transcribing();
        }
        Self {
            conversation: names.next("conv"),
            names,
            shape,
            path,
            session,
            items: Items::default(),
            unsaid: Vec::new(),
            responses: Vec::new(),
            given_up: Vec::new(),
            foreign: None,
            playing: None,
            hearing: Hearing::default(),
            idle: Idle::default(),
            allowed: None,
            effects: Vec::new(),
        }
    }

    /// Takes a configuration before the session begins: that of a client's secret.
    ///
    /// # Errors
    /// Which field is not what it should be.
    pub fn configure(&mut self, session: &Map<String, Value>) -> Result<(), Fault> {
        self.session = self.session.merged(session)?;
        Ok(())
    }

    /// The session as its client is shown it.
    #[must_use]
    pub fn session(&self) -> Value {
        match self.shape {
            Shape::Settled => self.session.shown(),
            Shape::Older => older::flat(&self.session.shown()),
        }
    }

    /// The session begins.
    pub fn begin(&mut self) -> Vec<Effect> {
        let session = self.session.shown();
        self.tell(("session.created", json!({"session": session})));
        std::mem::take(&mut self.effects)
    }

    /// Work has been counted: so much more may be started.
    pub fn allow(&mut self, allowance: Allowance) {
        self.allowed = Some((self.idle.now(), allowance));
    }

    /// What follows from an input.
    pub fn handle(&mut self, input: Input) -> Vec<Effect> {
        match input {
            Input::Client(event) => self.request(&event),
            Input::Garbled(why) => {
                let fault = Fault::new("invalid_json", why);
                self.refuse(&fault, None);
            }
            Input::TooFast { event_id, message } => {
                let fault = Fault::new("rate_limit_exceeded", message);
                self.refuse(&fault, event_id.as_deref());
            }
            Input::Event(event) => self.event(event),
            Input::Voice(report) => self.voice(report),
            Input::Heard(sound) => self.hear(sound),
            Input::Deaf(failure) => self.deaf(&failure),
            Input::Said { response, answer } => self.said(&response, answer),
            Input::Sound { turn, chunk, sound } => self.sound(&turn, chunk, sound),
            Input::Written { response, text } => self.written(&response, &text),
            Input::Called { response, call } => self.called_beside(&response, call),
            Input::WrittenOut { response, outcome } => self.written_out(&response, outcome),
            Input::Played => self.played(),
            Input::Clock => {}
        }
        self.look_at_clock();
        std::mem::take(&mut self.effects)
    }

    /// What may be started by now; `None` while nobody has said.
    fn allowance(&self) -> Option<Allowance> {
        let (at, allowance) = self.allowed?;
        Some(allowance.after(self.idle.now().saturating_sub(at)))
    }

    fn tell(&mut self, (kind, fields): Told) {
        let mut event = json!({"type": kind, "event_id": self.names.next_event()});
        if let (Some(event), Value::Object(fields)) = (event.as_object_mut(), fields) {
            event.extend(fields);
        }
        let event = match self.shape {
            Shape::Settled => Some(event),
            Shape::Older => older::renamed(event),
        };
        self.effects.extend(event.map(Effect::Send));
    }

    fn tell_all(&mut self, told: Vec<Told>) {
        told.into_iter().for_each(|told| self.tell(told));
    }

    fn refuse(&mut self, fault: &Fault, event_id: Option<&str>) {
        self.tell(("error", json!({"error": fault.about(event_id)})));
    }

    /// Puts an item of the learner's or the app's in its place and tells of it.
    fn add(&mut self, item: items::Item, previous: Option<&str>) -> Result<(), Fault> {
        let shown = item.shown.clone();
        let before = self.items.insert(item, previous)?;
        let told = json!({"previous_item_id": before, "item": shown});
        self.tell(("conversation.item.added", told.clone()));
        self.tell(("conversation.item.done", told));
        Ok(())
    }
}
