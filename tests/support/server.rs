//! parla itself, as a process in a folder of its own, with clients on real sockets. It never looks inside.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]
#![allow(unreachable_pub, reason = "the tests beside it use it")]

mod answer;
mod socket;
mod stream;

use std::{
    fs::OpenOptions,
    io::Write,
    path::Path,
    process::{ExitStatus, Stdio},
    thread,
    time::Duration,
};

use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    process::{Child, Command},
    time::timeout,
};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use super::{scripted_ollama::ScriptedOllama, scripted_voice::ScriptedVoice};

pub use answer::{Answer, is_audible};
pub use socket::{Socket, trace};
pub use stream::EventStream;

/// How long a test waits for what should happen soon.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A folder with settings, in which servers can be started one after the other.
pub struct Setup {
    folder: TempDir,
    environment: Vec<(&'static str, String)>,
}

impl Setup {
    /// A private server whose tutor is that model and whose voice is eSpeak NG.
    pub fn new(model: &ScriptedOllama) -> Self {
        let environment = vec![
            ("OLLAMA_HOST", model.base_url()),
            ("PARLA_MODEL", "ollama".to_owned()),
            ("PARLA_LISTEN", "127.0.0.1:0".to_owned()),
        ];
        Self { folder: tempfile::tempdir().unwrap(), environment }
    }

    pub fn environment(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.environment.push((name, value.into()));
        self
    }

    /// The text of `parla.toml`.
    pub fn settings(self, toml: &str) -> Self {
        std::fs::write(self.folder.path().join("parla.toml"), toml).unwrap();
        self
    }

    /// The scripted voice as `scripted`, and the order in which voices are tried.
    pub fn voice(self, voice: &ScriptedVoice, order: &str) -> Self {
        let settings = format!(
            "[providers.scripted]\nurl = \"{}\"\nmodel = \"tts-1\"\nvoice = \"alloy\"\n\
             voices = {{ es = \"pablo\" }}\ntimeout = 2\n",
            voice.url()
        );
        self.settings(&settings).environment("PARLA_TTS", order)
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub async fn start(self) -> Server {
        let log = self.folder().join("log");
        let log = OpenOptions::new().create(true).append(true).open(log).unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_parla"))
            .current_dir(self.folder())
            .env_clear()
            .envs(self.environment.clone())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let line = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap();
        let link = line.strip_prefix("parla is listening: ").unwrap().to_owned();
        let (base, key) = match link.split_once("/?key=") {
            Some((base, key)) => (base.to_owned(), Some(key.to_owned())),
            None => (link.trim_end_matches('/').to_owned(), None),
        };
        // Where a server listens everywhere, this machine reaches it here.
        let base = base.replace("0.0.0.0", "127.0.0.1");
        Server { setup: Some(self), process, base, key, http: client() }
    }
}

/// A running parla. Dropping it kills it, and fails the test if it has ever panicked.
pub struct Server {
    /// `None` once it has been taken back to start another server.
    setup: Option<Setup>,
    process: Child,
    base: String,
    key: Option<String>,
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

    pub fn process_id(&self) -> u32 {
        self.process.id().unwrap()
    }

    /// The processes that it has started.
    pub async fn children(&self) -> Vec<String> {
        let list = told_by("pgrep", &["-P", &self.process_id().to_string()]).await;
        list.split_whitespace().map(str::to_owned).collect()
    }

    /// Resident memory, in KiB.
    pub async fn memory_kib(&self) -> i64 {
        let told = told_by("ps", &["-o", "rss=", "-p", &self.process_id().to_string()]).await;
        told.trim().parse().unwrap()
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
        frames.retain(|frame| frame["type"] != "pong" && frame["type"] != "typing");
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

    /// Asks the process to end.
    pub async fn terminate(&self) {
        signal("-TERM", &self.process_id().to_string()).await;
    }

    /// Waits for the process to end by itself.
    pub async fn ended(&mut self) -> ExitStatus {
        timeout(PATIENCE, self.process.wait()).await.unwrap().unwrap()
    }

    /// Ends the process politely and starts another one in the same folder.
    pub async fn restart(mut self) -> Self {
        self.terminate().await;
        assert!(self.ended().await.success());
        self.take_setup().start().await
    }

    /// Ends the process without a warning, if it has not ended by itself; its folder stays.
    pub async fn kill(mut self) -> Setup {
        drop(self.process.start_kill());
        self.ended().await;
        self.take_setup()
    }

    fn take_setup(&mut self) -> Setup {
        self.fail_if_panicked();
        self.setup.take().unwrap()
    }

    fn log(&self) -> String {
        let Some(setup) = &self.setup else { return String::new() };
        std::fs::read_to_string(setup.folder().join("log")).unwrap_or_default()
    }

    fn fail_if_panicked(&self) {
        let log = self.log();
        assert!(!log.contains("panicked at"), "{log}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if thread::panicking() {
            // What the server had to say helps to understand the failure.
            drop(writeln!(std::io::stderr(), "{}", self.log()));
        } else {
            self.fail_if_panicked();
        }
    }
}

/// Sends a signal to one process.
pub async fn signal(name: &str, process: &str) {
    told_by("kill", &[name, process]).await;
}

async fn told_by(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().await.unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn client() -> Client {
    // A second installation is refused, which is as good: the process has one.
    drop(rustls::crypto::ring::default_provider().install_default());
    Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}
