//! `parla voices` and `parla config`: what there is, for a person at a terminal.

use std::{collections::BTreeMap, io::Write, net::SocketAddr, path::Path};

use parla::{
    app,
    config::{CloudEar, EarChoice, Settings, SpeechProvider, VoiceChoice},
    domain::Language,
    providers::{ollama::parse_host, patience::Patience},
};
use serde::Serialize;

pub(super) async fn voices(settings: Settings, language: Option<String>) -> anyhow::Result<()> {
    let wanted = language.as_deref().and_then(Language::parse);
    let mut out = std::io::stdout();
    for engine in app::engines(&settings)? {
        let voices = match engine.voices().await {
            Ok(voices) => voices,
            Err(error) => {
                writeln!(std::io::stderr(), "{}: {error}", engine.name())?;
                continue;
            }
        };
        for voice in voices {
            let speaks = voice.language.as_ref();
            let fits =
                |wanted: &Language| speaks.is_none_or(|own| own.primary() == wanted.primary());
            if wanted.as_ref().is_none_or(fits) {
                let tag = speaks.map_or("any", |language| language.as_str());
                writeln!(out, "{:<12} {tag:<8} {:<28} {}", voice.engine, voice.id, voice.name)?;
            }
        }
    }
    Ok(())
}

/// The settings in force, in the form of a parla.toml; keys are left out.
pub(super) fn config(settings: &Settings) -> anyhow::Result<()> {
    for warning in &settings.warnings {
        writeln!(std::io::stderr(), "{warning}")?;
    }
    Ok(write!(std::io::stdout(), "{}", in_force(settings)?)?)
}

fn in_force(settings: &Settings) -> anyhow::Result<String> {
    let names = settings.voices.iter().map(|voice| match voice {
        VoiceChoice::Espeak => "espeak",
        VoiceChoice::Speech(provider) => provider.name.as_str(),
    });
    let shown = Shown {
        listen: joined(&settings.listen),
        management_listen: match joined(&settings.management_listen) {
            nowhere if nowhere.is_empty() => "off".to_owned(),
            addresses => addresses,
        },
        data: &settings.data,
        audio_cache: &settings.audio_cache,
        prompts: &settings.prompts,
        model: settings.model.to_string(),
        fallback_model: settings.fallback_model.as_ref().map(ToString::to_string),
        tts: names.collect(),
        stt: ears(settings),
        origins: &settings.origins,
        history_messages: settings.history_messages,
        max_connections: settings.max_connections,
        max_turns: settings.max_turns,
        log: &settings.log,
        log_format: settings.log_format.name(),
        patience: settings.patience.into(),
        providers: providers(settings),
    };
    let toml = toml::to_string(&shown)?;
    // No line of parla.toml sets it: Ollama's own client reads the same variable.
    Ok(match parse_host(&settings.ollama_host) {
        Ok(host) => format!("# OLLAMA_HOST: {host}\n{toml}"),
        Err(error) => format!("# {error}\n{toml}"),
    })
}

fn joined(addresses: &[SocketAddr]) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

#[derive(Serialize)]
struct Shown<'a> {
    listen: String,
    management_listen: String,
    data: &'a Path,
    audio_cache: &'a Path,
    prompts: &'a Path,
    model: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fallback_model: Option<String>,
    tts: Vec<&'a str>,
    stt: Vec<&'a str>,
    origins: &'a [String],
    history_messages: u32,
    max_connections: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_turns: Option<u32>,
    log: &'a str,
    log_format: &'static str,
    patience: ShownPatience,
    providers: BTreeMap<&'a str, ShownProvider<'a>>,
}

/// In seconds.
#[derive(Serialize)]
struct ShownPatience {
    first_text: f64,
    between_texts: f64,
    whole_answer: f64,
}

/// What is `None` does not concern what the provider is used for.
#[derive(Default, Serialize)]
struct ShownProvider<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transcription_model: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transcription_path: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout: Option<f64>,
    #[serde(flatten)]
    voice: Option<ShownVoice<'a>>,
}

#[derive(Serialize)]
struct ShownVoice<'a> {
    model: &'a str,
    voice: &'a str,
    voices: BTreeMap<&'a str, &'a str>,
    slots: usize,
    instructions: bool,
}

fn ears(settings: &Settings) -> Vec<&str> {
    if settings.ears.is_empty() {
        return vec!["none"];
    }
    settings.ears.iter().map(EarChoice::name).collect()
}

/// A provider may be a voice and an ear.
fn providers(settings: &Settings) -> BTreeMap<&str, ShownProvider<'_>> {
    let mut providers = BTreeMap::<&str, ShownProvider<'_>>::new();
    for voice in &settings.voices {
        if let VoiceChoice::Speech(provider) = voice {
            providers.insert(&provider.name, shown(provider));
        }
    }
    for ear in &settings.ears {
        let shown = match ear {
            EarChoice::Auto | EarChoice::PocketSphinx => continue,
            _ => providers.entry(ear.name()).or_default(),
        };
        match ear {
            EarChoice::Auto | EarChoice::PocketSphinx => {}
            EarChoice::Transcription(provider) => {
                shown.kind = Some("openai");
                shown.url = Some(without_password(&provider.url));
                shown.transcription_model = Some(&provider.model);
                shown.transcription_path = provider.path.as_deref();
                shown.timeout = Some(provider.timeout.as_secs_f64());
            }
            EarChoice::Deepgram(CloudEar { url, model, .. })
            | EarChoice::AssemblyAi(CloudEar { url, model, .. }) => {
                shown.url = url.as_deref().map(without_password);
                shown.transcription_model = model.as_deref();
            }
        }
    }
    providers
}

fn shown(provider: &SpeechProvider) -> ShownProvider<'_> {
    let voices =
        provider.voices.iter().map(|(language, voice)| (language.as_str(), voice.as_str()));
    let voice = ShownVoice {
        model: &provider.model,
        voice: &provider.voice,
        voices: voices.collect(),
        slots: provider.slots,
        instructions: provider.instructions,
    };
    ShownProvider {
        kind: Some("openai"),
        url: Some(without_password(&provider.url)),
        timeout: Some(provider.timeout.as_secs_f64()),
        voice: Some(voice),
        ..ShownProvider::default()
    }
}

/// What stands before the `@` of an address is a secret, too.
fn without_password(url: &str) -> String {
    let parts = url.split_once("://").and_then(|(scheme, rest)| {
        let (authority, _) = rest.split_once('/').unwrap_or((rest, ""));
        let (secret, _) = authority.rsplit_once('@')?;
        Some((scheme, rest.strip_prefix(secret)?))
    });
    parts.map_or_else(|| url.to_owned(), |(scheme, rest)| format!("{scheme}://***{rest}"))
}

impl From<Patience> for ShownPatience {
    fn from(patience: Patience) -> Self {
        Self {
            first_text: patience.first_part.as_secs_f64(),
            between_texts: patience.between_parts.as_secs_f64(),
            whole_answer: patience.whole_answer.as_secs_f64(),
        }
    }
}

#[cfg(test)]
mod tests {
    use parla::config::{Environment, Flags};

    use super::*;

    const FILE: &str = r#"
        listen = "127.0.0.1:1234"
        management_listen = "127.0.0.1:1235"
        data = "d"
        audio_cache = "a"
        prompts = "p"
        model = "practice"
        tts = ["kokoro", "espeak"]
        stt = ["home", "kokoro", "deepgram", "pocketsphinx"]
        origins = ["https://tutor.example"]
        history_messages = 7
        max_connections = 9
        max_turns = 5
        log = "debug"
        log_format = "json"
        [patience]
        first_text = 1.5
        between_texts = 2.0
        whole_answer = 3.0
        [providers.kokoro]
        kind = "openai"
        url = "http://127.0.0.1:8880"
        key = "canary"
        model = "kokoro"
        voice = "af_heart"
        transcription_model = "whisper"
        voices = { es = "ef_dora" }
        slots = 3
        instructions = true
        timeout = 60.0
        [providers.home]
        kind = "openai"
        url = "http://127.0.0.1:8080"
        transcription_model = "base"
        transcription_path = "/inference"
        timeout = 9.0
        [providers.deepgram]
        key = "canary"
        transcription_model = "nova-3"
    "#;

    #[test]
    fn a_password_in_an_address_is_not_shown() {
        for (url, shown) in [
            ("http://127.0.0.1:8880/v1@2", "http://127.0.0.1:8880/v1@2"),
            ("https://ana:canary@voices.example/v1", "https://***@voices.example/v1"),
            ("http://canary@host", "http://***@host"),
        ] {
            assert_eq!(without_password(url), shown);
        }
    }

    #[test]
    fn all_that_a_file_can_set_is_shown_but_the_key() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("parla.toml");
        std::fs::write(&file, FILE).unwrap();
        let flags = Flags { file: Some(file), ..Flags::default() };
        let environment = Environment::from([("OLLAMA_HOST", "models.example")]);
        let shown = in_force(&Settings::load(&flags, &environment).unwrap()).unwrap();
        let without_key: String = FILE
            .lines()
            .filter(|line| !line.contains("canary"))
            .map(|l| format!("{l}\n"))
            .collect();
        let values = |text: &str| toml::from_str::<toml::Table>(text).unwrap();
        assert_eq!(values(&shown), values(&without_key));
        assert!(shown.starts_with("# OLLAMA_HOST: http://models.example:11434/\n"), "{shown}");
    }
}
