//! Asks for an answer, and for what can be done before it. It chooses no model.

use std::{sync::Arc, time::Duration};

use futures_util::{
    StreamExt,
    future::ready,
    stream::{self, BoxStream, Stream},
};
use ollama_rs::{
    generation::chat::{ChatMessage as OllamaMessage, request::ChatMessageRequest},
    models::ModelOptions,
};
use serde_json::Value;

use super::{KEEP_ALIVE, Ollama, answer, context, server::Model};
use crate::{
    domain::{Aside, Role},
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
