//! AssemblyAI's live transcription, `/v3/ws`. It never sends sound faster than it is spoken.

mod wire;

use std::{sync::Arc, time::Duration};

use futures_util::{future::BoxFuture, stream::BoxStream};

use super::{
    HEARING_RATE, Heard, ListenRequest, Pace, ProviderError, Sound, Transcriber, dictation,
    upstream_socket::{self, Address},
};
use wire::AssemblyAiWire;

pub const DEFAULT_URL: &str = "wss://streaming.assemblyai.com";
/// It follows speakers from one language to another by itself.
pub const DEFAULT_MODEL: &str = "universal-3-5-pro";

/// Where AssemblyAI is and how to ask for it. It has no `Debug`: the key is not to be printed.
#[derive(Clone)]
pub struct AssemblyAiSettings {
    /// The engine's name.
    pub name: String,
    /// `wss://…`, or a proxy's `ws://…`; with or without `/v3` at its end.
    pub url: String,
    pub key: String,
    pub model: String,
}

/// A cheap handle.
#[derive(Clone)]
pub struct AssemblyAi {
    settings: Arc<AssemblyAiSettings>,
}

impl AssemblyAiSettings {
    /// The public service with its usual model.
    pub fn new(key: impl Into<String>) -> Self {
        Self {
            name: "assemblyai".to_owned(),
            url: DEFAULT_URL.to_owned(),
            key: key.into(),
            model: DEFAULT_MODEL.to_owned(),
        }
    }

    fn address(&self) -> Address {
        let rate = HEARING_RATE.to_string();
        let query = [
            ("speech_model", self.model.as_str()),
            ("sample_rate", &rate),
            ("encoding", "pcm_s16le"),
            // As learners speak, without numbers and dates made pretty.
            ("format_turns", "false"),
        ];
        Address {
            provider: self.name.clone(),
            url: upstream_socket::url(&self.url, "v3", "ws", query.into_iter()),
            authorization: Some(self.key.clone()),
            key: Some(self.key.clone()),
        }
    }

    fn wire(&self) -> AssemblyAiWire {
        AssemblyAiWire::new(self.name.clone())
    }
}

impl AssemblyAi {
    #[must_use]
    pub fn new(settings: AssemblyAiSettings) -> Self {
        Self { settings: Arc::new(settings) }
    }
}

impl Transcriber for AssemblyAi {
    fn name(&self) -> &str {
        &self.settings.name
    }

    fn pace(&self) -> Pace {
        Pace::RealTime
    }

    /// The language is left to the model, which hears it.
    fn listen(
        &self,
        _request: ListenRequest,
        sound: BoxStream<'static, Sound>,
    ) -> BoxStream<'static, Result<Heard, ProviderError>> {
        dictation::listen(self.settings.address(), self.settings.wire(), sound)
    }

    fn patience(&self) -> Duration {
        dictation::PATIENCE
    }

    fn check(&self) -> BoxFuture<'static, Result<(), ProviderError>> {
        dictation::check(self.settings.address(), self.settings.wire())
    }
}
