//! Which model answers: a name in the settings becomes a provider.

use std::sync::Arc;

use anyhow::Context;

use crate::{
    config::{ModelChoice, Settings},
    prompts::lessons::Lessons,
    providers::{
        ChatModel, choice::AutoModel, http, ollama::Ollama, patience::PatientModel,
        practice::Practice,
    },
    shutdown::Shutdown,
};

pub(super) async fn model(
    settings: &Settings,
    lessons: &Arc<Lessons>,
    shutdown: &Shutdown,
) -> anyhow::Result<Arc<dyn ChatModel>> {
    let practice = Arc::new(Practice::new(Arc::clone(lessons)));
    Ok(match &settings.model {
        ModelChoice::Practice => practice,
        ModelChoice::Auto => {
            let ollama = patient(settings, ollama(settings, None)?);
            Arc::new(AutoModel::start(ollama, practice, shutdown).await)
        }
        ModelChoice::Ollama(name) => {
            let ollama = ollama(settings, name.clone())?;
            // The first look also learns the model's name and room; a failure is told with the first turn.
            if let Err(error) = ollama.refresh().await {
                tracing::warn!(%error, code = error.failure().code, "Ollama is not ready");
            }
            patient(settings, ollama)
        }
    })
}

fn ollama(settings: &Settings, name: Option<String>) -> anyhow::Result<Ollama> {
    let client = http::client().context("no HTTP client can be made")?;
    Ollama::new(&settings.ollama_host, name, client).context("OLLAMA_HOST")
}

fn patient(settings: &Settings, ollama: Ollama) -> Arc<dyn ChatModel> {
    Arc::new(PatientModel::new(Arc::new(ollama), settings.patience))
}
