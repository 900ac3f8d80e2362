//! Speech servers that run on this machine already, at their usual ports. It only looks: using them is the operator's word.

use std::{net::Ipv4Addr, time::Duration};

use reqwest::Client;
use serde_json::Value;

/// Somebody who is on this machine answers at once.
const PATIENCE: Duration = Duration::from_secs(2);

/// A program of which parla knows how to speak to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usual {
    pub name: &'static str,
    pub port: u16,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Lists its voices; speaks with one model.
    Kokoro,
    /// Lists its models with what each is for.
    Speaches,
    /// Lists the names of its models.
    LocalAi,
    /// Understands speech and has none.
    WhisperCpp,
}

/// What is wanted of whom, in the order in which they are asked.
pub const USUAL: [Usual; 4] = [
    Usual { name: "Kokoro-FastAPI", port: 8880, kind: Kind::Kokoro },
    Usual { name: "speaches", port: 8000, kind: Kind::Speaches },
    Usual { name: "LocalAI", port: 8080, kind: Kind::LocalAi },
    Usual { name: "whisper.cpp", port: 8080, kind: Kind::WhisperCpp },
];

/// A server that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nearby {
    pub name: &'static str,
    pub url: String,
    /// What it could speak with; `None` when it does not speak.
    pub voice: Option<NearbyVoice>,
    /// What it could hear with; `None` when it does not hear.
    pub ear: Option<NearbyEar>,
}

/// What a server hears with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NearbyEar {
    pub model: String,
    /// Where speech goes when that is not `/v1/audio/transcriptions`.
    pub path: Option<&'static str>,
}

/// What `[providers.NAME]` has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NearbyVoice {
    pub model: String,
    pub voice: String,
}

impl Usual {
    /// Whether it is this program that answers at its usual port.
    pub async fn look(&self, client: &Client) -> Option<Nearby> {
        self.look_at(client, &format!("http://{}:{}", Ipv4Addr::LOCALHOST, self.port)).await
    }

    /// The same for a server at that address.
    pub async fn look_at(&self, client: &Client, url: &str) -> Option<Nearby> {
        let ask = async |path: &str| {
            let answer = client.get(format!("{url}{path}")).timeout(PATIENCE).send().await.ok()?;
            answer.error_for_status().ok()?.text().await.ok()
        };
        let list = async |path: &str| serde_json::from_str::<Value>(&ask(path).await?).ok();
        let (voice, ear) = match self.kind {
            Kind::Kokoro => (Some(kokoro_voice(&list("/v1/audio/voices").await?)?), None),
            Kind::Speaches => {
                let models = list("/v1/models").await?;
                let (voice, ear) = (speaches_voice(&models), speaches_ear(&models));
                (voice.is_some() || ear.is_some()).then_some((voice, ear))?
            }
            Kind::LocalAi => {
                list("/version").await?.get("version")?;
                let models = list("/v1/models").await?;
                (Some(local_ai_voice(&models)?), local_ai_ear(&models))
            }
            Kind::WhisperCpp => {
                ask("/").await?.to_lowercase().contains("whisper.cpp").then_some(())?;
                // It has one model, whatever it is asked for.
                (None, Some(NearbyEar { model: "whisper".to_owned(), path: Some("/inference") }))
            }
        };
        Some(Nearby { name: self.name, url: url.to_owned(), voice, ear })
    }
}

fn kokoro_voice(voices: &Value) -> Option<NearbyVoice> {
    let voices = voices.get("voices")?.as_array()?;
    let name = |voice: &Value| voice.as_str().or_else(|| voice["id"].as_str()).map(str::to_owned);
    let mut names = voices.iter().filter_map(name);
    let usual = "af_heart";
    let first = names.next()?;
    let voice = if names.any(|name| name == usual) { usual.to_owned() } else { first };
    Some(NearbyVoice { model: "kokoro".to_owned(), voice })
}

/// The first model that speaks, with its first voice.
fn speaches_voice(models: &Value) -> Option<NearbyVoice> {
    let mut models = models.get("data")?.as_array()?.iter();
    let model = models.find(|model| model["task"] == "text-to-speech")?;
    let voice = &model["voices"][0];
    let voice = voice["name"].as_str().or(voice.as_str()).unwrap_or("af_heart").to_owned();
    Some(NearbyVoice { model: model["id"].as_str()?.to_owned(), voice })
}

/// The first model that understands speech.
fn speaches_ear(models: &Value) -> Option<NearbyEar> {
    let mut models = models.get("data")?.as_array()?.iter();
    let model = models.find(|model| model["task"] == "automatic-speech-recognition")?;
    Some(NearbyEar { model: model["id"].as_str()?.to_owned(), path: None })
}

fn local_ai_ear(models: &Value) -> Option<NearbyEar> {
    let mut names = models.get("data")?.as_array()?.iter().filter_map(|model| model["id"].as_str());
    let model = names.find(|name| name.contains("whisper"))?.to_owned();
    Some(NearbyEar { model, path: None })
}

/// Its list does not tell which model speaks, but their names do.
fn local_ai_voice(models: &Value) -> Option<NearbyVoice> {
    let mut names = models.get("data")?.as_array()?.iter().filter_map(|model| model["id"].as_str());
    let speaks =
        |name: &&str| ["tts", "voice", "kokoro", "piper"].iter().any(|word| name.contains(word));
    let model = names.find(speaks).unwrap_or("tts-1").to_owned();
    Some(NearbyVoice { model, voice: "alloy".to_owned() })
}
