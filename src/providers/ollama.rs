//! Ollama, the language model on the learner's own machine. It pulls nothing that nobody has named.

mod answer;
mod context;
mod host;
mod preparation;
mod pull;
mod server;
mod warmth;

pub use host::{InvalidHost, parse_host};

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::{
    FutureExt, Stream, StreamExt, TryStreamExt,
    future::{BoxFuture, ready},
    stream::{self, BoxStream},
};
use ollama_rs::{
    generation::{
        chat::{ChatMessage as OllamaMessage, request::ChatMessageRequest},
        parameters::{KeepAlive, TimeUnit},
    },
    models::ModelOptions,
};
use reqwest::Client;
use serde_json::Value;

use super::{ChatModel, ChatRequest, ModelInfo, ModelPart, ProviderError, without_keys};
use crate::{
    domain::{Aside, Progress, Role},
    shutdown::Shutdown,
};
use context::Room;
use preparation::Preparation;
use server::{Model, Server};
use warmth::Warmth;

const PROVIDER: &str = "ollama";
/// Between two turns a learner thinks, and loading a model again takes longer than answering.
const KEEP_ALIVE: KeepAlive = KeepAlive::Until { time: 30, unit: TimeUnit::Minutes };
/// How long a model that has answered is believed to be in memory: somewhat less than what it is kept for.
const KEEP_ALIVE_FOR: Duration = Duration::from_secs(25 * 60);
/// A tutor says a few sentences; a model that does not find its end is stopped by Ollama too, in tokens.
const ANSWER_LIMIT: i32 = 4096;
/// Reading a prompt beforehand may take as long as a slow computer needs for it, and no longer.
const READ_LIMIT: Duration = Duration::from_secs(60);
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

    /// Chooses anew which model answers, and looks how much it can hold.
    ///
    /// # Errors
    /// When nobody answers, or with the one command that would help when the model is not pulled.
    pub async fn refresh(&self) -> Result<ModelInfo, ProviderError> {
        let model = self.server.choose(self.wanted.as_deref()).await?;
        self.remember(model);
        Ok(self.info())
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
        // What the model has shown and what it was asked for outweigh what the server says of it.
        model.thinks &= last.is_none_or(|last| last.thinks);
        model.asked_context = last.and_then(|last| last.asked_context);
        known.insert(None, model);
    }

    async fn open(
        &self,
        request: &ChatRequest,
    ) -> Result<impl Stream<Item = Result<ModelPart, ProviderError>> + use<>, ProviderError> {
        let (mut model, _) = self.fitting(request).await?;
        self.warmth.answer_begins();
        self.preparation.iter().for_each(|preparation| preparation.is_asked(&model.name));
        let response = match self.server.chat(&model.name, &self.body(&model, request)).await {
            Err(error) if model.thinks && is_about_thinking(&error) => {
                model.thinks = false;
                self.known().insert(request.model.clone(), model.clone());
                self.server.chat(&model.name, &self.body(&model, request)).await
            }
            answer => answer,
        }?;
        // The head comes with the first line.
        self.preparation.iter().for_each(|preparation| preparation.has_answered(&model.name));
        Ok(answer::parts(response, model.name))
    }

    /// Everything that comes before the answer itself, as far as there is anything to tell of it.
    fn get_ready(&self, request: &Arc<ChatRequest>) -> BoxStream<'static, Aside> {
        let Some(preparation) = self.preparation.clone() else { return stream::empty().boxed() };
        let (ollama, request) = (self.clone(), Arc::clone(request));
        let is_choice_of_learner = request.model.is_some();
        let loading = async move {
            let Ok((model, room)) = ollama.fitting(&request).await else {
                return stream::empty().boxed();
            };
            let most = model.most_context.unwrap_or(u32::MAX);
            let notice = room.lacking.map(|needed| context::notice(&model.name, most, needed));
            let told = stream::iter(notice.map(Aside::Notice));
            if preparation.is_loaded(&model.name).await {
                return told.boxed();
            }
            let loading = preparation.load(&model.name, ollama.context(&model));
            // With which context, only a loaded model tells.
            let look = async move {
                drop(ollama.look().await);
                None
            };
            told.chain(loading).chain(stream::once(look).filter_map(ready)).boxed()
        };
        let loading = stream::once(loading).flatten();
        if is_choice_of_learner {
            loading.boxed()
        } else {
            self.pull_missing().chain(loading).boxed()
        }
    }

    /// Lets the model read the prompt, so that it is in its memory when the learner's message comes.
    async fn read(&self, request: &ChatRequest) {
        let Ok((model, _)) = self.fitting(request).await else { return };
        let Some(mut reading) = self.warmth.read(&model.name, request) else { return };
        let mut body = self.body(&model, request);
        body["options"]["num_predict"] = 1.into();
        let answer = async {
            let mut response = self.server.chat(&model.name, &body).await.ok()?;
            while response.chunk().await.ok()?.is_some() {}
            Some(())
        };
        let answered = tokio::select! {
            () = reading.is_in_the_way() => None,
            answered = tokio::time::timeout(READ_LIMIT, answer) => answered.ok().flatten(),
        };
        if answered.is_some() {
            reading.done();
        }
    }

    /// The model, with as much context as the request needs and the model can have.
    async fn fitting(&self, request: &ChatRequest) -> Result<(Model, Room), ProviderError> {
        let mut model = self.model(request.model.as_deref()).await?;
        let room = context::room(request, self.context_of(&model), model.most_context);
        if let Some(widened) = room.widened.filter(|_| self.context_tokens.is_none()) {
            tracing::info!(
                model = model.name,
                tokens = widened,
                "the prompt needs a wider context"
            );
            model.asked_context = Some(widened);
            self.known().insert(request.model.clone(), model.clone());
        }
        Ok((model, room))
    }

    /// The context that the model has, in tokens.
    fn context_of(&self, model: &Model) -> u32 {
        let given = self.context(model).or(model.given_context).unwrap_or(DEFAULT_CONTEXT);
        given.min(model.most_context.unwrap_or(u32::MAX))
    }

    /// The context to ask for.
    fn context(&self, model: &Model) -> Option<u32> {
        self.context_tokens.or(model.asked_context)
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
        let options = ModelOptions::default().num_predict(ANSWER_LIMIT);
        chat.options = Some(match self.context(model) {
            Some(tokens) => options.num_ctx(tokens.into()),
            None => options,
        });
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
        let unknown = || self.context_tokens.unwrap_or(DEFAULT_CONTEXT);
        let context_tokens = Some(model.map_or_else(unknown, |model| self.context_of(&model)));
        ModelInfo { name, provider: PROVIDER.to_owned(), context_tokens }
    }

    fn reply(&self, request: ChatRequest) -> BoxStream<'static, Result<ModelPart, ProviderError>> {
        let (ollama, request) = (self.clone(), Arc::new(request));
        let asides = self.get_ready(&request).map(|aside| Ok(ModelPart::Aside(aside)));
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
