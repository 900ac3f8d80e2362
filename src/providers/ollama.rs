//! Ollama, the language model on the learner's own machine. It pulls nothing that nobody has named.

mod answer;
mod asking;
mod context;
mod host;
mod known;
mod preparation;
mod pull;
mod server;
mod warmth;
mod wire;

pub use host::{InvalidHost, parse_host};

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::{
    FutureExt, StreamExt, TryStreamExt,
    future::{BoxFuture, ready},
    stream::{self, BoxStream},
};
use ollama_rs::generation::parameters::{KeepAlive, TimeUnit};
use reqwest::Client;

use super::{ChatModel, ChatRequest, ModelInfo, ModelPart, ProviderError, without_keys};
use crate::{
    domain::{Aside, Progress},
    shutdown::Shutdown,
};
use preparation::Preparation;
use server::{Model, Server};
use warmth::Warmth;

const PROVIDER: &str = "ollama";
/// Between two turns a learner thinks, and loading a model again takes longer than answering.
const KEEP_ALIVE: KeepAlive = KeepAlive::Until { time: 30, unit: TimeUnit::Minutes };
/// How long a model that has answered is believed to be in memory: somewhat less than what it is kept for.
const KEEP_ALIVE_FOR: Duration = Duration::from_secs(25 * 60);
/// An answer waits no longer for its model to get ready; who only watches may.
const READY_LIMIT: Duration = Duration::from_secs(600);
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
    /// Without it nothing is pulled, loaded or read beforehand.
    preparation: Option<Preparation>,
    warmth: Warmth,
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
        let (known, warmth) = (Arc::default(), Warmth::default());
        Ok(Self { server, wanted, context_tokens: None, known, preparation: None, warmth })
    }

    /// Asks for a context of that many tokens instead of leaving it to Ollama.
    #[must_use]
    pub fn with_context(mut self, tokens: u32) -> Self {
        self.context_tokens = Some(tokens);
        self
    }

    /// Gets models ready before they are to answer: the wanted one is pulled when it is missing, and whichever answers is
    /// loaded first. The work goes on when whoever waited for it has left, until `shutdown` drains.
    #[must_use]
    pub fn preparing(mut self, shutdown: &Shutdown) -> Self {
        self.preparation = Some(Preparation::new(self.server.clone(), shutdown.clone()));
        self
    }

    /// The names of all models on the server's disk.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub async fn names(&self) -> Result<Vec<String>, ProviderError> {
        self.server.names().await
    }

    /// Whether the model is in memory; not when nobody knows.
    pub async fn is_loaded(&self, model: &str) -> bool {
        self.server.has_loaded(model).await
    }

    /// Pulls a model and tells how far it has come; dropping the stream stops it, and the next pull goes on from there.
    #[must_use]
    pub fn pull(&self, model: &str) -> BoxStream<'static, Result<Progress, ProviderError>> {
        pull::progress(self.server.clone(), model.to_owned())
    }

    /// Pulls the wanted model when it is missing.
    #[must_use]
    pub fn pull_missing(&self) -> BoxStream<'static, Aside> {
        let Some(preparation) = self.preparation.clone() else { return stream::empty().boxed() };
        let ollama = self.clone();
        let pulling = async move {
            let missing = matches!(ollama.model(None).await, Err(ProviderError::Rejected { .. }));
            let wanted = ollama.wanted.as_ref().filter(|_| missing);
            wanted.map_or_else(|| stream::empty().boxed(), |name| preparation.pull(name).boxed())
        };
        stream::once(pulling).flatten().boxed()
    }
}

impl ChatModel for Ollama {
    fn info(&self) -> ModelInfo {
        let model = self.known().get(&None).cloned();
        let name = match &model {
            Some(model) => model.name.clone(),
            None => self.wanted.clone().unwrap_or_default(),
        };
        let unknown = || self.context_tokens.unwrap_or(DEFAULT_CONTEXT);
        let context_tokens = Some(model.map_or_else(unknown, |model| self.context_of(&model)));
        ModelInfo { name, provider: PROVIDER.to_owned(), context_tokens }
    }

    fn reply(&self, request: ChatRequest) -> BoxStream<'static, Result<ModelPart, ProviderError>> {
        let (ollama, request) = (self.clone(), Arc::new(request));
        let asides = self.get_ready(&request).map(|aside| Ok(ModelPart::Aside(aside)));
        let asides = asides.take_until(tokio::time::sleep(READY_LIMIT));
        let opened = async move { ollama.open(&request).await };
        asides.chain(stream::once(opened).try_flatten()).boxed()
    }

    fn check(&self) -> BoxFuture<'static, Result<(), ProviderError>> {
        let ollama = self.clone();
        async move { ollama.look().await }.boxed()
    }

    fn warm(&self, request: ChatRequest) -> BoxStream<'static, Aside> {
        let (ollama, request) = (self.clone(), Arc::new(request));
        let asides = self.get_ready(&request);
        let read = async move {
            if ollama.preparation.is_some() {
                ollama.read(&request).await;
            }
            None
        };
        asides.chain(stream::once(read).filter_map(ready)).boxed()
    }
}

/// What a server says of its trouble, made fit for one line of a log.
fn excerpt(text: &str) -> String {
    without_keys(text).chars().filter(|char| !char.is_control()).take(EXCERPT_CHARS).collect()
}

fn broken(reason: String) -> ProviderError {
    ProviderError::Broken { provider: PROVIDER.to_owned(), reason }
}
