//! A model whose answers are written down beforehand, for tests of what wraps a model. It decides nothing.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::{
    FutureExt, StreamExt,
    future::{BoxFuture, ready},
    stream::{self, BoxStream},
};
use tokio::time::Instant;

use super::{ChatModel, ChatRequest, ModelInfo, ModelPart, ProviderError};
use crate::domain::{Aside, Ending, Progress, ProgressKind};

type Part = Result<ModelPart, ProviderError>;

/// Gives its answers one after the other; then it is silent for ever.
pub(super) struct FakeModel {
    name: &'static str,
    script: Arc<Mutex<Script>>,
}

#[derive(Default)]
struct Script {
    answers: VecDeque<Vec<Part>>,
    asked: Vec<Option<String>>,
}

impl FakeModel {
    pub(super) fn new(name: &'static str) -> Arc<Self> {
        Arc::new(Self { name, script: Arc::default() })
    }

    pub(super) fn answers(&self, parts: impl IntoIterator<Item = Part>) -> &Self {
        self.script.lock().unwrap().answers.push_back(parts.into_iter().collect());
        self
    }

    pub(super) fn fails(&self, error: ProviderError) -> &Self {
        self.answers([Err(error)])
    }

    pub(super) fn says(&self, said: &str) -> &Self {
        self.answers([text(said), Ok(ModelPart::Done(Ending::default()))])
    }

    /// The models that the requests so far have named.
    pub(super) fn asked(&self) -> Vec<Option<String>> {
        self.script.lock().unwrap().asked.clone()
    }
}

impl ChatModel for FakeModel {
    fn info(&self) -> ModelInfo {
        let name = self.name.to_owned();
        ModelInfo { provider: name.clone(), name, context_tokens: None }
    }

    fn reply(&self, request: ChatRequest) -> BoxStream<'static, Part> {
        let script = Arc::clone(&self.script);
        let asked = async move {
            let mut script = script.lock().unwrap();
            script.asked.push(request.model);
            match script.answers.pop_front() {
                Some(parts) => stream::iter(parts).boxed(),
                None => stream::pending().boxed(),
            }
        };
        stream::once(asked).flatten().boxed()
    }

    fn check(&self) -> BoxFuture<'static, Result<(), ProviderError>> {
        ready(Ok(())).boxed()
    }
}

pub(super) fn request() -> ChatRequest {
    ChatRequest { model: Some("chosen".to_owned()), ..ChatRequest::default() }
}

pub(super) fn text(text: &str) -> Part {
    Ok(ModelPart::Text(text.to_owned()))
}

pub(super) fn progress(kind: ProgressKind) -> Part {
    let text = "it gets ready".to_owned();
    Ok(ModelPart::Aside(Aside::Progress(Progress { kind, text, done: None, total: None })))
}

pub(super) fn busy(retry_after_s: Option<u64>) -> ProviderError {
    let retry_after = retry_after_s.map(Duration::from_secs);
    ProviderError::AtCapacity { provider: "fake".to_owned(), retry_after }
}

pub(super) fn unreachable() -> ProviderError {
    ProviderError::Unreachable { provider: "fake".to_owned(), reason: "nobody there".to_owned() }
}

pub(super) fn rejected() -> ProviderError {
    ProviderError::Rejected { provider: "fake".to_owned(), reason: "401: no".to_owned() }
}

pub(super) fn cut() -> ProviderError {
    ProviderError::Cut { provider: "fake".to_owned(), reason: "reset".to_owned() }
}

/// One word for each part of an answer.
pub(super) async fn trace(model: &dyn ChatModel) -> String {
    let mut parts = model.reply(request());
    let mut words = Vec::new();
    while let Some(part) = parts.next().await {
        words.push(match part {
            Ok(ModelPart::Text(text)) => text,
            Ok(ModelPart::Aside(Aside::Progress(progress))) => progress.kind.name().to_owned(),
            Ok(ModelPart::Aside(Aside::Notice(notice))) => format!("({})", notice.text),
            Ok(ModelPart::Call(call)) => format!("({})", call.name),
            Ok(ModelPart::Done(_)) => "done".to_owned(),
            Err(error) => format!("({error})"),
        });
    }
    words.join(" ")
}

/// The same, and whole seconds that it took.
pub(super) async fn timed_trace(model: &dyn ChatModel) -> (String, u64) {
    let began = Instant::now();
    let words = trace(model).await;
    (words, began.elapsed().as_secs())
}
