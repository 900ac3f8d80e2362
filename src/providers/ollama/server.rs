//! What an Ollama server is asked, and which of its models should answer. It keeps nothing.

use std::{cmp::Reverse, time::Duration};

use futures_util::{Stream, TryStreamExt};
use ollama_rs::{
    error::OllamaError,
    models::{LocalModel, ModelInfo as Description, pull::PullModelStatus},
};
use reqwest::{Client, Response, StatusCode, Url};
use serde::Deserialize;
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{KEEP_ALIVE, PROVIDER, broken, excerpt};
use crate::providers::{ProviderError, http};

/// Questions about models need no model, so a server that runs answers them at once.
const CHOICE_TIMEOUT: Duration = Duration::from_secs(5);

/// Where a server is and how to talk to it.
#[derive(Clone)]
pub(super) struct Server {
    address: Url,
    client: Client,
    management: ollama_rs::Ollama,
}

/// A model that can write answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Model {
    pub(super) name: String,
    /// It can be told not to think before it answers.
    pub(super) thinks: bool,
    /// It has not refused to be told what it may call.
    pub(super) calls: bool,
    /// The context that it has been loaded with, or that its author asks for, in tokens.
    pub(super) given_context: Option<u32>,
    /// The context that it was trained for, in tokens.
    pub(super) most_context: Option<u32>,
    /// The context that parla asks for; `None` leaves it to the server.
    pub(super) asked_context: Option<u32>,
}

#[derive(Default, Deserialize)]
struct Loaded {
    #[serde(default)]
    models: Vec<LoadedModel>,
}

#[derive(Deserialize)]
struct LoadedModel {
    name: String,
    #[serde(default)]
    context_length: Option<u32>,
}

impl Server {
    pub(super) fn new(address: Url, client: Client) -> Self {
        let management = ollama_rs::Ollama::builder()
            .url(address.clone())
            .reqwest_client(client.clone())
            .build();
        Self { address, client, management }
    }

    /// The wanted model, else the loaded one, else the newest pulled.
    pub(super) async fn choose(&self, wanted: Option<&str>) -> Result<Model, ProviderError> {
        tokio::time::timeout(CHOICE_TIMEOUT, self.chosen(wanted))
            .await
            .map_err(|_| ProviderError::TimedOut { provider: PROVIDER.to_owned() })?
    }

    /// The beginning of an answer.
    pub(super) async fn chat(&self, model: &str, body: &Value) -> Result<Response, ProviderError> {
        let request = self.client.post(self.url("api/chat")).json(body);
        let response = request.send().await.map_err(|error| self.failure(&error))?;
        match response.status() {
            status if status.is_success() => Ok(response),
            StatusCode::NOT_FOUND => Err(not_pulled(model)),
            _ => Err(http::refusal(PROVIDER, response, None).await),
        }
    }

    /// How a pull goes on, as the server tells it.
    pub(super) async fn pull(
        &self,
        model: &str,
    ) -> Result<
        impl Stream<Item = Result<PullModelStatus, ProviderError>> + Send + use<>,
        ProviderError,
    > {
        let statuses = self.management.pull_model_stream(model.to_owned(), false).await;
        let server = self.clone();
        let statuses = statuses.map_err(|error| self.refusal(error))?;
        Ok(statuses.map_err(move |error| server.refusal(error)))
    }

    /// Loads a model into memory, with that context when one is given; ends when it is there.
    pub(super) async fn load(
        &self,
        model: &str,
        context: Option<u32>,
    ) -> Result<(), ProviderError> {
        let options = context.map(|tokens| json!({"num_ctx": tokens}));
        let mut body = json!({"model": model, "keep_alive": KEEP_ALIVE, "stream": false});
        body.as_object_mut()
            .zip(options)
            .map(|(body, options)| body.insert("options".to_owned(), options));
        let request = self.client.post(self.url("api/generate")).json(&body);
        let response = request.send().await.map_err(|error| self.failure(&error))?;
        match response.status().is_success() {
            true => Ok(()),
            false => Err(http::refusal(PROVIDER, response, None).await),
        }
    }

    /// Whether the model is in memory; not when nobody knows.
    pub(super) async fn has_loaded(&self, model: &str) -> bool {
        let loaded = tokio::time::timeout(CHOICE_TIMEOUT, self.loaded()).await;
        let is_it = |loaded: &LoadedModel| full_name(&loaded.name) == full_name(model);
        loaded.is_ok_and(|loaded| loaded.is_ok_and(|models| models.iter().any(is_it)))
    }

    /// The names of all models on its disk.
    pub(super) async fn names(&self) -> Result<Vec<String>, ProviderError> {
        Ok(self.pulled().await?.into_iter().map(|model| model.name).collect())
    }

    async fn chosen(&self, wanted: Option<&str>) -> Result<Model, ProviderError> {
        let loaded = self.loaded().await?;
        if let Some(name) = wanted {
            return Ok(model(name, &self.describe(name).await?, &loaded));
        }
        for name in candidates(&loaded, self.pulled().await?) {
            let description = self.describe(&name).await?;
            if !is_for_embedding(&description) {
                return Ok(model(&name, &description, &loaded));
            }
        }
        let reason = "no model is pulled; `ollama pull llama3.2` fetches one".to_owned();
        Err(ProviderError::Rejected { provider: PROVIDER.to_owned(), reason })
    }

    /// The models in memory; servers that cannot tell have none.
    async fn loaded(&self) -> Result<Vec<LoadedModel>, ProviderError> {
        let request = self.client.get(self.url("api/ps"));
        let response = request.send().await.map_err(|error| self.failure(&error))?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(Vec::new());
        }
        if !response.status().is_success() {
            return Err(http::refusal(PROVIDER, response, None).await);
        }
        let body = response.bytes().await.map_err(|error| self.failure(&error))?;
        let loaded = serde_json::from_slice::<Loaded>(&body);
        Ok(loaded.map_err(|_| broken("its list of models is no JSON".to_owned()))?.models)
    }

    async fn pulled(&self) -> Result<Vec<LocalModel>, ProviderError> {
        self.management.list_local_models().await.map_err(|error| self.refusal(error))
    }

    async fn describe(&self, name: &str) -> Result<Description, ProviderError> {
        let described = self.management.show_model_info(name.to_owned()).await;
        described.map_err(|error| match error {
            OllamaError::Other(body) if body.contains("not found") => not_pulled(name),
            error => self.refusal(error),
        })
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    fn refusal(&self, error: OllamaError) -> ProviderError {
        match error {
            OllamaError::ReqwestError(error) => self.failure(&error),
            // What it says of a name that does not exist, or of a disk that is full.
            OllamaError::InternalError(error) => ProviderError::Rejected {
                provider: PROVIDER.to_owned(),
                reason: excerpt(&error.message),
            },
            error => broken(excerpt(&error.to_string())),
        }
    }

    fn failure(&self, error: &reqwest::Error) -> ProviderError {
        match http::failure(PROVIDER, error) {
            ProviderError::Unreachable { provider, .. } => {
                let address = self.address.as_str().trim_end_matches('/');
                let reason = format!("nothing answers at {address}, where `ollama serve` would");
                ProviderError::Unreachable { provider, reason }
            }
            error => error,
        }
    }
}

/// Names in the order of preference, without those that say that they only embed.
fn candidates(loaded: &[LoadedModel], mut pulled: Vec<LocalModel>) -> Vec<String> {
    pulled.sort_by_key(|model| Reverse(OffsetDateTime::parse(&model.modified_at, &Rfc3339).ok()));
    let loaded = loaded.iter().map(|model| model.name.clone());
    let names = loaded.chain(pulled.into_iter().map(|model| model.name));
    names.filter(|name| !name.contains("embed")).collect()
}

/// Servers that do not tell abilities still tell the architecture: models that only embed are of BERT's kind.
fn is_for_embedding(description: &Description) -> bool {
    if description.capabilities.is_empty() {
        let architecture = description.model_info.get("general.architecture");
        return architecture.and_then(Value::as_str).is_some_and(|name| name.contains("bert"));
    }
    !has(description, "completion")
}

fn model(name: &str, description: &Description, loaded: &[LoadedModel]) -> Model {
    let in_memory = loaded.iter().find(|model| full_name(&model.name) == full_name(name));
    Model {
        name: name.to_owned(),
        thinks: has(description, "thinking"),
        calls: true,
        given_context: in_memory
            .and_then(|model| model.context_length)
            .or_else(|| asked_context(&description.parameters)),
        most_context: trained_context(description),
        asked_context: None,
    }
}

fn has(description: &Description, ability: &str) -> bool {
    description.capabilities.iter().any(|name| name == ability)
}

/// `llama3.2` is `llama3.2:latest`.
fn full_name(name: &str) -> String {
    let last = name.rsplit('/').next().unwrap_or(name);
    if last.contains(':') { name.to_owned() } else { format!("{name}:latest") }
}

/// From lines such as `num_ctx    8192`.
fn asked_context(parameters: &str) -> Option<u32> {
    let line = parameters.lines().find_map(|line| line.trim().strip_prefix("num_ctx"))?;
    line.trim().parse().ok()
}

fn trained_context(description: &Description) -> Option<u32> {
    let length = |(key, value): (&String, &Value)| {
        key.ends_with(".context_length").then(|| value.as_u64()).flatten()
    };
    description.model_info.iter().find_map(length)?.try_into().ok()
}

fn not_pulled(model: &str) -> ProviderError {
    let model = model.escape_debug();
    let reason = format!("the model {model} is not pulled; `ollama pull {model}` fetches it");
    ProviderError::Rejected { provider: PROVIDER.to_owned(), reason }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use serde_json::json;

    use super::*;

    fn description(json: Value) -> Description {
        serde_json::from_value(json).unwrap()
    }

    fn pulled(name: &str, modified_at: &str) -> LocalModel {
        LocalModel { name: name.to_owned(), modified_at: modified_at.to_owned(), size: 1 }
    }

    #[test]
    fn the_loaded_model_is_tried_before_the_newest_and_embedders_never() {
        let loaded = [LoadedModel { name: "loaded:1b".to_owned(), context_length: None }];
        let names = candidates(
            &loaded,
            vec![
                pulled("old", "2026-01-01T10:00:00Z"),
                // Later by the clock on the wall, earlier in truth.
                pulled("newer", "2026-03-01T10:30:00+09:00"),
                pulled("newest", "2026-03-01T09:00:00.5Z"),
                pulled("nomic-embed-text", "2026-05-01T09:00:00Z"),
            ],
        );
        assert_eq!(names, ["loaded:1b", "newest", "newer", "old"]);
    }

    #[test]
    fn the_context_is_what_is_loaded_then_what_is_asked_for() {
        let described = description(json!({
            "parameters": "stop      \"<end>\"\nnum_ctx      8192",
            "capabilities": ["completion", "thinking"],
            "model_info": {"general.architecture": "qwen3", "qwen3.context_length": 40960},
        }));
        let loaded = [LoadedModel { name: "qwen3:latest".to_owned(), context_length: Some(16384) }];
        expect![[r#"
            [
                Model {
                    name: "qwen3",
                    thinks: true,
                    calls: true,
                    given_context: Some(
                        16384,
                    ),
                    most_context: Some(
                        40960,
                    ),
                    asked_context: None,
                },
                Model {
                    name: "qwen3:8b",
                    thinks: true,
                    calls: true,
                    given_context: Some(
                        8192,
                    ),
                    most_context: Some(
                        40960,
                    ),
                    asked_context: None,
                },
            ]
        "#]]
        .assert_debug_eq(&[
            model("qwen3", &described, &loaded),
            model("qwen3:8b", &described, &loaded),
        ]);
    }

    #[test]
    fn an_embedder_is_known_by_its_abilities_or_else_by_its_architecture() {
        let embeds = |json| is_for_embedding(&description(json));
        assert!(embeds(json!({"capabilities": ["embedding"]})));
        assert!(embeds(json!({"model_info": {"general.architecture": "nomic-bert"}})));
        assert!(!embeds(json!({"model_info": {"general.architecture": "llama"}})));
        assert!(!embeds(json!({"capabilities": ["completion", "tools"]})));
    }
}
