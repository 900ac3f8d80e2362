//! Which model answers: a name in the settings becomes a provider, and what keeps it reliable is wrapped around it.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use futures_util::{StreamExt, future::ready};

use crate::{
    config::{ModelChoice, Settings},
    prompts::lessons::Lessons,
    providers::{
        ChatModel,
        choice::AutoModel,
        fallback::FallbackModel,
        guard::GuardedModel,
        http,
        ollama::Ollama,
        patience::{Patience, PatientModel},
        practice::Practice,
        retry::RetryingModel,
    },
    shutdown::Shutdown,
};

/// With a second model at hand nobody waits longer than this for the first one's first word.
const PATIENCE_BEFORE_FALLBACK: Duration = Duration::from_secs(10);

/// The model of the settings; where a fallback is configured, both as one.
pub(super) async fn model(
    settings: &Settings,
    lessons: &Arc<Lessons>,
    shutdown: &Shutdown,
) -> anyhow::Result<Arc<dyn ChatModel>> {
    let Some(second) = &settings.fallback_model else {
        let house = House { settings, lessons, shutdown, patience: settings.patience };
        return house.model(&settings.model).await;
    };
    let mut patience = settings.patience;
    patience.first_part = patience.first_part.min(PATIENCE_BEFORE_FALLBACK);
    let first = House { settings, lessons, shutdown, patience }.model(&settings.model).await?;
    let house = House { settings, lessons, shutdown, patience: settings.patience };
    Ok(Arc::new(FallbackModel::new(first, house.model(second).await?)))
}

/// The Ollama of the settings, as it is.
///
/// # Errors
/// When `OLLAMA_HOST` is no address, or no HTTP client can be made.
pub fn ollama(settings: &Settings, name: Option<String>) -> anyhow::Result<Ollama> {
    let client = http::client().context("no HTTP client can be made")?;
    Ollama::new(&settings.ollama_host, name, client).context("OLLAMA_HOST")
}

/// What models are made of.
struct House<'a> {
    settings: &'a Settings,
    lessons: &'a Arc<Lessons>,
    shutdown: &'a Shutdown,
    patience: Patience,
}

impl House<'_> {
    async fn model(&self, choice: &ModelChoice) -> anyhow::Result<Arc<dyn ChatModel>> {
        let practice = Arc::new(Practice::new(Arc::clone(self.lessons)));
        Ok(match choice {
            ModelChoice::Practice => practice,
            ModelChoice::Auto => {
                let ollama = self.reliable(self.ollama(None)?);
                Arc::new(AutoModel::start(ollama, practice, self.shutdown).await)
            }
            ModelChoice::Ollama(name) => {
                let ollama = self.ollama(name.clone())?;
                // The first look also learns the model's name and room; a failure is told with the first turn.
                if let Err(error) = ollama.refresh().await {
                    tracing::warn!(%error, code = error.failure().code, "Ollama is not ready");
                }
                // Who names a model wants it; whoever asks meanwhile hears how far it has come.
                let pulling = ollama.pull_missing();
                self.shutdown.spawn("model pull", pulling.for_each(|_| ready(())));
                self.reliable(ollama)
            }
        })
    }

    fn ollama(&self, name: Option<String>) -> anyhow::Result<Ollama> {
        Ok(ollama(self.settings, name)?.preparing(self.shutdown))
    }

    /// Repetitions share the patience of one answer, and the breaker counts answers, not repetitions.
    fn reliable(&self, model: impl ChatModel + 'static) -> Arc<dyn ChatModel> {
        let retrying = Arc::new(RetryingModel::new(Arc::new(model)));
        let patient = Arc::new(PatientModel::new(retrying, self.patience));
        Arc::new(GuardedModel::new(patient))
    }
}
