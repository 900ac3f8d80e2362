//! How a conversation is spoken to: what a microphone is opened with, and what its owner is told. It hears nothing itself.

use tokio::sync::mpsc;

use crate::{
    audio::intake::{AudioFormat, IntakeError},
    domain::{Confidence, Failure, LessonChoice, MicrophoneMode, Millis, Transcript, TurnId},
};

use super::turn_taking::Utterance;

/// Reports that may wait for the owner of a microphone; one that falls further behind is told nothing more.
const REPORTS: usize = 256;

/// What a microphone is opened with.
#[derive(Clone, Debug)]
pub struct VoiceStart {
    pub format: AudioFormat,
    /// For what is going to be said; the conversation's where nothing is chosen.
    pub choice: LessonChoice,
    pub manner: VoiceManner,
    /// Where the owner is told what becomes of the voice, for one who wants to know more than a conversation's clients.
    pub reports: Option<mpsc::Sender<VoiceReport>>,
}

/// What is made of a voice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VoiceManner {
    pub mode: MicrophoneMode,
    /// The end of the learner's turn begins the tutor's.
    pub answers: bool,
    /// Speech over the tutor stops the tutor.
    pub interrupts: bool,
    /// Silence that ends the learner's turn, in milliseconds; by level and habit when it is not said.
    pub end_silence_ms: Option<Millis>,
    /// How likely a sound has to be a voice to be taken for one.
    pub threshold: Confidence,
}

/// A live voice, for its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VoiceId(pub(super) u64);

/// What becomes of a voice; positions count the microphone's sound, in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VoiceReport {
    VoiceOn {
        at_ms: u64,
    },
    VoiceOff {
        at_ms: u64,
    },
    Transcript(Transcript),
    /// A voice, or what was committed, has given no words. Each commit is answered by this or by [`Self::Ended`].
    NothingSaid {
        was_committed: bool,
    },
    /// The learner's turn is over. With `answers` the tutor's turn follows, or why there is none.
    Ended {
        utterance: Utterance,
        /// What of it is the learner's message: no hesitations. It may be empty.
        message: String,
    },
    Answered(Result<TurnId, Failure>),
    /// Nobody hears any more.
    Failed(Failure),
}

impl VoiceManner {
    /// As on a learner's page: parla answers, and falls silent when the learner speaks.
    #[must_use]
    pub fn of(mode: MicrophoneMode) -> Self {
        let is_live = mode != MicrophoneMode::Manual;
        Self {
            mode,
            answers: true,
            interrupts: is_live,
            end_silence_ms: None,
            threshold: Confidence::HALF,
        }
    }
}

/// Sound of a kind that cannot be taken.
#[must_use]
pub fn unsupported_audio(error: &IntakeError) -> Failure {
    Failure { code: "unsupported_audio", message: error.to_string(), retryable: false }
}

impl VoiceReport {
    /// A place for reports, and where they come out.
    #[must_use]
    pub fn channel() -> (mpsc::Sender<Self>, mpsc::Receiver<Self>) {
        mpsc::channel(REPORTS)
    }
}
