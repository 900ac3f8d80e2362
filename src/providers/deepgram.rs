//! Deepgram's live transcription, `/v1/listen`. It sends no sound that is not to be heard: each second is paid for.

mod wire;

use std::{sync::Arc, time::Duration};

use futures_util::{future::BoxFuture, stream::BoxStream};

use super::{
    HEARING_RATE, Heard, ListenRequest, Pace, ProviderError, Sound, Transcriber, dictation,
    upstream_socket::{self, Address},
};
use wire::DeepgramWire;

pub const DEFAULT_URL: &str = "wss://api.deepgram.com";
/// The family that takes hints in all of its languages.
pub const DEFAULT_MODEL: &str = "nova-3";

const FIXED: [(&str, &str); 8] = [
    ("encoding", "linear16"),
    ("channels", "1"),
    // As learners speak: with fillers, without numbers and dates made pretty.
    ("punctuate", "true"),
    ("smart_format", "false"),
    ("filler_words", "true"),
    ("interim_results", "true"),
    // Milliseconds of silence after which a result is final.
    ("endpointing", "300"),
    // Milliseconds without a word after which the utterance is over; what is less is refused.
    ("utterance_end_ms", "1000"),
];
/// Learners mix their languages.
const ANY_LANGUAGE: &str = "multi";

/// Where Deepgram is and how to ask for it. It has no `Debug`: the key is not to be printed.
#[derive(Clone)]
pub struct DeepgramSettings {
    /// The engine's name.
    pub name: String,
    /// `wss://…`, or a proxy's `ws://…`; with or without `/v1` at its end.
    pub url: String,
    pub key: String,
    pub model: String,
}

/// A cheap handle.
#[derive(Clone)]
pub struct Deepgram {
    settings: Arc<DeepgramSettings>,
}

impl DeepgramSettings {
    /// The public service with its usual model.
    pub fn new(key: impl Into<String>) -> Self {
        Self {
            name: "deepgram".to_owned(),
            url: DEFAULT_URL.to_owned(),
            key: key.into(),
            model: DEFAULT_MODEL.to_owned(),
        }
    }

    fn address(&self, request: &ListenRequest) -> Address {
        Address {
            provider: self.name.clone(),
            url: self.listen_url(request),
            authorization: Some(format!("Token {}", self.key)),
            key: Some(self.key.clone()),
        }
    }

    fn listen_url(&self, request: &ListenRequest) -> String {
        let language = request.language.as_ref().map_or(ANY_LANGUAGE, |language| language.as_str());
        let rate = HEARING_RATE.to_string();
        let own = [("model", self.model.as_str()), ("language", language), ("sample_rate", &rate)];
        upstream_socket::url(&self.url, "v1", "listen", own.into_iter().chain(FIXED))
    }

    fn wire(&self) -> DeepgramWire {
        DeepgramWire::new(self.name.clone(), self.model.starts_with("nova-3"))
    }
}

impl Deepgram {
    #[must_use]
    pub fn new(settings: DeepgramSettings) -> Self {
        Self { settings: Arc::new(settings) }
    }
}

impl Transcriber for Deepgram {
    fn name(&self) -> &str {
        &self.settings.name
    }

    fn pace(&self) -> Pace {
        Pace::Free
    }

    fn listen(
        &self,
        request: ListenRequest,
        sound: BoxStream<'static, Sound>,
    ) -> BoxStream<'static, Result<Heard, ProviderError>> {
        dictation::listen(self.settings.address(&request), self.settings.wire(), sound)
    }

    fn patience(&self) -> Duration {
        dictation::PATIENCE
    }

    fn check(&self) -> BoxFuture<'static, Result<(), ProviderError>> {
        let address = self.settings.address(&ListenRequest::default());
        dictation::check(address, self.settings.wire())
    }
}
