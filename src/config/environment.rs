//! The process's environment, or a test's. Secrets may come from files; unknown names are pointed out.

use std::collections::BTreeMap;

use super::SettingError;

/// What parla reads.
const KNOWN: &[&str] = &[
    "PARLA_LISTEN",
    "PARLA_MANAGEMENT_LISTEN",
    "PARLA_RTC_LISTEN",
    "PARLA_RTC_ADDRESSES",
    "PARLA_DATA",
    "PARLA_AUDIO_CACHE",
    "PARLA_PROMPTS",
    "PARLA_MODEL",
    "PARLA_FALLBACK_MODEL",
    "PARLA_TTS",
    "PARLA_STT",
    "PARLA_ORIGINS",
    "PARLA_HISTORY_MESSAGES",
    "PARLA_MAX_CONNECTIONS",
    "PARLA_MAX_TURNS",
    "PARLA_LOG",
    "PARLA_LOG_FORMAT",
];
/// Names that later versions will read and that somebody relies on for safety: leaving one out silently would open a
/// door that is believed to be shut.
const REFUSED: &[&str] = &[
    "PARLA_JWT_SECRET",
    "PARLA_JWKS_URL",
    "PARLA_JWT_ISSUER",
    "PARLA_JWT_AUDIENCE",
    "PARLA_TLS_CERT",
    "PARLA_TLS_KEY",
    "PARLA_TRUSTED_PROXIES",
    "PARLA_ROOMS",
];
/// The others of that kind.
const WITHOUT_EFFECT: &[&str] = &["PARLA_REALTIME"];
/// How alike two names must be for one to be a slip of the other, from 0 to 1.
const LIKENESS: f64 = 0.75;

/// Names and values.
#[derive(Clone, Debug, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The process's own.
    #[must_use]
    pub fn of_process() -> Self {
        // A value that is not UTF-8 cannot mean anything here.
        let readable = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        Self(readable.collect())
    }

    /// A value; an empty one counts as absent.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<String> {
        self.0.get(name).filter(|value| !value.is_empty()).cloned()
    }

    /// A secret, from the variable or from the file that `NAME_FILE` names.
    ///
    /// # Errors
    /// When that file cannot be read.
    pub(super) fn secret(&self, name: &str) -> Result<Option<String>, SettingError> {
        if let Some(value) = self.get(name) {
            return Ok(Some(value));
        }
        let file_name = format!("{name}_FILE");
        let Some(path) = self.get(&file_name) else { return Ok(None) };
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text.trim().to_owned())),
            Err(error) => Err(SettingError::new(file_name, format!("cannot read {path}: {error}"))),
        }
    }

    /// # Errors
    /// A name that somebody relies on for safety, and that parla cannot honour yet.
    pub(super) fn refuse_unsafe(&self) -> Result<(), SettingError> {
        match REFUSED.iter().find(|name| self.get(name).is_some()) {
            Some(name) => {
                Err(SettingError::new(*name, "this version cannot do that yet: unset it"))
            }
            None => Ok(()),
        }
    }

    /// One sentence for each `PARLA_` name without effect, with the nearest one that has some.
    pub(super) fn warnings(&self) -> Vec<String> {
        let names = self.0.keys().map(String::as_str).filter(|name| name.starts_with("PARLA_"));
        names.filter(|name| !KNOWN.contains(name)).map(warning).collect()
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(pairs: [(&str, &str); N]) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}

fn warning(name: &str) -> String {
    if WITHOUT_EFFECT.contains(&name) {
        return format!("{name} has no effect in this version");
    }
    let likeness = |known: &&&str| strsim::jaro_winkler(name, known);
    let nearest = KNOWN.iter().max_by(|one, other| likeness(one).total_cmp(&likeness(other)));
    match nearest.filter(|known| likeness(known) > LIKENESS) {
        Some(known) => format!("{name} is no setting of parla; did you mean {known}?"),
        None => format!("{name} is no setting of parla"),
    }
}
