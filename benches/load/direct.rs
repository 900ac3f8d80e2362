//! A client that streams the model and calls the voice itself: the same turn with no server between. It cuts the text
//! by parla's own rule, so that the difference is the server alone.

use std::time::{Duration, Instant};

use anyhow::Context;
use axum::body::Bytes;
use parla::{
    conversation::parser::{Parser, Piece},
    domain::Language,
    providers::{http, ndjson::Lines},
};
use reqwest::Client;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{script, stand_ins::StandIns};

/// Far longer than any line of the scripted model, in bytes.
const LINE_LIMIT: usize = 64 * 1024;

#[derive(Clone)]
pub(crate) struct Direct {
    client: Client,
    model: String,
    voice: String,
}

/// Two first sounds of one answer, from the question on.
pub(crate) struct Heard {
    pub(crate) first_audio: Duration,
    /// When text is cut only where a sentence ends before a space, as most pipelines do it. The scripted prose ends its
    /// sentences with full stops.
    pub(crate) first_sentence: Duration,
    /// What this thread has worked for the whole turn.
    pub(crate) cpu: Duration,
}

impl Direct {
    pub(crate) fn new(stand_ins: &StandIns) -> anyhow::Result<Self> {
        Self::of(&stand_ins.model.base_url(), stand_ins.voice.url())
    }

    /// The same by the addresses of the stand-ins.
    pub(crate) fn of(model: &str, voice: &str) -> anyhow::Result<Self> {
        let (model, voice) = (format!("{model}/api/chat"), format!("{voice}/v1/audio/speech"));
        Ok(Self { client: http::client()?, model, voice })
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Asks once and waits until everything has been spoken.
    pub(crate) async fn turn(&self) -> anyhow::Result<Heard> {
        let (asked, worked) = (Instant::now(), worked()?);
        let mut turn = Turn::new(self);
        self.answer(|token| turn.push(token)).await?;
        let (sound, sentence) = turn.finish().await?;
        Ok(Heard {
            first_audio: sound - asked,
            first_sentence: sentence - asked,
            cpu: self::worked()? - worked,
        })
    }

    /// Asks the model and gives each token on as it comes.
    pub(crate) async fn answer(&self, mut take: impl FnMut(&str)) -> anyhow::Result<()> {
        let mut response = self.ask().await?;
        let mut lines = Lines::new(LINE_LIMIT);
        while let Some(bytes) = response.chunk().await? {
            lines.push(&bytes);
            while let Some(line) = lines.next_line()? {
                take(&token(&line)?);
            }
        }
        Ok(())
    }

    async fn ask(&self) -> reqwest::Result<reqwest::Response> {
        let body = json!({
            "model": "llama3.2",
            "messages": [{"role": "user", "content": "Tell me more."}],
            "stream": true,
        });
        self.client.post(&self.model).json(&body).send().await?.error_for_status()
    }

    /// Resolves when the whole sound is there.
    pub(crate) fn speak(
        &self,
        input: &str,
    ) -> impl Future<Output = reqwest::Result<Bytes>> + use<> {
        let body = json!({
            "model": "tts-1", "input": input, "voice": "alloy", "response_format": "wav",
        });
        let request = self.client.post(&self.voice).json(&body);
        async move { request.send().await?.error_for_status()?.bytes().await }
    }

    /// The same, told by when that is.
    fn heard(&self, input: &str) -> impl Future<Output = reqwest::Result<Instant>> + use<> {
        let sound = self.speak(input);
        async move { sound.await.map(|_| Instant::now()) }
    }
}

/// One answer on its way to the voice.
struct Turn<'a> {
    direct: &'a Direct,
    parser: Parser,
    /// What has come until the first sentence is over.
    first_sentence: Option<String>,
    sounds: JoinSet<reqwest::Result<Instant>>,
    sentences: JoinSet<reqwest::Result<Instant>>,
}

impl<'a> Turn<'a> {
    fn new(direct: &'a Direct) -> Self {
        Self {
            direct,
            parser: Parser::new(Language::default()),
            first_sentence: Some(String::new()),
            sounds: JoinSet::new(),
            sentences: JoinSet::new(),
        }
    }

    fn push(&mut self, token: &str) {
        let pieces = self.parser.push(token);
        self.speak(pieces);
        let Some(sentence) = &mut self.first_sentence else { return };
        sentence.push_str(token);
        if let Some((sentence, _)) = sentence.split_once(". ") {
            self.sentences.spawn(self.direct.heard(&format!("{sentence}.")));
            self.first_sentence = None;
        }
    }

    fn speak(&mut self, pieces: Vec<Piece>) {
        for input in pieces.into_iter().filter_map(script::spoken) {
            self.sounds.spawn(self.direct.heard(&input));
        }
    }

    /// When the first sound of either kind was there.
    async fn finish(mut self) -> anyhow::Result<(Instant, Instant)> {
        let rest = self.parser.finish();
        self.speak(rest);
        Ok((first(self.sounds).await?, first(self.sentences).await?))
    }
}

async fn first(sounds: JoinSet<reqwest::Result<Instant>>) -> anyhow::Result<Instant> {
    let ended: reqwest::Result<Vec<Instant>> = sounds.join_all().await.into_iter().collect();
    ended?.into_iter().min().context("nothing was spoken")
}

/// The processor time of this thread, on which all of the client runs.
pub(crate) fn worked() -> anyhow::Result<Duration> {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = stat.split(' ').next().context("the kernel tells no times")?;
    Ok(Duration::from_nanos(nanoseconds.parse()?))
}

fn token(line: &[u8]) -> serde_json::Result<String> {
    let line: Value = serde_json::from_slice(line)?;
    Ok(line["message"]["content"].as_str().unwrap_or_default().to_owned())
}
