//! A learner's client of the server: one socket, one turn after another. It fetches every sound, but plays none.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use futures_util::{SinkExt, StreamExt};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use tokio::{net::TcpStream, task::JoinSet, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async_with_config, tungstenite::Message,
};

/// What a file without a sample has, in bytes.
const EMPTY: usize = 44;
/// No wait for the next frame is half as long.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Learner {
    server: SocketAddr,
    http: Client,
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

/// What became of a message.
pub(crate) enum Outcome {
    Spoken(Spoken),
    /// There was no room for the turn; how long it took to say so.
    Refused(Duration),
}

/// How a turn went for the client.
pub(crate) struct Spoken {
    /// From the message to the first chunk that can be heard.
    pub(crate) first_audio: Duration,
    /// The same until the last one.
    pub(crate) all_audio: Duration,
    /// When that was.
    pub(crate) ready: Instant,
    /// How long a listener, who begins with the first chunk, waited in silence for later ones.
    pub(crate) silence: Duration,
}

/// What has come of a turn so far.
#[derive(Default)]
struct Progress {
    /// When each chunk could be heard, and for how long, by its place.
    sounds: Vec<Option<(Instant, Duration)>>,
    /// How many chunks there are, once that is known.
    chunks: Option<u64>,
    turn: Value,
}

impl Learner {
    /// Opens a conversation under a name of its own; sounds are fetched by the given client.
    pub(crate) async fn connect(
        server: SocketAddr,
        http: &Client,
        number: usize,
    ) -> anyhow::Result<Self> {
        let url = format!("ws://{server}/ws?conversationId=bench-{number}");
        let (socket, _) = connect_async_with_config(url, None, true).await?;
        let mut learner = Self { server, http: http.clone(), socket };
        let (_, greeting) = learner.receive().await?;
        anyhow::ensure!(greeting["type"] == "connected", "no greeting but {greeting}");
        Ok(learner)
    }

    /// Says something that must be answered: a refusal is an error.
    pub(crate) async fn turn(&mut self) -> anyhow::Result<Spoken> {
        match self.say().await? {
            Outcome::Spoken(spoken) => Ok(spoken),
            Outcome::Refused(_) => bail!("the turn was refused"),
        }
    }

    /// Says something, waits until all of the answer has been fetched, and reports it as heard.
    pub(crate) async fn say(&mut self) -> anyhow::Result<Outcome> {
        let asked = Instant::now();
        self.send(&json!({"type": "chat", "data": {"message": "Tell me more.", "stream": true}}))
            .await?;
        let mut progress = Progress::default();
        let mut fetched = JoinSet::new();
        while !progress.is_over() {
            let (at, frame) = self.receive().await?;
            if frame["type"] == "error" && frame["data"]["code"] == "at_capacity" {
                return Ok(Outcome::Refused(at - asked));
            }
            if let Some(url) = progress.take(at, &frame)? {
                fetched.spawn(fetch(self.http.get(format!("http://{}{url}", self.server))));
            }
        }
        fetched.join_all().await.into_iter().collect::<anyhow::Result<()>>()?;
        self.send(&json!({"type": "played", "data": progress.end()})).await?;
        Ok(Outcome::Spoken(progress.spoken(asked)?))
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

/// Takes a sound as a player does, as soon as it is known.
async fn fetch(request: RequestBuilder) -> anyhow::Result<()> {
    let sound = request.send().await?.error_for_status()?.bytes().await?;
    anyhow::ensure!(sound.len() > EMPTY, "a sound of {} bytes", sound.len());
    Ok(())
}

impl Progress {
    /// Returns the address of a sound that can be heard.
    fn take<'a>(&mut self, at: Instant, frame: &'a Value) -> anyhow::Result<Option<&'a str>> {
        let data = &frame["data"];
        match frame["type"].as_str().unwrap_or_default() {
            "chunk-complete" => {
                self.note(at, data)?;
                return Ok(data["chunk"]["audioUrl"].as_str());
            }
            "conversation-complete" => self.chunks = data["chunks"].as_u64(),
            "chunk-failed" | "conversation-failed" | "error" => bail!("{frame}"),
            _ => {}
        }
        Ok(None)
    }

    fn note(&mut self, at: Instant, data: &Value) -> anyhow::Result<()> {
        let place = data["chunkIndex"].as_u64().context("no place")? as usize;
        let seconds = data["chunk"]["duration"].as_f64().context("no duration")?;
        self.sounds.resize(self.sounds.len().max(place + 1), None);
        self.sounds[place] = Some((at, Duration::from_secs_f64(seconds)));
        self.turn = data["turnId"].clone();
        Ok(())
    }

    fn is_over(&self) -> bool {
        self.chunks == Some(self.sounds.iter().flatten().count() as u64)
    }

    /// Where the turn ends, for the report that it was heard.
    fn end(&self) -> Value {
        let ms = self.sounds.last().copied().flatten().map_or(0, |(_, length)| length.as_millis());
        json!({"turnId": self.turn, "chunkIndex": self.sounds.len().saturating_sub(1), "ms": ms as u64})
    }

    fn spoken(&self, asked: Instant) -> anyhow::Result<Spoken> {
        let sounds: Vec<_> = self.sounds.iter().flatten().collect();
        let (began, _) = **sounds.first().context("no chunk was spoken")?;
        let (mut silence, mut until) = (Duration::ZERO, began);
        for (ready, length) in &sounds {
            silence += ready.saturating_duration_since(until);
            until = until.max(*ready) + *length;
        }
        let first_audio = sounds.iter().map(|(at, _)| *at).min().context("no chunk was spoken")?;
        let ready = sounds.iter().map(|(at, _)| *at).max().context("no chunk was spoken")?;
        Ok(Spoken { first_audio: first_audio - asked, all_audio: ready - asked, ready, silence })
    }
}
