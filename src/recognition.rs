//! The ears: facts about a learner's voice and words, from live sound. They decide nothing.

mod absence;
mod delay;
mod detector;
mod flushes;
mod listening;
mod microphone;
mod recording;
#[cfg(test)]
mod spoken;
#[cfg(test)]
mod tests;
mod voice;

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::Stream;
use tokio::sync::{mpsc, watch};

use self::listening::{Asked, Listening};
pub use self::{
    microphone::{HearError, Microphone},
    recording::TranscribeError,
};
use crate::{
    audio::intake::{AudioFormat, IntakeError},
    domain::{Confidence, Transcript},
    providers::{ListenRequest, ProviderError, Transcriber},
    shutdown::Shutdown,
    telemetry::metrics::HearingMetrics,
};

/// Perceptions that wait for their owner. When there are that many the ear waits, too, and its microphone refuses.
const PERCEPTIONS: usize = 64;

/// parla's ears; clones share them.
#[derive(Clone)]
pub struct Ears {
    transcriber: Option<Arc<dyn Transcriber>>,
    metrics: HearingMetrics,
    shutdown: Shutdown,
}

/// Why nobody listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListenError {
    #[error("no transcriber is configured")]
    Deaf,
    #[error("no transcriber understands that language")]
    Language,
    #[error(transparent)]
    Format(#[from] IntakeError),
}

/// What comes out, and what its owner may ask for. Dropping it ends the listening.
#[derive(Debug)]
pub struct Ear {
    perceptions: mpsc::Receiver<Perception>,
    asked: watch::Sender<Asked>,
}

/// A fact about the learner's voice; positions count the microphone's sound from its beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Perception {
    VoiceOn {
        at_ms: u64,
    },
    /// The voice really ended at that place; it is told a little later.
    VoiceOff {
        at_ms: u64,
    },
    Transcript(Transcript),
    /// The service holds the utterance for ended.
    EndHint,
    /// Everything before the oldest unanswered [`Ear::flush`] has been told.
    Flushed,
    /// Another service goes on.
    Reconnecting,
    /// The microphone is on, and for so long nothing but silence, or nothing at all, has come from it.
    Quiet {
        ms: u64,
    },
    /// Nobody hears any more; the last perception.
    Failed(ProviderError),
}

impl Ears {
    /// Deaf without a transcriber.
    #[must_use]
    pub fn new(
        transcriber: Option<Arc<dyn Transcriber>>,
        metrics: HearingMetrics,
        shutdown: Shutdown,
    ) -> Self {
        Self { transcriber, metrics, shutdown }
    }

    /// Whether no transcriber is configured.
    #[must_use]
    pub fn is_deaf(&self) -> bool {
        self.transcriber.is_none()
    }

    #[must_use]
    pub fn transcriber(&self) -> Option<&Arc<dyn Transcriber>> {
        self.transcriber.as_ref()
    }

    /// Listens to one microphone until it is dropped or its ear is.
    ///
    /// # Errors
    /// Without a transcriber, or one of that language, and for sound that cannot be read.
    pub fn listen(
        &self,
        format: AudioFormat,
        request: ListenRequest,
    ) -> Result<(Microphone, Ear), ListenError> {
        let transcriber = self.transcriber.as_ref().ok_or(ListenError::Deaf)?;
        if !transcriber.hears(request.language.as_ref()) {
            return Err(ListenError::Language);
        }
        let (microphone, sound) = Microphone::new(format, request.is_recorded)?;
        let (told, perceptions) = mpsc::channel(PERCEPTIONS);
        let (asked, asking) = watch::channel(Asked::default());
        let metrics = self.metrics.clone();
        let listening = Listening::new(&**transcriber, request, asking, told, metrics);
        self.shutdown.spawn("ear", listening.run(sound));
        Ok((microphone, Ear { perceptions, asked }))
    }
}

impl Ear {
    /// `None` once the listening has ended.
    pub async fn next(&mut self) -> Option<Perception> {
        self.perceptions.recv().await
    }

    /// Asks for the words of all sound up to here; answered by one [`Perception::Flushed`].
    pub fn flush(&self) {
        self.asked.send_modify(|asked| asked.flushes += 1);
    }

    /// Takes sound for a voice from here on when it is that likely to be one; at first one half.
    pub fn set_threshold(&self, threshold: Confidence) {
        self.asked.send_modify(|asked| asked.threshold = Some(threshold));
    }

    /// What the learner may be about to say; it replaces what was expected before.
    pub fn expect(&self, phrases: Arc<[String]>) {
        self.asked.send_modify(|asked| asked.phrases = Some(phrases));
    }
}

impl Stream for Ear {
    type Item = Perception;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Perception>> {
        self.get_mut().perceptions.poll_recv(context)
    }
}
