//! A learner's client of the server: one socket, one turn after another. It plays nothing, it only takes the time.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async_with_config, tungstenite::Message,
};

/// No turn takes half as long.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Learner {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

/// How a turn went for the client.
pub(crate) struct Spoken {
    /// From the message to the first chunk that can be heard.
    pub(crate) first_audio: Duration,
    /// When the last chunk could be heard.
    pub(crate) ready: Instant,
}

/// What has come of a turn so far.
#[derive(Default)]
struct Progress {
    first: Option<Instant>,
    last: Option<Instant>,
    completed: u64,
    /// How many chunks there are, once that is known.
    chunks: Option<u64>,
    /// Where the turn ends, for the report that it was heard.
    end: Value,
}

impl Learner {
    /// Opens a conversation under a name of its own.
    pub(crate) async fn connect(server: SocketAddr, number: usize) -> anyhow::Result<Self> {
        let url = format!("ws://{server}/ws?conversationId=bench-{number}");
        let (socket, _) = connect_async_with_config(url, None, true).await?;
        let mut learner = Self { socket };
        let (_, greeting) = learner.receive().await?;
        anyhow::ensure!(greeting["type"] == "connected", "no greeting but {greeting}");
        Ok(learner)
    }

    /// Says something, waits until all of the answer can be heard, and reports it as heard.
    pub(crate) async fn turn(&mut self) -> anyhow::Result<Spoken> {
        let asked = Instant::now();
        self.send(&json!({"type": "chat", "data": {"message": "Tell me more.", "stream": true}}))
            .await?;
        let mut progress = Progress::default();
        while !progress.is_over() {
            let (at, frame) = self.receive().await?;
            progress.take(at, &frame)?;
        }
        self.send(&json!({"type": "played", "data": progress.end})).await?;
        let first_audio = progress.first.context("no chunk was spoken")? - asked;
        Ok(Spoken { first_audio, ready: progress.last.context("no chunk was spoken")? })
    }

    async fn send(&mut self, frame: &Value) -> anyhow::Result<()> {
        Ok(self.socket.send(Message::text(frame.to_string())).await?)
    }

    /// The next frame and when it came.
    async fn receive(&mut self) -> anyhow::Result<(Instant, Value)> {
        loop {
            let message = timeout(PATIENCE, self.socket.next()).await.context("no frame came")?;
            let at = Instant::now();
            match message.context("the server has gone")?? {
                Message::Text(text) => return Ok((at, serde_json::from_str(&text)?)),
                Message::Close(reason) => bail!("the server closes: {reason:?}"),
                _ => {}
            }
        }
    }
}

impl Progress {
    fn take(&mut self, at: Instant, frame: &Value) -> anyhow::Result<()> {
        let data = &frame["data"];
        match frame["type"].as_str().unwrap_or_default() {
            "chunk-complete" => {
                self.first.get_or_insert(at);
                self.last = Some(at);
                self.completed += 1;
                self.note_end(data);
            }
            "conversation-complete" => self.chunks = data["chunks"].as_u64(),
            "chunk-failed" | "conversation-failed" | "error" => bail!("{frame}"),
            _ => {}
        }
        Ok(())
    }

    fn note_end(&mut self, data: &Value) {
        let index = &data["chunkIndex"];
        if self.end["chunkIndex"].as_u64() <= index.as_u64() {
            let ms = data["chunk"]["duration"].as_f64().unwrap_or_default() * 1000.0;
            self.end = json!({"turnId": data["turnId"], "chunkIndex": index, "ms": ms as u64});
        }
    }

    fn is_over(&self) -> bool {
        self.chunks == Some(self.completed)
    }
}
