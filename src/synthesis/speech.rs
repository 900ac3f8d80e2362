//! What a speaker gets back: the events of one chunk's audio. It makes nothing itself.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::{
    Stream, StreamExt,
    stream::{self, BoxStream},
};

use super::{CacheKey, Place, flight::Flight};
use crate::{
    domain::{AudioFrame, EmotionApplied, WordTime},
    providers::ProviderError,
};

/// A chunk's audio as it is made: [`SpeechEvent::Started`], then [`SpeechEvent::Finished`], then the end.
///
/// The work is given up when the last one who waits for it drops this.
pub struct Speech {
    events: BoxStream<'static, SpeechEvent>,
}

/// What becomes of a chunk's audio.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpeechEvent {
    /// It no longer waits for its turn.
    Started,
    Finished(Result<Arc<Spoken>, SpeechError>),
}

/// A chunk's finished audio.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spoken {
    /// Names the sound for good: also the entity tag of what is served.
    pub key: CacheKey,
    /// The engine's name in the settings.
    pub engine: String,
    pub sound: AudioFrame,
    /// Empty when the engine tells no times.
    pub words: Vec<WordTime>,
    pub emotion: EmotionApplied,
}

/// Why a chunk stays silent; the text is for learners and tells nothing of the engines.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpeechError {
    #[error("TTS timeout")]
    TimedOut,
    #[error("TTS at capacity")]
    AtCapacity,
    #[error("{0}")]
    Failed(&'static str),
}

impl Speech {
    /// The next event. Dropping the wait loses none.
    pub async fn next(&mut self) -> Option<SpeechEvent> {
        self.events.next().await
    }

    pub(super) fn finished(outcome: Result<Arc<Spoken>, SpeechError>) -> Self {
        let events = stream::iter([SpeechEvent::Started, SpeechEvent::Finished(outcome)]);
        Self { events: events.boxed() }
    }

    /// Holds flight and place, and so the work, until the events have been told.
    pub(super) fn following(flight: Arc<Flight>, place: Arc<Place>) -> Self {
        let awaited = flight.clone();
        let started = async move {
            awaited.started().await;
            SpeechEvent::Started
        };
        let finished = async move {
            let outcome = flight.outcome().await;
            drop(place);
            SpeechEvent::Finished(outcome)
        };
        Self { events: stream::once(started).chain(stream::once(finished)).boxed() }
    }
}

impl Stream for Speech {
    type Item = SpeechEvent;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<SpeechEvent>> {
        self.events.poll_next_unpin(context)
    }
}

impl From<ProviderError> for SpeechError {
    fn from(error: ProviderError) -> Self {
        match error {
            ProviderError::AtCapacity { .. } => Self::AtCapacity,
            ProviderError::TimedOut { .. } | ProviderError::Stalled { .. } => Self::TimedOut,
            ProviderError::Unreachable { .. } => Self::Failed("TTS unreachable"),
            ProviderError::Cut { .. } => Self::Failed("TTS broke off"),
            ProviderError::Rejected { .. } => Self::Failed("TTS refused the text"),
            ProviderError::Broken { .. } => Self::Failed("TTS gave no usable audio"),
        }
    }
}
