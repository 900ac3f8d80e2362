//! Decides what happens in a conversation, turn by turn. It does no I/O and reads no clock: inputs in, effects out.
//!
//! A turn is *made* (the model writes, the voices speak; it ends with exactly one of complete, stopped, failed) and
//! then *played* until it has been heard. At most one turn is being made at a time. What belongs
//! to a turn that is over is dropped here and nowhere else.

mod asking;
mod making;
mod playback;
mod turn;

#[cfg(test)]
mod tests;

use std::{collections::VecDeque, sync::Arc};

use crate::domain::{
    AnswerTerms, Aside, ChunkAudio, Correction, Ending, Event, Failure, Message, MessageId, Millis,
    Timings, ToolCall, TurnId, TurnMetadata, TurnSnapshot, Usage, UserId,
};

use turn::Turn;

/// Messages of other members that may wait while a turn is being made.
pub const QUEUE_LIMIT: usize = 8;

/// The decisions of one conversation.
#[derive(Default)]
pub struct TurnMachine {
    /// Oldest first; at most one is being made, the others are only being played.
    turns: VecDeque<Turn>,
    waiting: VecDeque<Waiting>,
    /// Codes of the notices that have been told.
    noticed: Vec<&'static str>,
}

/// What a turn starts with. The shell makes the ids: randomness is I/O.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    pub turn: TurnId,
    /// The id of the tutor's message that the turn becomes.
    pub answer: MessageId,
    pub user: UserId,
    /// What the learner said; `None` when the tutor speaks first, or goes on, perhaps with what came of its calls.
    pub message: Option<Arc<Message>>,
    /// The tutor begins, whatever was said before.
    pub opening: bool,
    pub terms: AnswerTerms,
    /// Tell of chunks while the model is still writing.
    pub stream: bool,
    pub metadata: Arc<TurnMetadata>,
    /// What the tutor says when the model has nothing to say; with tags.
    pub lost_words: String,
}

impl Effect {
    /// It only passes a piece of text on.
    #[must_use]
    pub fn is_delta(&self) -> bool {
        matches!(self, Self::Publish(Event::TextDelta { .. }))
    }
}

impl Ask {
    /// The tutor goes on with what came of its calls; nobody has said anything.
    fn goes_on(&self) -> bool {
        self.message.is_none() && !self.terms.results.is_empty()
    }
}

/// Something that has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    Ask(Ask),
    /// The turn's message is on disk.
    Stored {
        turn: TurnId,
    },
    NotStored {
        turn: TurnId,
    },
    ModelText {
        turn: TurnId,
        text: String,
    },
    /// The model calls a function.
    ModelCall {
        turn: TurnId,
        call: ToolCall,
    },
    /// The model tells something beside its answer.
    ModelAside {
        turn: TurnId,
        aside: Aside,
    },
    ModelDone {
        turn: TurnId,
        ending: Ending,
    },
    ModelFailed {
        turn: TurnId,
        failure: Failure,
    },
    SpeechStarted {
        turn: TurnId,
        index: usize,
    },
    SpeechReady {
        turn: TurnId,
        index: usize,
        audio: ChunkAudio,
    },
    SpeechFailed {
        turn: TurnId,
        index: usize,
        reason: String,
    },
    /// Someone pressed stop: that turn, or the present one.
    Stop {
        turn: Option<TurnId>,
    },
    /// The learner speaks over the tutor, and means it.
    Interrupt,
    /// Somebody may be speaking.
    Pause,
    /// It was nothing.
    Resume,
    /// A client has played that far.
    Played {
        turn: TurnId,
        index: usize,
        ms: u64,
    },
    /// Nobody has been connected for long.
    Abandoned,
    Clock,
}

/// Something that the shell is to do, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Put the turn and its message on disk, then say [`Input::Stored`].
    Store(Ask),
    AskModel(Ask),
    DropModel {
        turn: TurnId,
    },
    Speak {
        turn: TurnId,
        index: usize,
    },
    /// Cancel what is being spoken for the turn.
    Silence {
        turn: TurnId,
    },
    Publish(Event),
    /// Write the turn's end to disk; the answer becomes part of the history.
    Record(Record),
    /// The turn was heard only in part: the model shall see no more than `text`.
    Heard {
        turn: TurnId,
        chunks: usize,
        ms: u64,
        text: String,
    },
    /// The message is not taken; nothing was stored.
    Refuse {
        turn: TurnId,
        failure: Failure,
    },
}

/// A turn that has been made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub snapshot: Arc<TurnSnapshot>,
    pub text: String,
    pub corrections: Vec<Correction>,
    pub usage: Option<Usage>,
    pub timings: Timings,
    pub outcome: Outcome,
}

/// How the making of a turn ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Complete,
    Stopped,
    Failed(Failure),
}

/// A turn that waits until the one before it is made.
struct Waiting {
    ask: Ask,
    stored: bool,
    since: Millis,
}

impl TurnMachine {
    /// What follows from an input that happens at `now`.
    pub fn handle(&mut self, now: Millis, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        let out = &mut effects;
        match input {
            Input::Ask(ask) => self.ask(now, ask, out),
            Input::Stored { turn } => self.stored(&turn, out),
            Input::NotStored { turn } => self.not_stored(now, &turn, out),
            Input::ModelText { turn, text } => self.model_text(now, &turn, &text, out),
            Input::ModelCall { turn, call } => self.model_call(&turn, call, out),
            Input::ModelAside { turn, aside } => self.model_aside(&turn, aside, out),
            Input::ModelDone { turn, ending } => self.model_done(now, &turn, ending, out),
            Input::ModelFailed { turn, failure } => self.model_failed(now, &turn, failure, out),
            Input::SpeechStarted { turn, index } => self.speech_started(&turn, index, out),
            Input::SpeechReady { turn, index, audio } => {
                self.speech_ready(now, &turn, (index, audio), out);
            }
            Input::SpeechFailed { turn, index, reason } => {
                self.speech_failed(now, &turn, (index, reason), out);
            }
            Input::Stop { turn: Some(turn) } => self.stop(now, &turn, out),
            Input::Stop { turn: None } => self.stop_present(now, out),
            Input::Interrupt => self.silence(now, |_| true, out),
            Input::Pause => self.pause(now, out),
            Input::Resume => self.resume(now, out),
            Input::Played { turn, index, ms } => self.played(now, &turn, index, ms),
            Input::Abandoned => self.abandon(now, out),
            Input::Clock => {}
        }
        self.settle(now, out);
        effects
    }

    /// When something happens by itself next, if nothing else does.
    #[must_use]
    pub fn next_wake(&self) -> Option<Millis> {
        let stored = self.turns.iter().filter(|turn| turn.is_stored());
        stored.filter_map(Turn::heard_at).min()
    }

    /// The newest turn that clients know of, as it stands.
    #[must_use]
    pub fn snapshot(&self) -> Option<Arc<TurnSnapshot>> {
        self.turns.iter().rev().find(|turn| turn.is_announced()).map(Turn::snapshot)
    }

    /// The chunk, while its turn is alive.
    #[must_use]
    pub fn chunk(&self, turn: &TurnId, index: usize) -> Option<Arc<crate::domain::Chunk>> {
        self.turns.iter().find(|live| live.id() == turn)?.chunk(index)
    }

    /// Who answers in the turn and in which setting, while it is alive.
    #[must_use]
    pub fn metadata(&self, turn: &TurnId) -> Option<&Arc<TurnMetadata>> {
        Some(self.turns.iter().find(|live| live.id() == turn)?.metadata())
    }

    /// The turn being made, if any.
    #[must_use]
    pub fn making(&self) -> Option<&TurnId> {
        self.turns.iter().find(|turn| turn.is_making()).map(Turn::id)
    }

    /// The turn that is to be heard at `now`, if any.
    #[must_use]
    pub fn sounding(&self, now: Millis) -> Option<&TurnId> {
        self.turns.iter().find(|turn| turn.is_sounding(now)).map(Turn::id)
    }

    /// The turn whose sound is being heard or still to be heard, if any.
    #[must_use]
    pub fn audible(&self) -> Option<&TurnId> {
        self.turns.iter().find(|turn| turn.runs_out_at().is_some()).map(Turn::id)
    }

    /// When the listener of a turn runs out of sound, as far as it is made; `None` before the first sound.
    #[must_use]
    pub fn runs_out_at(&self, turn: &TurnId) -> Option<Millis> {
        self.turns.iter().find(|live| live.id() == turn)?.runs_out_at()
    }

    /// How many chunks of a turn are made, counted from its beginning to the first one that is not.
    #[must_use]
    pub fn chunks_made(&self, turn: &TurnId) -> usize {
        self.turns.iter().find(|live| live.id() == turn).map_or(0, Turn::chunks_made)
    }

    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.turns.is_empty() && self.waiting.is_empty()
    }

    fn find(&mut self, id: &TurnId) -> Option<&mut Turn> {
        self.turns.iter_mut().find(|turn| turn.id() == id)
    }

    /// Forgets turns that have been heard and begins what has waited.
    fn settle(&mut self, now: Millis, out: &mut Vec<Effect>) {
        self.turns.retain(|turn| turn.is_making() || !turn.is_stored() || !turn.is_heard(now));
        if self.making().is_none()
            && let Some(next) = self.waiting.pop_front()
        {
            self.begin(next, out);
        }
    }
}
