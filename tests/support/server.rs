//! parla itself, as a process in a folder of its own, with clients on real sockets. It never looks inside.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]
#![allow(unreachable_pub, reason = "the tests beside it use it")]

mod answer;
mod hardship;
mod metrics;
mod process;
pub mod raw_socket;
mod setup;
mod socket;
mod stream;

use std::{path::Path, time::Duration};

use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    process::Child,
    time::timeout,
};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use super::scripted_ollama::ScriptedOllama;

pub use answer::{Answer, is_audible};
pub use metrics::Metrics;
pub use process::signal;
pub use setup::Setup;
pub use socket::{Socket, trace};
pub use stream::EventStream;

/// How long a test waits for what should happen soon.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A running parla. Dropping it kills it, and fails the test if it has ever panicked.
pub struct Server {
    /// `None` once it has been taken back to start another server.
    setup: Option<Setup>,
    process: Child,
    base: String,
    key: Option<String>,
    /// Where the metrics are, with the key when one is needed.
    operators: String,
    http: Client,
}

impl Server {
    /// With the usual settings.
    pub async fn start(model: &ScriptedOllama) -> Self {
        Setup::new(model).start().await
    }

    pub fn folder(&self) -> &Path {
        self.setup.as_ref().unwrap().folder()
    }

    /// What the link at the start carries.
    pub fn key(&self) -> &str {
        self.key.as_deref().unwrap()
    }

    /// The host and port.
    pub fn authority(&self) -> &str {
        self.base.strip_prefix("http://").unwrap()
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        Answer::of(self.request(Method::POST, path).json(&body)).await
    }

    /// A message over HTTP, as the body says it.
    pub async fn chat(&self, body: Value) -> Answer {
        self.post("/api/v1/chat", body).await
    }

    /// A message whose turn is told over sockets chunk by chunk; answers with the turn's id.
    pub async fn say(&self, conversation: &str, message: &str) -> String {
        let body = json!({
            "message": message, "conversationId": conversation, "useWebSocket": true, "stream": true,
        });
        let answer = self.chat(body).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.json()["turnId"].as_str().unwrap().to_owned()
    }

    /// The stored messages of a conversation, the oldest first.
    pub async fn messages(&self, conversation: &str) -> Vec<Value> {
        let answer = self.get(&format!("/api/v1/conversations/{conversation}/messages")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let mut messages = answer.json()["items"].as_array().unwrap().clone();
        messages.reverse();
        messages
    }

    /// A socket in a conversation, with its first frame already taken.
    pub async fn join(&self, conversation: &str) -> Socket {
        let mut socket = self.socket(&format!("/ws?conversationId={conversation}")).await;
        socket.until("connected").await;
        socket
    }

    /// Frames that a socket of the conversation has got when everything asked so far has been done.
    pub async fn present(&self, conversation: &str, socket: &mut Socket) -> Vec<Value> {
        // What was asked over this socket is on its way in the conversation when the pong comes.
        socket.send("ping", json!({})).await;
        let mut frames = socket.take_until(|frame| frame["type"] == "pong").await;
        // Joining waits until the conversation has dealt with it, and an event comes after those before it.
        let mut other = self.join(conversation).await;
        other.send("typing", json!({"isTyping": true})).await;
        frames.extend(socket.take_until(|frame| frame["type"] == "typing").await);
        let is_beside =
            |kind: &Value| ["pong", "typing", "latency"].iter().any(|name| kind == name);
        frames.retain(|frame| !is_beside(&frame["type"]));
        frames
    }

    pub async fn socket(&self, path: &str) -> Socket {
        self.socket_with(path, &[]).await.unwrap()
    }

    /// A socket with further headers; the status when it is refused.
    pub async fn socket_with(
        &self,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Socket, u16> {
        let url = format!("ws://{}{path}", self.authority());
        let mut request = url.into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        Socket::open(request).await
    }

    /// The conversation's events as Server-Sent Events.
    pub async fn event_stream(&self, path: &str, last_event_id: Option<&str>) -> EventStream {
        let mut request = self.request(Method::GET, path).header("accept", "text/event-stream");
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        EventStream::open(request).await
    }

    /// A connection below HTTP, for what no library would send.
    pub async fn raw(&self) -> TcpStream {
        TcpStream::connect(self.authority()).await.unwrap()
    }

    /// The answer to bytes that need not be a request; the server ends the connection.
    pub async fn raw_answer(&self, request: &str) -> String {
        let mut connection = self.raw().await;
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        timeout(PATIENCE, connection.read_to_end(&mut answer)).await.unwrap().unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// The beginning of the answer, for where the server may keep the connection.
    pub async fn raw_head(&self, request: &str) -> String {
        let mut connection = self.raw().await;
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut head = vec![0; 4096];
        let length = timeout(PATIENCE, connection.read(&mut head)).await.unwrap().unwrap();
        String::from_utf8_lossy(&head[..length]).into_owned()
    }
}
