//! What is known of the models: which one answers, and with how much context. It asks for no answer.

use std::sync::{MutexGuard, PoisonError};

use super::{
    DEFAULT_CONTEXT, Known, Ollama,
    context::{self, Room},
    server::Model,
};
use crate::providers::{ChatModel, ChatRequest, ModelInfo, ProviderError};

impl Ollama {
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
    pub(super) async fn look(&self) -> Result<(), ProviderError> {
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
        model.calls &= last.is_none_or(|last| last.calls);
        model.asked_context = last.and_then(|last| last.asked_context);
        known.insert(None, model);
    }

    /// The model, with as much context as the request needs and the model can have.
    pub(super) async fn fitting(
        &self,
        request: &ChatRequest,
    ) -> Result<(Model, Room), ProviderError> {
        let mut model = self.model(request.model.as_deref()).await?;
        let room = context::room(request, self.context_of(&model), &model);
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
    pub(super) fn context_of(&self, model: &Model) -> u32 {
        let given = self.context(model).or(model.given_context).unwrap_or(DEFAULT_CONTEXT);
        given.min(model.most_context.unwrap_or(u32::MAX))
    }

    /// The context to ask for.
    pub(super) fn context(&self, model: &Model) -> Option<u32> {
        self.context_tokens.or(model.asked_context)
    }

    /// The model that a request with that choice gets.
    pub(super) async fn model(&self, name: Option<&str>) -> Result<Model, ProviderError> {
        let key = name.map(str::to_owned);
        if let Some(model) = self.known().get(&key) {
            return Ok(model.clone());
        }
        let model = self.server.choose(name.or(self.wanted.as_deref())).await?;
        self.known().insert(key, model.clone());
        Ok(model)
    }

    pub(super) fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
