//! Which ears listen: names in settings become choices. It connects to nothing.

use std::{collections::BTreeMap, time::Duration};

use super::{
    Environment, SecretText, SettingError, file::ProviderEntry, list, providers::key, seconds,
};

/// One place in the order of ears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EarChoice {
    /// What runs on this machine at its usual port, then PocketSphinx when it is installed.
    Auto,
    PocketSphinx,
    Transcription(TranscriptionProvider),
    Deepgram(CloudEar),
    AssemblyAi(CloudEar),
}

/// An OpenAI-compatible server that hears whole utterances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TranscriptionProvider {
    pub name: String,
    pub url: String,
    /// Where utterances go when that is not `/v1/audio/transcriptions`.
    pub path: Option<String>,
    pub key: Option<SecretText>,
    pub model: String,
    /// For one utterance.
    pub timeout: Duration,
}

/// A service that hears while somebody speaks; what is `None` is the service's usual.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloudEar {
    pub name: String,
    pub url: Option<String>,
    pub key: SecretText,
    pub model: Option<String>,
}

const SETTING: &str = "PARLA_STT";
/// How long an utterance may take.
const TIMEOUT: Duration = Duration::from_secs(20);
const OPENAI_URL: &str = "https://api.openai.com/v1";
/// The one of OpenAI's that tells the times of words and its doubts.
const OPENAI_MODEL: &str = "whisper-1";

impl EarChoice {
    /// As settings name it.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Auto => "auto",
            Self::PocketSphinx => "pocketsphinx",
            Self::Transcription(provider) => &provider.name,
            Self::Deepgram(ear) | Self::AssemblyAi(ear) => &ear.name,
        }
    }
}

/// The ears that `stt` names, in its order; `none` is none at all.
pub(super) fn ears(
    stt: &str,
    entries: &BTreeMap<String, ProviderEntry>,
    environment: &Environment,
) -> Result<Vec<EarChoice>, SettingError> {
    let names = list(stt);
    match names.as_slice() {
        [] => Err(SettingError::new(SETTING, "no ear is named; \"none\" is for none at all")),
        [only] if only == "none" => Ok(Vec::new()),
        names => names.iter().map(|name| ear(name, entries.get(name), environment)).collect(),
    }
}

fn ear(
    name: &str,
    entry: Option<&ProviderEntry>,
    environment: &Environment,
) -> Result<EarChoice, SettingError> {
    match name {
        "auto" => Ok(EarChoice::Auto),
        "pocketsphinx" => Ok(EarChoice::PocketSphinx),
        "none" => Err(SettingError::new(SETTING, "\"none\" stands alone")),
        "deepgram" => cloud(name, "DEEPGRAM_API_KEY", entry, environment).map(EarChoice::Deepgram),
        "assemblyai" => {
            cloud(name, "ASSEMBLYAI_API_KEY", entry, environment).map(EarChoice::AssemblyAi)
        }
        _ => transcription(name, entry, environment).map(EarChoice::Transcription),
    }
}

fn cloud(
    name: &str,
    variable: &str,
    entry: Option<&ProviderEntry>,
    environment: &Environment,
) -> Result<CloudEar, SettingError> {
    let section = format!("[providers.{name}]");
    let entry = entry.cloned().unwrap_or_default();
    let key = match key(&section, &entry, false, environment)? {
        Some(key) => Some(key),
        None => environment.secret(variable)?,
    };
    let reason = || format!("{name} needs a key: set {variable} or {variable}_FILE");
    let key = key.map(SecretText).ok_or_else(|| SettingError::new(SETTING, reason()))?;
    let model = entry.transcription_model.or(entry.model);
    Ok(CloudEar { name: name.to_owned(), url: entry.url, key, model })
}

fn transcription(
    name: &str,
    entry: Option<&ProviderEntry>,
    environment: &Environment,
) -> Result<TranscriptionProvider, SettingError> {
    let section = format!("[providers.{name}]");
    let is_openai = name == "openai";
    let entry = match entry {
        Some(entry) => entry.clone(),
        None if is_openai => ProviderEntry::default(),
        None => {
            let known = "auto, none, pocketsphinx, deepgram, assemblyai, openai";
            let reason = format!("{name:?} is none of {known}, and no {section} of parla.toml");
            return Err(SettingError::new(SETTING, reason));
        }
    };
    if entry.kind.as_deref().is_some_and(|kind| kind != "openai") {
        return Err(SettingError::new(format!("{section} kind"), "only \"openai\" is known"));
    }
    let needed = |field: &str, value: Option<String>| {
        value.ok_or_else(|| SettingError::new(format!("{section} {field}"), "is missing"))
    };
    let base = || environment.get("OPENAI_BASE_URL").unwrap_or_else(|| OPENAI_URL.to_owned());
    let model = entry.transcription_model.clone();
    Ok(TranscriptionProvider {
        url: needed("url", entry.url.clone().or_else(|| is_openai.then(base)))?,
        path: entry.transcription_path.clone(),
        key: key(&section, &entry, is_openai, environment)?.map(SecretText),
        model: needed(
            "transcription_model",
            model.or_else(|| is_openai.then(|| OPENAI_MODEL.to_owned())),
        )?,
        timeout: seconds(&format!("{section} timeout"), entry.timeout, TIMEOUT)?,
        name: name.to_owned(),
    })
}
