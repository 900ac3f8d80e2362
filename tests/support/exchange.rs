//! One question to Ollama and what comes of it. It asserts nothing.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]
#![allow(dead_code, unreachable_pub, reason = "each test uses another part of it")]

use futures_util::{StreamExt, stream::BoxStream};
use parla::{
    domain::{Aside, Ending, Role, ToolCall},
    providers::{
        ChatMessage, ChatRequest, LessonKey, ModelPart, ProviderError, http, ollama::Ollama,
    },
};
use reqwest::Client;
use serde_json::Value;

/// What the stand-in says when nothing is scripted, as [`trace`] shows it.
pub const CIAO: &str = "Ciao!\n(done Some((26, 2)))\n";

pub fn client() -> Client {
    // A second installation is refused, which is as good: the process has one.
    drop(rustls::crypto::ring::default_provider().install_default());
    http::client().unwrap()
}

pub fn ollama(host: &str, wanted: Option<&str>) -> Ollama {
    Ollama::new(host, wanted.map(str::to_owned), client()).unwrap()
}

pub fn request() -> ChatRequest {
    let said = |role, text: &str| ChatMessage::said(role, text.to_owned(), LessonKey::default());
    ChatRequest {
        system: "You are a tutor.".to_owned(),
        messages: vec![
            said(Role::User, "Hola"),
            said(Role::Assistant, "¡Hola!"),
            said(Role::User, "¿Qué tal?"),
        ],
        ..ChatRequest::default()
    }
}

/// The text that came, joined, and in a line of its own how it ended.
pub async fn trace(mut parts: BoxStream<'static, Result<ModelPart, ProviderError>>) -> String {
    let mut text = String::new();
    let mut end = String::new();
    while let Some(part) = parts.next().await {
        match part {
            Ok(ModelPart::Text(part)) => text += &part,
            Ok(ModelPart::Aside(Aside::Progress(progress))) => {
                text += &format!("({})\n", progress.kind.name());
            }
            Ok(ModelPart::Aside(Aside::Notice(notice))) => {
                end += &format!("(notice {}: {})\n", notice.code, notice.text);
            }
            Ok(ModelPart::Call(ToolCall { name, arguments })) => {
                text += &format!("(call {name} {})\n", Value::Object(arguments));
            }
            Ok(ModelPart::Done(Ending { usage, cut_short })) => {
                let usage = usage.map(|usage| (usage.prompt_tokens, usage.completion_tokens));
                let done = if cut_short { "cut short" } else { "done" };
                end += &format!("({done} {usage:?})\n");
            }
            Err(error) => end += &format!("({}: {error})\n", error.failure().code),
        }
    }
    if text.is_empty() { end } else { format!("{text}\n{end}") }
}
