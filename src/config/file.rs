//! `parla.toml`: the same settings under lower-case names, and providers with names of their own.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::{SettingError, Settings};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SettingsFile {
    pub(super) listen: Option<String>,
    pub(super) management_listen: Option<String>,
    pub(super) rtc_listen: Option<String>,
    rtc_addresses: Option<Vec<String>>,
    pub(super) data: Option<PathBuf>,
    pub(super) audio_cache: Option<PathBuf>,
    pub(super) prompts: Option<PathBuf>,
    pub(super) model: Option<String>,
    pub(super) fallback_model: Option<String>,
    tts: Option<Vec<String>>,
    stt: Option<Vec<String>>,
    origins: Option<Vec<String>>,
    pub(super) history_messages: Option<u32>,
    pub(super) max_connections: Option<u32>,
    pub(super) max_turns: Option<u32>,
    pub(super) log: Option<String>,
    pub(super) log_format: Option<String>,
    #[serde(default)]
    pub(super) patience: PatienceEntry,
    #[serde(default)]
    pub(super) providers: BTreeMap<String, ProviderEntry>,
}

/// `[patience]`: how long a learner waits for the model, in seconds.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PatienceEntry {
    /// Until the first text; a model that has to be loaded from a slow disk may need minutes.
    pub(super) first_text: Option<f64>,
    /// From one piece of text to the next.
    pub(super) between_texts: Option<f64>,
    /// Until the end.
    pub(super) whole_answer: Option<f64>,
}

/// `[providers.NAME]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProviderEntry {
    pub(super) kind: Option<String>,
    pub(super) url: Option<String>,
    pub(super) key: Option<String>,
    pub(super) key_file: Option<PathBuf>,
    pub(super) model: Option<String>,
    pub(super) voice: Option<String>,
    /// Understands speech.
    pub(super) transcription_model: Option<String>,
    /// Where speech goes when that is not `/v1/audio/transcriptions`.
    pub(super) transcription_path: Option<String>,
    #[serde(default)]
    pub(super) voices: BTreeMap<String, String>,
    pub(super) slots: Option<usize>,
    #[serde(default)]
    pub(super) instructions: bool,
    /// How long a chunk may take, in seconds.
    pub(super) timeout: Option<f64>,
}

impl SettingsFile {
    /// The file that was named must be there; the default one may be missing.
    pub(super) fn read(named: Option<&Path>) -> Result<Self, SettingError> {
        let path = named.unwrap_or(Path::new(Settings::DEFAULT_FILE));
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(_) if named.is_none() && !path.exists() => return Ok(Self::default()),
            Err(error) => {
                return Err(SettingError::new(path.display().to_string(), error.to_string()));
            }
        };
        // Only the message and the place: the line itself may hold a key.
        toml::from_str(&text).map_err(|error| {
            let before = text.get(..error.span().map_or(0, |span| span.start)).unwrap_or_default();
            let line = before.lines().count().max(1);
            let reason = format!("line {line}: {}", error.message());
            SettingError::new(path.display().to_string(), reason)
        })
    }

    pub(super) fn tts(&self) -> Option<String> {
        self.tts.as_ref().map(|names| names.join(","))
    }

    pub(super) fn stt(&self) -> Option<String> {
        self.stt.as_ref().map(|names| names.join(","))
    }

    pub(super) fn rtc_addresses(&self) -> Option<String> {
        self.rtc_addresses.as_ref().map(|addresses| addresses.join(","))
    }

    pub(super) fn origins(&self) -> Option<String> {
        self.origins.as_ref().map(|origins| origins.join(","))
    }
}
