//! Asks for an answer, and for what can be done before it. It chooses no model.

use std::{borrow::Cow, sync::Arc, time::Duration};

use futures_util::{
    StreamExt,
    future::ready,
    stream::{self, BoxStream, Stream},
};
use ollama_rs::{generation::chat::request::ChatMessageRequest, models::ModelOptions};
use reqwest::Response;
use serde_json::Value;

use super::{KEEP_ALIVE, Ollama, answer, context, server::Model, wire};
use crate::{
    domain::Aside,
    providers::{ChatRequest, ModelPart, ProviderError},
};

/// A tutor says a few sentences; a model that does not find its end is stopped by Ollama too, in tokens.
const ANSWER_LIMIT: i32 = 4096;
/// Reading a prompt beforehand may take as long as a slow computer needs for it, and no longer.
const READ_LIMIT: Duration = Duration::from_secs(60);

impl Ollama {
    /// The answer from its beginning; the model is told to hold its thoughts where it can be.
    pub(super) async fn open(
        &self,
        request: &ChatRequest,
    ) -> Result<impl Stream<Item = Result<ModelPart, ProviderError>> + use<>, ProviderError> {
        let (mut model, _) = self.fitting(request).await?;
        self.warmth.answer_begins();
        self.preparation.iter().for_each(|preparation| preparation.is_asked(&model.name));
        let response = self.begin(&mut model, request).await?;
        // The head comes with the first line.
        self.preparation.iter().for_each(|preparation| preparation.has_answered(&model.name));
        let tools = request.tools.iter().map(|tool| tool.name.clone()).collect();
        Ok(answer::parts(response, model.name, tools))
    }

    /// Asks, and asks again without what the model refuses: it is not asked for that a second time.
    async fn begin(
        &self,
        model: &mut Model,
        request: &ChatRequest,
    ) -> Result<Response, ProviderError> {
        let mut request = Cow::Borrowed(request);
        loop {
            let body = self.body(model, &request);
            match self.server.chat(&model.name, &body).await {
                Err(error) if model.thinks && is_refusal_of(&error, "think") => {
                    model.thinks = false;
                }
                Err(error) if body.get("tools").is_some() && is_refusal_of(&error, "tools") => {
                    tracing::warn!(model = model.name, %error, "the model answers without functions");
                    model.calls = !is_refusal_of(&error, "does not support");
                    // What it does not understand of these it may understand of others.
                    request.to_mut().tools.clear();
                }
                answer => return answer,
            }
            self.known().insert(request.model.clone(), model.clone());
        }
    }

    /// Everything that comes before the answer itself, as far as there is anything to tell of it.
    pub(super) fn get_ready(&self, request: &Arc<ChatRequest>) -> BoxStream<'static, Aside> {
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
    pub(super) async fn read(&self, request: &ChatRequest) {
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

    fn body(&self, model: &Model, request: &ChatRequest) -> Value {
        let mut chat = ChatMessageRequest::new(model.name.clone(), Vec::new());
        chat.keep_alive = Some(KEEP_ALIVE);
        chat.think = model.thinks.then(|| false.into());
        let limit = request.max_tokens.and_then(|tokens| tokens.try_into().ok());
        let options = ModelOptions::default()
            .num_predict(limit.map_or(ANSWER_LIMIT, |limit: i32| limit.min(ANSWER_LIMIT)));
        chat.options = Some(match self.context(model) {
            Some(tokens) => options.num_ctx(tokens.into()),
            None => options,
        });
        let mut body = serde_json::to_value(chat).expect("invariant: a chat request is plain JSON");
        // The type keeps this field to itself and writes `false`.
        body["stream"] = true.into();
        body["messages"] = wire::messages(request);
        body.as_object_mut().map(|body| body.remove("tools"));
        if model.calls && !request.tools.is_empty() {
            body["tools"] = request.tools.iter().map(wire::tool).collect();
        }
        body
    }
}

/// Some servers list an ability of a model and then refuse to hear of it; others learn of a model's lack only so.
fn is_refusal_of(error: &ProviderError, what: &str) -> bool {
    matches!(error, ProviderError::Rejected { reason, .. }
        if reason.starts_with("400") && reason.contains(what))
}
