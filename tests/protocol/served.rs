//! A real server with the practice tutor, asked by HTTP. It looks at no answer's meaning.

use std::process::Stdio;

use parla::providers::http;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

pub(crate) struct Served {
    client: Client,
    url: String,
    // Both end with the test.
    _server: Child,
    _folder: tempfile::TempDir,
}

impl Served {
    pub(crate) async fn start() -> Self {
        // A second installation is refused, which is as good: the process has one.
        drop(rustls::crypto::ring::default_provider().install_default());
        let folder = tempfile::tempdir().unwrap();
        let mut server = Command::new(env!("CARGO_BIN_EXE_parla"))
            .args(["serve", "--listen", "127.0.0.1:0", "--model", "practice", "--tts", "espeak"])
            .current_dir(folder.path())
            .env("PARLA_MANAGEMENT_LISTEN", "off")
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
        let line = lines.next_line().await.unwrap().unwrap();
        let url = line.strip_prefix("parla is listening: ").unwrap().to_owned();
        Self { client: http::client().unwrap(), url, _server: server, _folder: folder }
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        answer(self.client.get(format!("{}{path}", self.url))).await
    }

    pub(crate) async fn chat(&self, body: Value) -> Value {
        let mut body = body;
        body["conversationId"] = json!("lesson-7");
        let request = self.client.post(format!("{}api/v1/chat", self.url)).json(&body);
        answer(request).await
    }
}

async fn answer(request: RequestBuilder) -> Value {
    request.send().await.unwrap().json().await.unwrap()
}
