//! A real server with the practice tutor, asked by HTTP. It looks at no answer's meaning.

use parla::providers::http;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};

use crate::support::serving::Serving;

pub(crate) struct Served {
    client: Client,
    server: Serving,
}

impl Served {
    pub(crate) async fn start() -> Self {
        // A second installation is refused, which is as good: the process has one.
        drop(rustls::crypto::ring::default_provider().install_default());
        let server = Serving::start("practice", &[]).await;
        Self { client: http::client().unwrap(), server }
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        answer(self.client.get(format!("{}{path}", self.server.url))).await
    }

    pub(crate) async fn chat(&self, body: Value) -> Value {
        let mut body = body;
        body["conversationId"] = json!("lesson-7");
        let request = self.client.post(format!("{}api/v1/chat", self.server.url)).json(&body);
        answer(request).await
    }
}

async fn answer(request: RequestBuilder) -> Value {
    request.send().await.unwrap().json().await.unwrap()
}
