//! Everything that a client can ask for, after a dialect has read it.

use super::{AnswerTerms, Language, Level, MicrophoneMode, Speed, TurnId};

/// One request of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    Ping,
    Authenticate {
        token: String,
    },
    Chat(ChatCommand),
    /// Stop that turn, or the present one.
    Stop {
        turn: Option<TurnId>,
    },
    /// The client has played that far.
    Played {
        turn: TurnId,
        chunk: usize,
        ms: u64,
    },
    Typing {
        is_typing: bool,
    },
    /// Binary frames with the learner's voice follow.
    AudioStart(AudioStart),
    /// The learner has switched the microphone off, or let the button go: what was said is their turn.
    AudioStop,
    /// What the next message will be about, so that the model can get ready.
    Prepare {
        choice: LessonChoice,
    },
}

impl Command {
    /// As clients call it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ping => "ping",
            Self::Authenticate { .. } => "auth",
            Self::Chat(_) => "chat",
            Self::Stop { .. } => "stop",
            Self::Played { .. } => "played",
            Self::Typing { .. } => "typing",
            Self::Prepare { .. } => "prepare",
            Self::AudioStart(_) => "audio-start",
            Self::AudioStop => "audio-stop",
        }
    }
}

/// How a learner's voice is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudioStart {
    /// In hertz.
    pub sample_rate: u32,
    /// As the client calls it.
    pub encoding: String,
    pub mode: MicrophoneMode,
    /// For what is going to be said; the conversation's where nothing is chosen.
    pub choice: LessonChoice,
}

/// A learner's message; empty text with a scenario lets the tutor open.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ChatCommand {
    pub text: String,
    /// Tell of chunks while the model is still writing.
    pub stream: bool,
    pub choice: LessonChoice,
    /// The client's own name for the message: a repeat attaches to the same turn.
    pub client_id: Option<String>,
    /// What was said word by word, when it was spoken; no client writes this.
    pub verbatim: Option<String>,
    /// Only apps in OpenAI's protocol have any.
    pub terms: AnswerTerms,
}

/// What the learner has chosen; what is missing stays as it was in the conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct LessonChoice {
    pub language: Option<Language>,
    pub level: Option<Level>,
    pub scenario: Option<String>,
    pub voice: Option<String>,
    pub model: Option<String>,
    /// What the app that the learner uses asks of the tutor, in its own words.
    pub instructions: Option<String>,
    /// Of this answer alone.
    pub speed: Speed,
}
