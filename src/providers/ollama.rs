//! Ollama, the language model on the learner's own machine. It chooses among what is pulled; it pulls nothing itself.

mod answer;
mod host;
mod server;

pub use host::{InvalidHost, parse_host};

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::{
    FutureExt, StreamExt, TryStreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use ollama_rs::{
    generation::{
        chat::{ChatMessage as OllamaMessage, request::ChatMessageRequest},
        parameters::{KeepAlive, TimeUnit},
    },
    models::ModelOptions,
};
use reqwest::{Client, Response};
use serde_json::Value;

use super::{ChatModel, ChatRequest, ModelInfo, ModelPart, ProviderError, without_keys};
use crate::domain::Role;
use server::{Model, Server};

const PROVIDER: &str = "ollama";
/// Between two turns a learner thinks, and loading a model again takes longer than answering.
const KEEP_ALIVE: KeepAlive = KeepAlive::Until { time: 30, unit: TimeUnit::Minutes };
/// What Ollama gives a model that asks for nothing, in tokens; a server may be set up to give more.
const DEFAULT_CONTEXT: u32 = 4096;
/// How much of an error is repeated, in characters.
const EXCERPT_CHARS: usize = 200;

/// One Ollama server and the model chosen on it; clones share what was discovered.
#[derive(Clone)]
pub struct Ollama {
    server: Server,
    wanted: Option<String>,
    context_tokens: Option<u32>,
    known: Arc<Mutex<Known>>,
}

/// Models by the name that requests use for them; `None` is for requests that name none. Only models that the
/// server has are in it, so learners cannot make it grow.
type Known = HashMap<Option<String>, Model>;

impl Ollama {
    /// Reads `host` as `OLLAMA_HOST` is read; without a wanted model one is chosen among those pulled.
    ///
    /// # Errors
    /// When `host` is no address.
    pub fn new(host: &str, wanted: Option<String>, client: Client) -> Result<Self, InvalidHost> {
        let server = Server::new(parse_host(host)?, client);
        Ok(Self { server, wanted, context_tokens: None, known: Arc::default() })
    }

    /// Asks for a context of that many tokens instead of leaving it to Ollama.
    #[must_use]
    pub fn with_context(mut self, tokens: u32) -> Self {
        self.context_tokens = Some(tokens);
        self
    }

    /// Chooses anew which model answers, and looks how much it can hold.
    ///
    /// # Errors
    /// When nobody answers, or with the one command that would help when the model is not pulled.
    pub async fn refresh(&self) -> Result<ModelInfo, ProviderError> {
        let model = self.server.choose(self.wanted.as_deref()).await?;
        self.remember(model);
        Ok(self.info())
    }

    /// A model in use stays in use: another program that loads its own does not change the tutor in mid-talk.
    async fn look(&self) -> Result<(), ProviderError> {
        let in_use = self.known().get(&None).map(|model| model.name.clone());
        if let Some(name) = in_use {
            match self.server.choose(Some(&name)).await {
                Err(ProviderError::Rejected { .. }) => {}
                looked => return looked.map(|model| self.remember(model)),
            }
        }
        self.refresh().await.map(drop)
    }

    fn remember(&self, mut model: Model) {
        let mut known = self.known();
        let last = known.get(&None).filter(|last| last.name == model.name);
        // What the model has shown outweighs what the server says of it.
        model.thinks &= last.is_none_or(|last| last.thinks);
        known.insert(None, model);
    }

    async fn open(&self, request: &ChatRequest) -> Result<Response, ProviderError> {
        let mut model = self.model(request.model.as_deref()).await?;
        match self.server.chat(&model.name, &self.body(&model, request)).await {
            Err(error) if model.thinks && is_about_thinking(&error) => {
                model.thinks = false;
                self.known().insert(request.model.clone(), model.clone());
                self.server.chat(&model.name, &self.body(&model, request)).await
            }
            answer => answer,
        }
    }

    async fn model(&self, name: Option<&str>) -> Result<Model, ProviderError> {
        let key = name.map(str::to_owned);
        if let Some(model) = self.known().get(&key) {
            return Ok(model.clone());
        }
        let model = self.server.choose(name.or(self.wanted.as_deref())).await?;
        self.known().insert(key, model.clone());
        Ok(model)
    }

    fn body(&self, model: &Model, request: &ChatRequest) -> Value {
        let mut chat = ChatMessageRequest::new(model.name.clone(), messages(request));
        chat.keep_alive = Some(KEEP_ALIVE);
        chat.think = model.thinks.then(|| false.into());
        chat.options =
            self.context_tokens.map(|tokens| ModelOptions::default().num_ctx(tokens.into()));
        let mut body = serde_json::to_value(chat).expect("invariant: a chat request is plain JSON");
        // The type keeps this field to itself and writes `false`.
        body["stream"] = true.into();
        body
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ChatModel for Ollama {
    fn info(&self) -> ModelInfo {
        let model = self.known().get(&None).cloned();
        let name = match &model {
            Some(model) => model.name.clone(),
            None => self.wanted.clone().unwrap_or_default(),
        };
        let given = self.context_tokens.or(model.as_ref().and_then(|model| model.given_context));
        let most = model.and_then(|model| model.most_context).unwrap_or(u32::MAX);
        let context_tokens = Some(given.unwrap_or(DEFAULT_CONTEXT).min(most));
        ModelInfo { name, provider: PROVIDER.to_owned(), context_tokens }
    }

    fn reply(&self, request: ChatRequest) -> BoxStream<'static, Result<ModelPart, ProviderError>> {
        let ollama = self.clone();
        let opened = async move { ollama.open(&request).await.map(answer::parts) };
        stream::once(opened).try_flatten().boxed()
    }

    fn check(&self) -> BoxFuture<'static, Result<(), ProviderError>> {
        let ollama = self.clone();
        async move { ollama.look().await }.boxed()
    }
}

fn messages(request: &ChatRequest) -> Vec<OllamaMessage> {
    let system = OllamaMessage::system(request.system.clone());
    let said = request.messages.iter().map(|message| match message.role {
        Role::User => OllamaMessage::user(message.text.clone()),
        Role::Assistant => OllamaMessage::assistant(message.text.clone()),
    });
    std::iter::once(system).chain(said).collect()
}

/// Some servers list thinking among the abilities of a model and then refuse to be told not to.
fn is_about_thinking(error: &ProviderError) -> bool {
    matches!(error, ProviderError::Rejected { reason, .. }
        if reason.starts_with("400") && reason.contains("think"))
}

/// What a server says of its trouble, made fit for one line of a log.
fn excerpt(text: &str) -> String {
    without_keys(text).chars().filter(|char| !char.is_control()).take(EXCERPT_CHARS).collect()
}

fn broken(reason: String) -> ProviderError {
    ProviderError::Broken { provider: PROVIDER.to_owned(), reason }
}
