//! Who would write the answers, and how fast. It pulls nothing and loads nothing.

use std::{sync::Arc, time::Duration};

use parla::{
    app,
    config::{ModelChoice, Settings},
    providers::{ChatModel, ProviderError, ollama::Ollama, pace::notice},
};

use super::{Finding, Pending, pending};
use crate::cli::pace;

/// How long a model is listened to.
const LISTEN: Duration = Duration::from_secs(4);
/// What the tutor's instructions and a short history need, in tokens.
const LEAST_CONTEXT: u32 = 2048;

pub(super) fn checks(settings: &Arc<Settings>) -> Vec<Pending> {
    let second = settings.fallback_model.clone().map(|choice| ("fallback model", choice));
    let choices = [("model", settings.model.clone())].into_iter().chain(second);
    let check = |(name, choice)| {
        let settings = Arc::clone(settings);
        pending(name, async move { found(&settings, choice).await })
    };
    choices.map(check).collect()
}

async fn found(settings: &Settings, choice: ModelChoice) -> Finding {
    let (wanted, can_do_without) = match choice {
        ModelChoice::Practice => {
            return Finding::ok("the practice tutor plays written lessons; no model is wanted");
        }
        ModelChoice::Auto => (None, true),
        ModelChoice::Ollama(name) => (name, false),
    };
    let ollama = match app::ollama(settings, wanted.clone()) {
        Ok(ollama) => ollama,
        Err(error) => return Finding::fail(format!("{error:#}"), "correct OLLAMA_HOST"),
    };
    match ollama.refresh().await {
        Ok(_) => described(&ollama).await,
        Err(error) => absent(&error, wanted.as_deref(), can_do_without),
    }
}

fn absent(error: &ProviderError, wanted: Option<&str>, can_do_without: bool) -> Finding {
    let cause = error.failure().message;
    let fix = match (error, wanted) {
        (ProviderError::Rejected { .. }, Some(name)) => {
            let fix = format!("`parla models pull {name}` fetches it; so does the server's start");
            return Finding::warn(cause, fix);
        }
        (ProviderError::Rejected { .. }, None) => "ollama pull llama3.2",
        (ProviderError::Unreachable { .. }, _) => {
            "start it with `ollama serve`, or get it from https://ollama.com"
        }
        _ => "see what `ollama ps` and its log say",
    };
    match can_do_without {
        true => Finding::warn(format!("{cause}; the practice tutor answers meanwhile"), fix),
        false => Finding::fail(cause, fix),
    }
}

async fn described(ollama: &Ollama) -> Finding {
    let info = ollama.info();
    let name = &info.name;
    let pulled = ollama.names().await.map_or(0, |names| names.len());
    let context = info.context_tokens.unwrap_or_default();
    let facts = format!("{name} answers, of {pulled} pulled, with {context} tokens of context");
    if context < LEAST_CONTEXT {
        return Finding::warn(
            facts,
            "choose a model that sees more, or it forgets its instructions",
        );
    }
    if !ollama.is_loaded(name).await {
        return Finding::ok(format!("{facts}; the first learner waits until it is loaded"));
    }
    let written = pace::listen(ollama, LISTEN).await;
    let per_second = written.per_second().unwrap_or_default();
    let facts = format!("{facts}; it is loaded and writes {per_second:.0} tokens a second");
    match notice(name, u64::from(written.tokens), written.elapsed) {
        Some(_) => {
            Finding::warn(facts, "choose a smaller model, such as llama3.2:1b: there are gaps")
        }
        None => Finding::ok(facts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::finding::State;

    #[test]
    fn a_model_that_can_be_done_without_fails_nobody() {
        let gone = ProviderError::Unreachable {
            provider: "ollama".to_owned(),
            reason: "nothing answers".to_owned(),
        };
        assert_eq!(absent(&gone, None, true).state, State::Warn);
        assert_eq!(absent(&gone, Some("llama3.2"), false).state, State::Fail);
    }
}
