//! Any ear behind an OpenAI-compatible `/v1/audio/transcriptions`. It hears whole utterances, and none without a voice.

mod answer;
mod doubt;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream::BoxStream};
use reqwest::{
    Client, Response, StatusCode,
    multipart::{Form, Part},
};
use tokio::{sync::Semaphore, time::timeout};

use super::{
    Heard, ListenRequest, Pace, ProviderError, Sound, Transcriber, http, transcriber,
    utterances::{Said, Step, steps},
};
use crate::{
    audio::wav,
    domain::{Language, Transcript},
    prompts::unsaid::Unsaid,
};
use answer::Answer;

/// An utterance takes a slow computer some seconds.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(20);

/// Requests at once for one microphone: a second short utterance need not wait for the first.
const PARALLEL: usize = 2;
/// Steps that wait for their turn. When there are that many no further sound is taken until one is done.
const WAITING: usize = 16;
/// With less voice than that there is no word in it, in milliseconds.
const LEAST_VOICE_MS: u64 = 120;
/// Half an hour of words with their times, in bytes.
const MAX_ANSWER_BYTES: usize = 2 << 20;
/// Whisper reads the last 224 pieces of words of a hint; so many characters are fewer.
const MAX_HINT_CHARS: usize = 500;

/// Where an ear is and how to ask it. It has no `Debug`: the key is not to be printed.
#[derive(Clone)]
pub struct TranscriptionSettings {
    /// The engine's name.
    pub name: String,
    /// The server's address, with or without `/v1` at its end.
    pub url: String,
    /// Where utterances go when that is not `/v1/audio/transcriptions`: `/inference` of whisper.cpp.
    pub path: Option<String>,
    pub key: Option<String>,
    pub model: String,
    /// For a whole answer.
    pub timeout: Duration,
    /// What it is known to invent.
    pub unsaid: Arc<Unsaid>,
}

/// A cheap handle to the ear.
#[derive(Clone)]
pub struct OpenAiTranscription {
    client: Client,
    settings: Arc<TranscriptionSettings>,
    /// The server tells words and doubts, as far as is known.
    is_verbose: Arc<AtomicBool>,
}

impl OpenAiTranscription {
    #[must_use]
    pub fn new(client: Client, settings: TranscriptionSettings) -> Self {
        // OpenAI's newer models refuse it.
        let is_verbose = !settings.model.starts_with("gpt-");
        let is_verbose = Arc::new(AtomicBool::new(is_verbose));
        Self { client, settings: Arc::new(settings), is_verbose }
    }

    async fn hear(self, said: Said, language: Option<Language>) -> Result<Heard, ProviderError> {
        let mut transcript =
            Transcript { segment: said.segment, is_final: true, ..Transcript::default() };
        if said.utterance.voiced_ms() >= LEAST_VOICE_MS {
            let answer = self.ask(&said, language.as_ref()).await?;
            let sound_ms = said.utterance.sound.duration_ms();
            if let Some(text) = doubt::believable(&answer, sound_ms, &self.settings.unsaid) {
                transcript.text = text;
                transcript.confidence = answer.confidence();
                transcript.words = answer.heard_words(said.utterance.start_ms);
            }
        }
        Ok(Heard::Transcript(transcript))
    }

    /// Asks again, and from then on, without words and doubts when the server does not tell them.
    async fn ask(&self, said: &Said, language: Option<&Language>) -> Result<Answer, ProviderError> {
        let asked_verbosely = self.is_verbose.load(Ordering::Relaxed);
        let exchange = async {
            let mut response = self.send(said, language, asked_verbosely).await?;
            let is_refused = matches!(
                response.status(),
                StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY
            );
            if is_refused && asked_verbosely {
                response = self.send(said, language, false).await?;
                if response.status().is_success() {
                    self.is_verbose.store(false, Ordering::Relaxed);
                }
            }
            self.read(response).await
        };
        let late = |_| Err(ProviderError::TimedOut { provider: self.settings.name.clone() });
        timeout(self.settings.timeout, exchange).await.unwrap_or_else(late)
    }

    async fn send(
        &self,
        said: &Said,
        language: Option<&Language>,
        verbosely: bool,
    ) -> Result<Response, ProviderError> {
        let settings = &self.settings;
        let url = match &settings.path {
            Some(path) => format!("{}{path}", settings.url.trim_end_matches('/')),
            None => http::endpoint(&settings.url, "audio/transcriptions"),
        };
        let request = self.client.post(url).multipart(self.form(said, language, verbosely));
        let request = match &settings.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        };
        request.send().await.map_err(|error| http::failure(&settings.name, &error))
    }

    fn form(&self, said: &Said, language: Option<&Language>, verbosely: bool) -> Form {
        let file = Part::stream(wav::encode(&said.utterance.sound)).file_name("utterance.wav");
        let file = file.mime_str("audio/wav").expect("invariant: a media type");
        let mut form = Form::new().part("file", file).text("model", self.settings.model.clone());
        if let Some(language) = language {
            form = form.text("language", language.primary().to_owned());
        }
        if let Some(hint) = hint(&said.expected) {
            form = form.text("prompt", hint);
        }
        if verbosely {
            form.text("response_format", "verbose_json")
                .text("timestamp_granularities[]", "word")
                .text("timestamp_granularities[]", "segment")
        } else {
            form.text("response_format", "json")
        }
    }

    async fn read(&self, response: Response) -> Result<Answer, ProviderError> {
        let name = &self.settings.name;
        if !response.status().is_success() {
            return Err(http::refusal(name, response, self.settings.key.as_deref()).await);
        }
        let body = http::body(name, response, MAX_ANSWER_BYTES).await?;
        serde_json::from_slice(&body).map_err(|error| {
            // Its own words about the place, never the text: that is what a learner has said.
            let reason =
                format!("no transcript: {:?} at column {}", error.classify(), error.column());
            ProviderError::Broken { provider: name.clone(), reason }
        })
    }

    async fn look(self) -> Result<(), ProviderError> {
        let url = match self.settings.path {
            Some(_) => self.settings.url.clone(),
            None => http::endpoint(&self.settings.url, "models"),
        };
        let request = self.client.get(url).timeout(self.settings.timeout);
        let request = match &self.settings.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        };
        let name = &self.settings.name;
        let response = request.send().await.map_err(|error| http::failure(name, &error))?;
        // Not every server lists its models.
        match response.status() {
            status if status.is_success() => Ok(()),
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => Ok(()),
            _ => Err(http::refusal(name, response, self.settings.key.as_deref()).await),
        }
    }
}

impl Transcriber for OpenAiTranscription {
    fn name(&self) -> &str {
        &self.settings.name
    }

    fn pace(&self) -> Pace {
        Pace::Free
    }

    fn listen(
        &self,
        request: ListenRequest,
        sound: BoxStream<'static, Sound>,
    ) -> BoxStream<'static, Result<Heard, ProviderError>> {
        let ear = self.clone();
        let places = Arc::new(Semaphore::new(PARALLEL));
        let heard = steps(sound, None).map(move |step| {
            let (ear, places, language) = (ear.clone(), places.clone(), request.language.clone());
            async move {
                let Step::Hear(said) = step else { return Ok(Heard::Flushed) };
                let _place = places.acquire().await.expect("invariant: it is never closed");
                ear.hear(said, language).await
            }
        });
        transcriber::until_error(heard.buffered(WAITING).boxed())
    }

    /// Two utterances may be waiting for the server, one behind the other.
    fn patience(&self) -> Duration {
        self.settings.timeout * 2
    }

    fn check(&self) -> BoxFuture<'static, Result<(), ProviderError>> {
        self.clone().look().boxed()
    }
}

/// What the learner may say, as much of it as the model reads.
fn hint(expected: &[String]) -> Option<String> {
    let mut room = MAX_HINT_CHARS;
    let fits = expected.iter().take_while(|phrase| {
        let chars = phrase.chars().count() + 2;
        let fits = chars <= room;
        room = room.saturating_sub(chars);
        fits
    });
    let hint = fits.map(String::as_str).collect::<Vec<_>>().join(", ");
    (!hint.is_empty()).then_some(hint)
}
