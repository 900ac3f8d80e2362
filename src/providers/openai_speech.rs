//! Any voice behind an OpenAI-compatible `/v1/audio/speech`. It passes no sound on before it has heard all of it.

mod pieces;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{
    FutureExt, StreamExt, TryStreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde::Serialize;
use tokio::time::timeout;

use super::{
    ProviderError, SpeechPart, SpeechRequest, Synthesizer, Urgency,
    http::{self, PlainClient},
};
use crate::{
    audio::wav,
    domain::{AudioFrame, Emotion, EmotionApplied, Language, Voice},
};
use pieces::Piece;

/// Servers of this kind queue by themselves.
pub const DEFAULT_SLOTS: usize = 512;
/// A sentence takes a slow computer a few seconds.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(15);

/// What OpenAI takes, in characters.
const MAX_CHARS: usize = 4096;
/// Eleven minutes at 24 kHz, in bytes.
const MAX_ANSWER_BYTES: usize = 32 << 20;
/// Nobody speaks slower; a longer sound is not this text.
const MAX_MS_PER_CHAR: u64 = 1000;
/// What a sound of a single word may last on top, in milliseconds.
const MAX_MS: u64 = 5000;
/// What OpenAI takes, as a multiple of the voice's own speed.
const SLOWEST: f64 = 0.25;
const FASTEST: f64 = 4.0;
/// How many voices of one sentence speak at once.
const PARALLEL_PIECES: usize = 4;

/// Where a voice is and how to ask for it. It has no `Debug`: the key is not to be printed.
#[derive(Clone)]
pub struct SpeechSettings {
    /// The engine's name.
    pub name: String,
    /// The server's address, with or without `/v1` at its end.
    pub url: String,
    pub key: Option<String>,
    pub model: String,
    /// Speaks whatever nobody else does.
    pub voice: String,
    /// Voices for single languages.
    pub voices: BTreeMap<Language, String>,
    /// How many requests the server takes at once.
    pub slots: usize,
    /// The model follows instructions on how to speak.
    pub instructions: bool,
    /// For a whole answer.
    pub timeout: Duration,
}

/// A cheap handle to the voice.
#[derive(Clone)]
pub struct OpenAiSpeech {
    client: Client,
    /// Takes the sound of a voice that is near, and so fast.
    near: Option<PlainClient>,
    settings: Arc<SpeechSettings>,
}

impl OpenAiSpeech {
    #[must_use]
    pub fn new(client: Client, settings: SpeechSettings) -> Self {
        let near = settings.url.starts_with("http://").then(PlainClient::default);
        Self { client, near, settings: Arc::new(settings) }
    }

    async fn synthesize(
        self,
        request: Arc<SpeechRequest>,
        urgency: Urgency,
    ) -> Result<SpeechPart, ProviderError> {
        let pieces = pieces::of(&self.settings, &request);
        let chars: usize = pieces.iter().map(|piece| piece.text.chars().count()).sum();
        if chars > MAX_CHARS {
            let reason = format!("{chars} characters are more than {MAX_CHARS}");
            return Err(ProviderError::Rejected { provider: self.settings.name.clone(), reason });
        }
        let sounds: Vec<_> =
            pieces.iter().map(|piece| self.say(piece, &request, urgency)).collect();
        let sounds = stream::iter(sounds).buffered(PARALLEL_PIECES).try_collect().await?;
        self.joined(sounds).map(SpeechPart::Audio)
    }

    async fn say(
        &self,
        piece: &Piece,
        request: &SpeechRequest,
        urgency: Urgency,
    ) -> Result<AudioFrame, ProviderError> {
        let settings = &self.settings;
        let emotion = request.emotion;
        let body = Body {
            model: &settings.model,
            input: &piece.text,
            voice: &piece.voice,
            response_format: "wav",
            speed: speed(settings, request),
            instructions: settings.instructions.then(|| instructions(emotion, request.emphasis)),
        };
        let request = self.request(Method::POST, "audio/speech").json(&body);
        let sound = self.in_time(self.sound(request, urgency)).await?;
        let sound = wav::decode(&sound).map_err(|error| self.broken(error.to_string()))?;
        let longest = MAX_MS + MAX_MS_PER_CHAR * piece.text.chars().count() as u64;
        if sound.duration_ms() > longest {
            return Err(self.broken(format!("{} ms of sound", sound.duration_ms())));
        }
        Ok(sound)
    }

    async fn sound(
        &self,
        request: RequestBuilder,
        urgency: Urgency,
    ) -> Result<Bytes, ProviderError> {
        let response = self.send(request).await?;
        if !response.status().is_success() {
            return Err(self.refusal(response).await);
        }
        self.read(response, urgency).await
    }

    async fn read(&self, response: Response, urgency: Urgency) -> Result<Bytes, ProviderError> {
        let name = &self.settings.name;
        match &self.near {
            Some(near) => near.body(name, (response, urgency), MAX_ANSWER_BYTES).await,
            None => http::body(name, response, MAX_ANSWER_BYTES).await,
        }
    }

    fn joined(&self, mut sounds: Vec<AudioFrame>) -> Result<AudioFrame, ProviderError> {
        if sounds.len() == 1 {
            return Ok(sounds.remove(0));
        }
        let sample_rate = sounds.first().map_or(0, |sound| sound.sample_rate);
        if sounds.iter().any(|sound| sound.sample_rate != sample_rate) {
            return Err(self.broken("its voices have different sample rates".to_owned()));
        }
        let pcm = sounds.iter().flat_map(|sound| sound.pcm.iter().copied()).collect();
        Ok(AudioFrame { sample_rate, pcm })
    }

    /// What the server says it has; `None` when it does not tell.
    async fn listed(&self) -> Result<Option<Vec<String>>, ProviderError> {
        let response = self.send(self.request(Method::GET, "audio/voices")).await?;
        match response.status() {
            status if status.is_success() => {
                let body = self.read(response, Urgency::Now).await?;
                Ok(serde_json::from_slice(&body).ok().and_then(|list| voice_names(&list)))
            }
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => Ok(None),
            _ => Err(self.refusal(response).await),
        }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, http::endpoint(&self.settings.url, path));
        match &self.settings.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, ProviderError> {
        match &self.near {
            Some(near) => near.send(&self.settings.name, request).await,
            None => request.send().await.map_err(|error| self.failure(&error)),
        }
    }

    async fn in_time<T>(
        &self,
        exchange: impl Future<Output = Result<T, ProviderError>>,
    ) -> Result<T, ProviderError> {
        let late = |_| Err(ProviderError::TimedOut { provider: self.settings.name.clone() });
        timeout(self.settings.timeout, exchange).await.unwrap_or_else(late)
    }

    fn failure(&self, error: &reqwest::Error) -> ProviderError {
        http::failure(&self.settings.name, error)
    }

    async fn refusal(&self, response: Response) -> ProviderError {
        http::refusal(&self.settings.name, response, self.settings.key.as_deref()).await
    }

    fn broken(&self, reason: String) -> ProviderError {
        ProviderError::Broken { provider: self.settings.name.clone(), reason }
    }
}

impl Synthesizer for OpenAiSpeech {
    fn name(&self) -> &str {
        &self.settings.name
    }

    fn slots(&self) -> usize {
        self.settings.slots
    }

    fn patience(&self) -> Duration {
        self.settings.timeout
    }

    /// Few services are slower than half of the speed of speech.
    fn usual_pace(&self) -> f64 {
        0.5
    }

    fn voice_key(&self, request: &SpeechRequest) -> String {
        let pieces = pieces::of(&self.settings, request);
        let voices: Vec<_> = pieces.iter().map(|piece| piece.voice.as_str()).collect();
        format!("{}:{}", self.settings.model, voices.join(","))
    }

    fn emotion_applied(&self, _emotion: Emotion) -> EmotionApplied {
        if self.settings.instructions { EmotionApplied::Markup } else { EmotionApplied::Prosody }
    }

    fn speak(
        &self,
        request: Arc<SpeechRequest>,
        urgency: Urgency,
    ) -> BoxStream<'static, Result<SpeechPart, ProviderError>> {
        stream::once(self.clone().synthesize(request, urgency)).boxed()
    }

    fn voices(&self) -> BoxFuture<'static, Result<Vec<Voice>, ProviderError>> {
        let voice = self.clone();
        async move {
            let names =
                voice.in_time(voice.listed()).await?.unwrap_or_else(|| voice.settings.configured());
            Ok(names.into_iter().map(|name| voice.settings.voice(name)).collect())
        }
        .boxed()
    }
}

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    input: &'a str,
    voice: &'a str,
    response_format: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    speed: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instructions: Option<String>,
}

impl SpeechSettings {
    fn configured(&self) -> Vec<String> {
        let mut names = vec![self.voice.clone()];
        names.extend(self.voices.values().filter(|name| **name != self.voice).cloned());
        names
    }

    fn voice(&self, name: String) -> Voice {
        let own = self.voices.iter().find(|(_, voice)| **voice == name);
        Voice {
            language: own.map(|(language, _)| language.clone()),
            id: name.clone(),
            name,
            engine: self.name.clone(),
        }
    }
}

/// `{"voices": […]}` of names, or of objects that have one.
fn voice_names(list: &serde_json::Value) -> Option<Vec<String>> {
    let name = |entry: &serde_json::Value| {
        let id = || ["id", "voice_id", "name"].iter().find_map(|key| entry.get(key)?.as_str());
        entry.as_str().or_else(id).map(str::to_owned)
    };
    let entries = list.get("voices").unwrap_or(list).as_array()?;
    Some(entries.iter().filter_map(name).collect())
}

/// `None` where the model finds its pace by instructions, and is asked for no other.
fn speed(settings: &SpeechSettings, request: &SpeechRequest) -> Option<f64> {
    let is_told = settings.instructions;
    let usual = if is_told { 1.0 } else { pace(request.emotion, request.emphasis) };
    let speed = (usual * request.speed.share()).clamp(SLOWEST, FASTEST);
    (!is_told || !request.speed.is_usual()).then_some(speed)
}

/// How fast an emotion speaks, as a multiple of the voice's own speed.
fn pace(emotion: Emotion, emphasis: bool) -> f64 {
    let per_cent = match emotion {
        Emotion::Neutral => 100,
        Emotion::Happy => 105,
        Emotion::Excited => 112,
        Emotion::Encouraging => 103,
        Emotion::Proud => 97,
        Emotion::Curious => 102,
        Emotion::Surprised | Emotion::Playful => 108,
        Emotion::Confused | Emotion::Serious => 95,
        Emotion::Thoughtful | Emotion::Empathetic | Emotion::Calm => 90,
        Emotion::Sad => 85,
    };
    f64::from(if emphasis { per_cent - 7 } else { per_cent }) / 100.0
}

fn instructions(emotion: Emotion, emphasis: bool) -> String {
    let tone = emotion.name();
    let stress = if emphasis { " Stress every word." } else { "" };
    format!("You are a language tutor. Speak clearly, in a {tone} tone.{stress}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_voices_come_in_several_shapes() {
        for list in [
            r#"{"voices":["a","b"]}"#,
            r#"{"voices":[{"id":"a","name":"Anna"},{"voice_id":"b"}]}"#,
            r#"[{"name":"a"},{"name":"b"}]"#,
        ] {
            let names = voice_names(&serde_json::from_str(list).unwrap());
            assert_eq!(names.unwrap(), ["a", "b"], "{list}");
        }
        assert_eq!(voice_names(&serde_json::json!({"error": "no"})), None);
    }

    #[test]
    fn every_emotion_but_neutral_changes_the_speed() {
        for &emotion in Emotion::ALL {
            assert_eq!((pace(emotion, false) - 1.0).abs() < 0.001, emotion == Emotion::Neutral);
            assert!((SLOWEST..=FASTEST).contains(&pace(emotion, true)));
        }
    }
}
