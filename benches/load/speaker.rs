//! A learner with a microphone, and the scripted service that hears it. The service hears what its script says.

use std::{
    net::SocketAddr,
    sync::mpsc::sync_channel,
    thread,
    time::{Duration, Instant},
};

use anyhow::Context;
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use parla::audio::{
    intake::{AudioFormat, Encoding, Intake},
    wav,
};
use serde_json::{Value, json};
use tokio::time::{MissedTickBehavior, interval};
use tokio_tungstenite::tungstenite::Message;

use super::{
    sockets::{Socket, connect},
    support::{
        scripted_deepgram,
        scripted_hearing::{Script, Scripted, Spoken},
    },
};

const FRAME_MS: usize = 20;
const BYTES_PER_MS: usize = 32;
const PAUSE_MS: u64 = 1_000;
const SENTENCES: [&str; 4] = [
    "Good morning, I would like a coffee, please.",
    "Could you tell me how to get to the station?",
    "Yesterday we went to the beach with our friends.",
    "I have been learning this language for two years.",
];

/// Real speech as it comes from a microphone, and what is said in it.
pub(crate) struct Speech {
    pub(crate) frames: Vec<Bytes>,
    pub(crate) spoken: Vec<Spoken>,
}

/// A tutor's socket with an open microphone.
pub(crate) struct Speaker {
    socket: Socket,
}

/// Starts the service on a thread of its own, which ends with the process.
pub(crate) fn service(script: Script) -> anyhow::Result<Scripted> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (tell, started) = sync_channel(1);
    thread::Builder::new().name("service".to_owned()).spawn(move || {
        runtime.block_on(async move {
            // The other side has gone when the process ends already.
            drop(tell.send(scripted_deepgram::start(script).await));
            std::future::pending::<()>().await;
        });
    })?;
    started.recv()?.context("the scripted service cannot be started")
}

/// When each transcript with words was sent on that connection.
pub(crate) fn told(service: &Scripted, connection: usize) -> Vec<(Instant, Value)> {
    let received = service.received().into_iter().nth(connection);
    let told = received.map(|received| received.told).unwrap_or_default();
    let has_words = |told: &Value| {
        told["channel"]["alternatives"][0]["words"]
            .as_array()
            .is_some_and(|words| !words.is_empty())
    };
    told.into_iter().filter(|(_, told)| has_words(told)).collect()
}

impl Speech {
    /// That many sentences, with a pause after each.
    pub(crate) fn of(sentences: usize) -> anyhow::Result<Self> {
        let (mut pcm, mut spoken) = (Vec::new(), Vec::new());
        for text in SENTENCES.iter().cycle().take(sentences) {
            let from_ms = (pcm.len() / BYTES_PER_MS) as u64;
            pcm.extend_from_slice(&said(text)?);
            let to_ms = (pcm.len() / BYTES_PER_MS) as u64;
            spoken.push(Spoken { from_ms, to_ms, text });
            pcm.resize(pcm.len() + PAUSE_MS as usize * BYTES_PER_MS, 0);
        }
        let frames = pcm.chunks_exact(FRAME_MS * BYTES_PER_MS).map(Bytes::copy_from_slice);
        Ok(Self { frames: frames.collect(), spoken })
    }

    /// So much of its first sentence.
    pub(crate) fn cut(mut self, length_ms: u64) -> Self {
        self.frames.truncate(length_ms as usize / FRAME_MS);
        self.spoken.truncate(1);
        self.spoken.iter_mut().for_each(|spoken| spoken.to_ms = spoken.to_ms.min(length_ms));
        self
    }
}

impl Speaker {
    pub(crate) async fn connect(server: SocketAddr, conversation: &str) -> anyhow::Result<Self> {
        let (socket, _) = connect(server, &format!("/ws?conversationId={conversation}")).await?;
        Ok(Self { socket })
    }

    pub(crate) async fn open(&mut self, mode: &str) -> anyhow::Result<()> {
        let format = json!({"sampleRate": 16_000, "encoding": "pcm16", "mode": mode});
        self.send("audio-start", &format).await
    }

    pub(crate) async fn send(&mut self, kind: &str, data: &Value) -> anyhow::Result<()> {
        let frame = json!({"type": kind, "data": data});
        Ok(self.socket.send(Message::text(frame.to_string())).await?)
    }

    /// Speaks at the pace of speech until all is said or an event of that type comes; when each event came.
    pub(crate) async fn speak(
        &mut self,
        speech: &Speech,
        until: Option<&str>,
    ) -> anyhow::Result<Vec<(Instant, Value)>> {
        let mut frames = speech.frames.iter();
        let mut events = Vec::new();
        let mut clock = interval(Duration::from_millis(FRAME_MS as u64));
        clock.set_missed_tick_behavior(MissedTickBehavior::Burst);
        loop {
            tokio::select! {
                biased;
                event = self.next() => {
                    let event = event?;
                    let is_last = until.is_some_and(|until| event.1["type"] == until);
                    events.push(event);
                    if is_last {
                        return Ok(events);
                    }
                }
                _ = clock.tick() => match frames.next() {
                    Some(frame) => self.socket.send(Message::Binary(frame.clone())).await?,
                    None => return Ok(events),
                },
            }
        }
    }

    /// The events up to the first one of that type.
    pub(crate) async fn until(&mut self, kind: &str) -> anyhow::Result<()> {
        while self.next().await?.1["type"] != kind {}
        Ok(())
    }

    async fn next(&mut self) -> anyhow::Result<(Instant, Value)> {
        loop {
            let message = self.socket.next().await.context("the server has gone")??;
            let at = Instant::now();
            if let Message::Text(text) = message {
                return Ok((at, serde_json::from_str(&text)?));
            }
        }
    }
}

/// At 16 kHz, as eSpeak NG's own command says it.
fn said(text: &str) -> anyhow::Result<Bytes> {
    let said =
        std::process::Command::new("espeak-ng").args(["-v", "en", "--stdout", text]).output();
    let sound = wav::decode(&said.context("eSpeak NG is missing")?.stdout.into())?;
    let format =
        AudioFormat { encoding: Encoding::Linear16, sample_rate: sound.sample_rate, channels: 1 };
    Ok(Intake::new(format)?.take(&sound.pcm)?.pcm)
}
