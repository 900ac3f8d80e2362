//! Which voices speak, in their order: names in the settings become engines.

use std::sync::Arc;

use anyhow::Context;

use crate::{
    config::{Settings, SpeechProvider, VoiceChoice},
    providers::{
        Synthesizer,
        espeak::Espeak,
        guard::GuardedVoice,
        http,
        openai_speech::{OpenAiSpeech, SpeechSettings},
    },
};

/// The engines in the order in which they are tried.
///
/// # Errors
/// When this program cannot find itself to start a worker, or no HTTP client can be made.
pub fn engines(settings: &Settings) -> anyhow::Result<Vec<Arc<dyn Synthesizer>>> {
    let engines = settings.voices.iter().map(engine);
    engines.map(|engine| Ok(Arc::new(GuardedVoice::new(engine?)) as Arc<dyn Synthesizer>)).collect()
}

/// The embedded voice, as it is.
///
/// # Errors
/// When this program cannot find itself to start a worker.
pub fn espeak() -> anyhow::Result<Espeak> {
    Espeak::embedded().context("the eSpeak NG worker cannot be started")
}

fn engine(choice: &VoiceChoice) -> anyhow::Result<Arc<dyn Synthesizer>> {
    Ok(match choice {
        VoiceChoice::Espeak => Arc::new(espeak()?),
        VoiceChoice::Speech(provider) => {
            let client = http::client().context("no HTTP client can be made")?;
            Arc::new(OpenAiSpeech::new(client, speech_settings(provider)))
        }
    })
}

fn speech_settings(provider: &SpeechProvider) -> SpeechSettings {
    SpeechSettings {
        name: provider.name.clone(),
        url: provider.url.clone(),
        key: provider.key.as_ref().map(|key| key.reveal().to_owned()),
        model: provider.model.clone(),
        voice: provider.voice.clone(),
        voices: provider.voices.clone(),
        slots: provider.slots,
        instructions: provider.instructions,
        timeout: provider.timeout,
    }
}
