//! `parla voices` and `parla config`: what there is, for a person at a terminal.

use std::{collections::BTreeMap, io::Write, path::Path};

use parla::{
    app,
    config::{Settings, SpeechProvider, VoiceChoice},
    domain::Language,
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
    let listen: Vec<String> = settings.listen.iter().map(ToString::to_string).collect();
    let names = settings.voices.iter().map(|voice| match voice {
        VoiceChoice::Espeak => "espeak",
        VoiceChoice::Speech(provider) => provider.name.as_str(),
    });
    let providers = settings.voices.iter().filter_map(|voice| match voice {
        VoiceChoice::Espeak => None,
        VoiceChoice::Speech(provider) => Some((provider.name.as_str(), shown(provider))),
    });
    let shown = Shown {
        listen: listen.join(","),
        data: &settings.data,
        audio_cache: &settings.audio_cache,
        prompts: &settings.prompts,
        model: settings.model.to_string(),
        tts: names.collect(),
        origins: &settings.origins,
        history_messages: settings.history_messages,
        log: &settings.log,
        providers: providers.collect(),
    };
    Ok(write!(std::io::stdout(), "{}", toml::to_string(&shown)?)?)
}

#[derive(Serialize)]
struct Shown<'a> {
    listen: String,
    data: &'a Path,
    audio_cache: &'a Path,
    prompts: &'a Path,
    model: String,
    tts: Vec<&'a str>,
    origins: &'a [String],
    history_messages: u32,
    log: &'a str,
    providers: BTreeMap<&'a str, ShownProvider<'a>>,
}

#[derive(Serialize)]
struct ShownProvider<'a> {
    kind: &'static str,
    url: &'a str,
    model: &'a str,
    voice: &'a str,
    voices: BTreeMap<&'a str, &'a str>,
    slots: usize,
    instructions: bool,
}

fn shown(provider: &SpeechProvider) -> ShownProvider<'_> {
    let voices =
        provider.voices.iter().map(|(language, voice)| (language.as_str(), voice.as_str()));
    ShownProvider {
        kind: "openai",
        url: &provider.url,
        model: &provider.model,
        voice: &provider.voice,
        voices: voices.collect(),
        slots: provider.slots,
        instructions: provider.instructions,
    }
}
