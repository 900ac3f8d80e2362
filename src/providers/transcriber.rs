//! The ability to hear: live sound in, words out. An adapter translates; it neither retries nor decides who speaks.

use std::{sync::Arc, time::Duration};

use futures_util::{
    StreamExt,
    future::{self, BoxFuture},
    stream::BoxStream,
};

use super::{ProviderError, guard::CircuitReport};
use crate::domain::{AudioFrame, Language, Transcript};

/// Samples a second of all sound that a transcriber is given, in hertz.
pub const HEARING_RATE: u32 = 16_000;

/// How long a transcriber may be silent after it has been asked for its last words.
const PATIENCE: Duration = Duration::from_secs(10);

/// Turns speech into text.
pub trait Transcriber: Send + Sync {
    /// The engine's name in the settings.
    fn name(&self) -> &str;

    /// Whether it understands that language; without one, any.
    fn hears(&self, _: Option<&Language>) -> bool {
        true
    }

    /// How fast it takes sound.
    fn pace(&self) -> Pace;

    /// Listens until `sound` ends, then says its last words. Times are counted from the beginning of `sound`;
    /// segments from 0.
    fn listen(
        &self,
        request: ListenRequest,
        sound: BoxStream<'static, Sound>,
    ) -> BoxStream<'static, Result<Heard, ProviderError>>;

    /// How long it may take for the words that it has been asked for by [`Sound::Flush`].
    fn patience(&self) -> Duration {
        PATIENCE
    }

    /// Whether it can hear at all, for `/readyz`.
    fn check(&self) -> BoxFuture<'static, Result<(), ProviderError>>;

    /// How the breakers of the engines behind it stand, the preferred one first.
    fn circuits(&self) -> Vec<CircuitReport> {
        Vec::new()
    }
}

/// How fast sound may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// As fast as there is room for it.
    Free,
    /// Not faster than it is spoken: the service refuses more.
    RealTime,
}

/// What is going to be heard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListenRequest {
    /// `None` leaves it to the engine.
    pub language: Option<Language>,
    /// Its sender can wait: it is taken at the pace of whoever hears it, and nothing of it is dropped. Else it is live.
    pub is_recorded: bool,
}

/// What a transcriber is given, in this order: sound goes on all the time, the other parts stand where they happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sound {
    /// Samples at [`HEARING_RATE`].
    Frame(AudioFrame),
    /// A voice has begun, some hundred milliseconds before this place at most.
    VoiceOn,
    VoiceOff,
    /// What the learner may be about to say, for engines that choose among phrases or take hints.
    Expect(Arc<[String]>),
    /// Say what has been heard up to here as final, then [`Heard::Flushed`].
    Flush,
}

/// What a transcriber tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Of one segment; it replaces the one before, and a final one is not followed by another.
    Transcript(Transcript),
    /// The service holds the utterance for ended.
    EndHint,
    /// Everything before the oldest unanswered [`Sound::Flush`] has been told.
    Flushed,
    /// Another engine goes on from here; what has not become final is heard again.
    Reconnecting,
}

/// The stream up to its first error: nothing follows one.
pub(super) fn until_error(
    heard: BoxStream<'static, Result<Heard, ProviderError>>,
) -> BoxStream<'static, Result<Heard, ProviderError>> {
    let one_by_one = heard.scan(false, |has_failed, heard| {
        let goes_on = !std::mem::replace(has_failed, heard.is_err());
        future::ready(goes_on.then_some(heard))
    });
    one_by_one.boxed()
}
