//! How fast a model writes. It judges nothing.

use std::time::Duration;

use futures_util::StreamExt;
use parla::{
    domain::Role,
    providers::{ChatMessage, ChatModel, ChatRequest, LessonKey, ModelPart},
};
use tokio::time::{Instant, timeout_at};

/// What a model has written within some time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Written {
    /// Pieces of about a token each, after the first one.
    pub(super) tokens: u32,
    pub(super) elapsed: Duration,
}

impl Written {
    /// `None` when there was too little to tell.
    pub(super) fn per_second(self) -> Option<f64> {
        let is_known = self.tokens > 0 && !self.elapsed.is_zero();
        is_known.then(|| f64::from(self.tokens) / self.elapsed.as_secs_f64())
    }
}

/// Lets a model write for that long at most; what it has not begun by then counts for nothing.
pub(super) async fn listen(model: &dyn ChatModel, limit: Duration) -> Written {
    let text = "Count from one to fifty in words.".to_owned();
    let request = ChatRequest {
        messages: vec![ChatMessage::said(Role::User, text, LessonKey::default())],
        ..ChatRequest::default()
    };
    let until = Instant::now() + limit;
    let mut parts = model.reply(request);
    let (mut began, mut written) = (None, Written::default());
    while let Ok(Some(Ok(part))) = timeout_at(until, parts.next()).await {
        if !matches!(part, ModelPart::Text(_)) {
            continue;
        }
        match began {
            None => began = Some(Instant::now()),
            Some(began) => {
                let tokens = written.tokens + 1;
                written = Written { tokens, elapsed: began.elapsed() };
            }
        }
    }
    written
}
