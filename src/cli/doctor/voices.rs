//! Who speaks, and who else could on this machine. It changes no settings.

use std::sync::Arc;

use futures_util::StreamExt;
use parla::{
    app,
    config::{Settings, SpeechProvider, VoiceChoice},
    domain::{Emotion, Language, Speed, SpokenSpan},
    providers::{
        ProviderError, SpeechPart, SpeechRequest, Synthesizer, Urgency,
        espeak::Espeak,
        http,
        nearby::{Nearby, NearbyVoice, USUAL, Usual},
    },
};

use tokio::time::Instant;

use super::{Finding, Pending, pending, timed};

pub(super) fn checks(settings: &Arc<Settings>) -> Vec<Pending> {
    let engines = match app::engines(settings) {
        Ok(engines) => engines,
        Err(error) => {
            let finding = Finding::fail(format!("{error:#}"), "start parla from its own file");
            return vec![pending("voices", async { finding })];
        }
    };
    let mut checks: Vec<Pending> = Vec::new();
    for (choice, engine) in settings.voices.iter().zip(engines) {
        let name = format!("voice {}", engine.name());
        checks.push(match choice.clone() {
            VoiceChoice::Espeak => pending(name, embedded()),
            VoiceChoice::Speech(provider) => {
                pending(name, async move { remote(&*engine, &provider).await })
            }
        });
    }
    for usual in USUAL {
        let name = format!("nearby {}", usual.name);
        checks.push(Box::pin(timed(name, nearby(usual, Arc::clone(settings)))));
    }
    checks
}

async fn embedded() -> Finding {
    match app::espeak() {
        Ok(espeak) => spoken(&espeak).await.unwrap_or_else(|error| {
            Finding::fail(error.to_string(), "install espeak-ng with the system's package manager")
        }),
        Err(error) => Finding::fail(format!("{error:#}"), "start parla from its own file"),
    }
}

async fn spoken(espeak: &Espeak) -> Result<Finding, ProviderError> {
    let version = espeak.version().await?;
    let voices = espeak.voices().await?.len();
    let word = say_word(espeak).await?;
    Ok(Finding::ok(format!("eSpeak NG {version} has {voices} voices; {word}")))
}

async fn remote(engine: &dyn Synthesizer, provider: &SpeechProvider) -> Finding {
    match tried(engine, provider).await {
        Ok(finding) => finding,
        Err(error) => unwell(&error, provider),
    }
}

async fn tried(
    engine: &dyn Synthesizer,
    provider: &SpeechProvider,
) -> Result<Finding, ProviderError> {
    let voices = engine.voices().await?;
    let word = say_word(engine).await?;
    let facts = format!("{} has {} voices; {word}", provider.name, voices.len());
    let configured = provider.voices.values().chain([&provider.voice]);
    // A mixture of voices stands in no list.
    let plain = configured.filter(|name| !name.contains('+'));
    let unknown: Vec<&str> = plain
        .filter(|name| voices.iter().all(|voice| voice.id != **name))
        .map(String::as_str)
        .collect();
    if unknown.is_empty() {
        return Ok(Finding::ok(facts));
    }
    let fix = format!("`parla voices` lists them; correct [providers.{}]", provider.name);
    Ok(Finding::warn(format!("{facts}; {} is not among them", unknown.join(", ")), fix))
}

/// The only proof that a voice speaks; tells how long it took.
async fn say_word(engine: &dyn Synthesizer) -> Result<String, ProviderError> {
    let began = Instant::now();
    let word = SpokenSpan { text: "Hello".to_owned(), language: Language::default() };
    let (voice, emotion, emphasis) = (None, Emotion::default(), false);
    let request =
        SpeechRequest { spans: vec![word], voice, speed: Speed::default(), emotion, emphasis };
    let mut heard = 0;
    let mut parts = engine.speak(Arc::new(request), Urgency::Now);
    while let Some(part) = parts.next().await {
        if let SpeechPart::Audio(frame) = part? {
            heard += frame.duration_ms();
        }
    }
    Ok(format!("a word of {heard} ms took {} ms", began.elapsed().as_millis()))
}

fn unwell(error: &ProviderError, provider: &SpeechProvider) -> Finding {
    let section = format!("[providers.{}]", provider.name);
    let fix = match error {
        ProviderError::Unreachable { .. } => format!("start it, or correct the url of {section}"),
        ProviderError::Rejected { reason, .. } if reason.contains("key") => {
            format!("give {section} a key that it takes")
        }
        ProviderError::AtCapacity { .. } => "try again later".to_owned(),
        _ => format!("see its log, and that the url of {section} is right"),
    };
    // A key of the operator's own making looks like no key.
    let mut cause = error.to_string();
    if let Some(key) = provider.key.as_ref().filter(|key| !key.reveal().is_empty()) {
        cause = cause.replace(key.reveal(), "[key]");
    }
    Finding::fail(cause, fix)
}

/// A speech server that nobody has told parla of.
async fn nearby(usual: Usual, settings: Arc<Settings>) -> Option<Finding> {
    let found = usual.look(&http::client().ok()?).await?;
    let port = format!(":{}", usual.port);
    let is_configured = settings.voices.iter().any(
        |choice| matches!(choice, VoiceChoice::Speech(provider) if provider.url.contains(&port)),
    );
    (!is_configured).then(|| possible(&found, &settings))
}

fn possible(found: &Nearby, settings: &Settings) -> Finding {
    let Nearby { name, url, voice, .. } = found;
    let Some(NearbyVoice { model, voice }) = voice else {
        return Finding::ok(format!("{name} at {url} understands speech"));
    };
    let key = name.to_lowercase().replace("-fastapi", "");
    let others = settings.voices.iter().map(|choice| match choice {
        VoiceChoice::Espeak => "espeak",
        VoiceChoice::Speech(provider) => provider.name.as_str(),
    });
    let order: Vec<String> = [key.as_str()].into_iter().chain(others).map(quoted).collect();
    let (order, model, voice) = (order.join(", "), quoted(model), quoted(voice));
    // In one line, so above all sections.
    Finding::ok(format!("{name} at {url} could speak")).with_fix(format!(
        "at the top of parla.toml: tts = [{order}] and in a line of its own \
         providers.{key} = {{ url = {url:?}, model = {model}, voice = {voice} }}"
    ))
}

/// As TOML writes it.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use parla::config::{Environment, Flags};

    use super::*;

    #[test]
    fn the_lines_for_a_server_nearby_are_settings_that_parla_takes() {
        let settings = Settings::load(&Flags::default(), &Environment::default()).unwrap();
        let found = Nearby {
            name: "Kokoro-FastAPI",
            url: "http://127.0.0.1:8880".to_owned(),
            voice: Some(NearbyVoice { model: "kokoro".to_owned(), voice: "af_heart".to_owned() }),
            ear: None,
        };
        let fix = possible(&found, &settings).fix.unwrap();
        let lines = fix.strip_prefix("at the top of parla.toml: ").unwrap();
        let lines = lines.replace(" and in a line of its own ", "\n");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("parla.toml");
        std::fs::write(&file, &lines).unwrap();
        let flags = Flags { file: Some(file), ..Flags::default() };
        let settings = Settings::load(&flags, &Environment::default()).unwrap();
        let [VoiceChoice::Speech(kokoro), VoiceChoice::Espeak] = settings.voices.as_slice() else {
            panic!("{lines}")
        };
        assert_eq!((kokoro.url.as_str(), kokoro.voice.as_str()), (found.url.as_str(), "af_heart"));
    }
}
