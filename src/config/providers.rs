//! Which model answers and which voices speak: names in settings become choices. It connects to nothing.

use std::{collections::BTreeMap, fmt, time::Duration};

use crate::domain::Language;

use super::{Environment, SecretText, SettingError, file::ProviderEntry, list, seconds};

/// Who writes the answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelChoice {
    /// Ollama when it answers, else the practice tutor.
    Auto,
    Practice,
    /// A model of Ollama's; `None` leaves the choice to what is loaded or newest there.
    Ollama(Option<String>),
}

/// One engine in the order of voices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VoiceChoice {
    Espeak,
    Speech(SpeechProvider),
}

/// An OpenAI-compatible speech server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpeechProvider {
    pub name: String,
    pub url: String,
    pub key: Option<SecretText>,
    pub model: String,
    pub voice: String,
    /// Voices for other languages.
    pub voices: BTreeMap<Language, String>,
    pub slots: usize,
    /// The model understands how to say something when it is told in words.
    pub instructions: bool,
    pub timeout: Duration,
}

/// Requests at once to an HTTP voice when nothing else is said.
const SLOTS: usize = 512;
/// How long a chunk may take.
const TIMEOUT: Duration = Duration::from_secs(20);
const OPENAI_URL: &str = "https://api.openai.com/v1";

impl fmt::Display for ModelChoice {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => out.write_str("auto"),
            Self::Practice => out.write_str("practice"),
            Self::Ollama(None) => out.write_str("ollama"),
            Self::Ollama(Some(name)) => write!(out, "ollama:{name}"),
        }
    }
}

impl ModelChoice {
    /// Reads the value of the setting `name`.
    pub(super) fn parse(name: &str, text: &str) -> Result<Self, SettingError> {
        match text.split_once(':') {
            None if text == "auto" => Ok(Self::Auto),
            None if text == "practice" => Ok(Self::Practice),
            None if text == "ollama" => Ok(Self::Ollama(None)),
            Some(("ollama", model)) if !model.is_empty() => {
                Ok(Self::Ollama(Some(model.to_owned())))
            }
            Some(("openai" | "anthropic", _)) => Err(SettingError::new(
                name,
                format!("{text:?}: this version speaks to Ollama alone"),
            )),
            _ => Err(SettingError::new(
                name,
                format!("{text:?} is none of auto, practice, ollama, ollama:NAME"),
            )),
        }
    }
}

/// The engines that `tts` names, in its order.
pub(super) fn voices(
    tts: &str,
    entries: &BTreeMap<String, ProviderEntry>,
    environment: &Environment,
) -> Result<Vec<VoiceChoice>, SettingError> {
    let names = list(tts);
    if names.is_empty() {
        return Err(SettingError::new("PARLA_TTS", "no voice is named; espeak needs no account"));
    }
    names.iter().map(|name| voice(name, entries.get(name), environment)).collect()
}

fn voice(
    name: &str,
    entry: Option<&ProviderEntry>,
    environment: &Environment,
) -> Result<VoiceChoice, SettingError> {
    if name == "espeak" {
        return Ok(VoiceChoice::Espeak);
    }
    let section = format!("[providers.{name}]");
    let entry = match entry {
        Some(entry) => entry.clone(),
        None if name == "openai" => ProviderEntry::default(),
        None => {
            let reason = format!("{name:?} is neither espeak nor a {section} of parla.toml");
            return Err(SettingError::new("PARLA_TTS", reason));
        }
    };
    if entry.kind.as_deref().is_some_and(|kind| kind != "openai") {
        return Err(SettingError::new(format!("{section} kind"), "only \"openai\" is known"));
    }
    let needed = |field: &str, value: &Option<String>| {
        value.clone().ok_or_else(|| SettingError::new(format!("{section} {field}"), "is missing"))
    };
    let is_openai = name == "openai";
    let url = entry.url.clone().or_else(|| {
        let base = || environment.get("OPENAI_BASE_URL").unwrap_or_else(|| OPENAI_URL.to_owned());
        is_openai.then(base)
    });
    Ok(VoiceChoice::Speech(SpeechProvider {
        url: needed("url", &url)?,
        key: key(&section, &entry, is_openai, environment)?.map(SecretText),
        model: needed("model", &entry.model)?,
        voice: needed("voice", &entry.voice)?,
        voices: by_language(&section, &entry.voices)?,
        slots: entry.slots.unwrap_or(SLOTS).max(1),
        instructions: entry.instructions,
        timeout: seconds(&format!("{section} timeout"), entry.timeout, TIMEOUT)?,
        name: name.to_owned(),
    }))
}

pub(super) fn key(
    section: &str,
    entry: &ProviderEntry,
    is_openai: bool,
    environment: &Environment,
) -> Result<Option<String>, SettingError> {
    if let Some(path) = &entry.key_file {
        let read = std::fs::read_to_string(path).map(|text| Some(text.trim().to_owned()));
        return read.map_err(|error| {
            SettingError::new(format!("{section} key_file"), format!("{}: {error}", path.display()))
        });
    }
    match &entry.key {
        Some(key) => Ok(Some(key.clone())),
        None if is_openai => environment.secret("OPENAI_API_KEY"),
        None => Ok(None),
    }
}

fn by_language(
    section: &str,
    voices: &BTreeMap<String, String>,
) -> Result<BTreeMap<Language, String>, SettingError> {
    let parsed = voices.iter().map(|(tag, voice)| match Language::parse(tag) {
        Some(language) => Ok((language, voice.clone())),
        None => {
            Err(SettingError::new(format!("{section} voices"), format!("{tag:?} is no language")))
        }
    });
    parsed.collect()
}
