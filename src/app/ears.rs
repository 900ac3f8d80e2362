//! Which ears listen, in their order: names in the settings become transcribers. It listens to nobody.

use std::sync::Arc;

use anyhow::{Context, anyhow};
use futures_util::future::join_all;

use crate::{
    config::{CloudEar, EarChoice, Settings, TranscriptionProvider},
    prompts::{Prompts, unsaid::Unsaid},
    providers::{
        Transcriber,
        assemblyai::{AssemblyAi, AssemblyAiSettings},
        deepgram::{Deepgram, DeepgramSettings},
        http,
        nearby::{Nearby, NearbyEar, USUAL},
        openai_transcription::{DEFAULT_TIMEOUT, OpenAiTranscription, TranscriptionSettings},
        pocketsphinx::PocketSphinx,
    },
};

/// The ears in the order in which they are tried; none when there are none.
///
/// # Errors
/// When the list of inventions cannot be read, no HTTP client can be made, or this program cannot find itself.
pub async fn transcribers(settings: &Settings) -> anyhow::Result<Vec<Arc<dyn Transcriber>>> {
    let unsaid = Unsaid::load(&Prompts::new(settings.prompts.clone()));
    let unsaid = Arc::new(unsaid.map_err(|problem| anyhow!(problem))?);
    let mut ears: Vec<Arc<dyn Transcriber>> = Vec::new();
    for choice in &settings.ears {
        match choice {
            EarChoice::Auto => ears.extend(found(&unsaid).await?),
            EarChoice::PocketSphinx => ears.push(Arc::new(pocketsphinx()?)),
            EarChoice::Transcription(provider) => {
                ears.push(transcription(configured(provider, &unsaid))?);
            }
            EarChoice::Deepgram(ear) => ears.push(Arc::new(Deepgram::new(deepgram(ear)))),
            EarChoice::AssemblyAi(ear) => ears.push(Arc::new(AssemblyAi::new(assemblyai(ear)))),
        }
    }
    Ok(ears)
}

/// The embedded ear, as it is.
///
/// # Errors
/// When this program cannot find itself to start a worker.
pub fn pocketsphinx() -> anyhow::Result<PocketSphinx> {
    PocketSphinx::embedded().context("the PocketSphinx worker cannot be started")
}

/// What is on this machine, in the order in which it hears well.
async fn found(unsaid: &Arc<Unsaid>) -> anyhow::Result<Vec<Arc<dyn Transcriber>>> {
    let client = http::client().context("no HTTP client can be made")?;
    let nearby = join_all(USUAL.iter().map(|usual| usual.look(&client))).await;
    let nearby = nearby.into_iter().flatten().filter_map(|found| near(found, unsaid));
    let mut ears = nearby.map(transcription).collect::<anyhow::Result<Vec<_>>>()?;
    if PocketSphinx::is_installed() {
        ears.push(Arc::new(pocketsphinx()?));
    }
    Ok(ears)
}

fn transcription(settings: TranscriptionSettings) -> anyhow::Result<Arc<dyn Transcriber>> {
    let client = http::client().context("no HTTP client can be made")?;
    Ok(Arc::new(OpenAiTranscription::new(client, settings)))
}

fn deepgram(ear: &CloudEar) -> DeepgramSettings {
    let usual = DeepgramSettings::new(ear.key.reveal());
    DeepgramSettings {
        url: ear.url.clone().unwrap_or(usual.url),
        model: ear.model.clone().unwrap_or(usual.model),
        ..usual
    }
}

fn assemblyai(ear: &CloudEar) -> AssemblyAiSettings {
    let usual = AssemblyAiSettings::new(ear.key.reveal());
    AssemblyAiSettings {
        url: ear.url.clone().unwrap_or(usual.url),
        model: ear.model.clone().unwrap_or(usual.model),
        ..usual
    }
}

fn near(found: Nearby, unsaid: &Arc<Unsaid>) -> Option<TranscriptionSettings> {
    let Nearby { name, url, ear, .. } = found;
    let NearbyEar { model, path } = ear?;
    Some(TranscriptionSettings {
        name: name.to_lowercase(),
        url,
        path: path.map(str::to_owned),
        key: None,
        model,
        timeout: DEFAULT_TIMEOUT,
        unsaid: Arc::clone(unsaid),
    })
}

fn configured(provider: &TranscriptionProvider, unsaid: &Arc<Unsaid>) -> TranscriptionSettings {
    TranscriptionSettings {
        name: provider.name.clone(),
        url: provider.url.clone(),
        path: provider.path.clone(),
        key: provider.key.as_ref().map(|key| key.reveal().to_owned()),
        model: provider.model.clone(),
        timeout: provider.timeout,
        unsaid: Arc::clone(unsaid),
    }
}
