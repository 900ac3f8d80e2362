//! Settings: flag over environment over `parla.toml` over default. The only place that reads the environment.

mod ears;
mod environment;
mod file;
mod providers;

use std::{
    fmt,
    net::{IpAddr, SocketAddr, ToSocketAddrs},
    path::PathBuf,
    time::Duration,
};

pub use ears::{CloudEar, EarChoice, TranscriptionProvider};
pub use environment::Environment;
pub use providers::{ModelChoice, SpeechProvider, VoiceChoice};

use crate::{
    providers::patience::Patience,
    telemetry::{LogFormat, traces::TraceSettings},
};

use file::{PatienceEntry, SettingsFile};

/// The longest time that can be set, in seconds: a day.
const LONGEST_WAIT: f64 = 24.0 * 3600.0;

/// What the command line says; what is `None` is left to the next source.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    pub file: Option<PathBuf>,
    pub listen: Option<String>,
    pub data: Option<PathBuf>,
    pub model: Option<String>,
    pub tts: Option<String>,
}

/// All settings, checked.
#[derive(Clone, Debug)]
pub struct Settings {
    pub listen: Vec<SocketAddr>,
    /// Where metrics and health are told to operators; empty when nowhere.
    pub management_listen: Vec<SocketAddr>,
    /// Where calls come in (UDP).
    pub rtc_listen: RtcListen,
    /// Under which addresses callers find that port; those of this machine when there are none.
    pub rtc_addresses: Vec<IpAddr>,
    /// Holds the database and the server's secret.
    pub data: PathBuf,
    pub audio_cache: PathBuf,
    /// Takes the place of the built-in prompts and lessons when it exists.
    pub prompts: PathBuf,
    pub model: ModelChoice,
    /// Answers when that one cannot begin.
    pub fallback_model: Option<ModelChoice>,
    /// How long a learner waits for a model that is not built in.
    pub patience: Patience,
    /// Where Ollama is, as its own client reads it.
    pub ollama_host: String,
    /// In the order in which they are tried.
    pub voices: Vec<VoiceChoice>,
    /// In the order in which they are tried; empty when nobody is to be heard.
    pub ears: Vec<EarChoice>,
    /// Further pages that may use the server.
    pub origins: Vec<String>,
    pub history_messages: u32,
    /// Sockets and event streams at once.
    pub max_connections: u32,
    /// Turns that are being made at once; how fast the voices are may allow fewer.
    pub max_turns: Option<u32>,
    pub log: String,
    pub log_format: LogFormat,
    /// Where traces go; `None` for nowhere.
    pub traces: Option<TraceSettings>,
    /// What was said but means nothing; to be logged.
    pub warnings: Vec<String>,
}

/// Where calls come in, by UDP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RtcListen {
    /// At the first address and port that learners have, which are those of TCP.
    WithLearners,
    At(SocketAddr),
    Off,
}

/// A setting that cannot be used; says which and what would do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {reason}")]
pub struct SettingError {
    pub name: String,
    pub reason: String,
}

/// A secret that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(String);

impl SecretText {
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("<secret>")
    }
}

impl Settings {
    /// Where the file is looked for when nobody says.
    pub const DEFAULT_FILE: &str = "parla.toml";

    /// Reads all sources.
    ///
    /// # Errors
    /// The first setting that cannot be used.
    pub fn load(flags: &Flags, environment: &Environment) -> Result<Self, SettingError> {
        let file = SettingsFile::read(flags.file.as_deref())?;
        environment.refuse_unsafe()?;
        let env = |name: &str| environment.get(name);
        let text = |flag: Option<&String>, name: &str, file: Option<&String>, default: &str| {
            let chosen = flag.cloned().or_else(|| env(name)).or_else(|| file.cloned());
            chosen.unwrap_or_else(|| default.to_owned())
        };
        let path = |flag: Option<&PathBuf>, name: &str, file: Option<&PathBuf>, default: &str| {
            let chosen = flag.cloned().or_else(|| env(name).map(PathBuf::from));
            chosen.or_else(|| file.cloned()).unwrap_or_else(|| PathBuf::from(default))
        };
        let listen =
            text(flags.listen.as_ref(), "PARLA_LISTEN", file.listen.as_ref(), "127.0.0.1:11200");
        let management = text(
            None,
            "PARLA_MANAGEMENT_LISTEN",
            file.management_listen.as_ref(),
            "127.0.0.1:8766",
        );
        let model = text(flags.model.as_ref(), "PARLA_MODEL", file.model.as_ref(), "auto");
        let tts = text(flags.tts.as_ref(), "PARLA_TTS", file.tts().as_ref(), "espeak");
        let stt = text(None, "PARLA_STT", file.stt().as_ref(), "auto");
        let format = text(None, "PARLA_LOG_FORMAT", file.log_format.as_ref(), "auto");
        Ok(Self {
            listen: addresses("PARLA_LISTEN", &listen)?,
            management_listen: management_addresses(&management)?,
            rtc_listen: rtc_listen(env("PARLA_RTC_LISTEN").or(file.rtc_listen.clone()))?,
            rtc_addresses: rtc_addresses(env("PARLA_RTC_ADDRESSES"), file.rtc_addresses())?,
            data: path(flags.data.as_ref(), "PARLA_DATA", file.data.as_ref(), "data"),
            audio_cache: path(None, "PARLA_AUDIO_CACHE", file.audio_cache.as_ref(), "audio_cache"),
            prompts: path(None, "PARLA_PROMPTS", file.prompts.as_ref(), "prompts"),
            model: ModelChoice::parse("PARLA_MODEL", &model)?,
            fallback_model: fallback_model(
                env("PARLA_FALLBACK_MODEL").or(file.fallback_model.clone()),
            )?,
            patience: patience(&file.patience)?,
            ollama_host: env("OLLAMA_HOST").unwrap_or_default(),
            voices: providers::voices(&tts, &file.providers, environment)?,
            ears: ears::ears(&stt, &file.providers, environment)?,
            origins: list(&text(None, "PARLA_ORIGINS", file.origins().as_ref(), "")),
            history_messages: number(
                "PARLA_HISTORY_MESSAGES",
                env("PARLA_HISTORY_MESSAGES"),
                file.history_messages.unwrap_or(200),
            )?,
            max_connections: most(
                "PARLA_MAX_CONNECTIONS",
                env("PARLA_MAX_CONNECTIONS"),
                file.max_connections,
            )?
            .unwrap_or(12_000),
            max_turns: most("PARLA_MAX_TURNS", env("PARLA_MAX_TURNS"), file.max_turns)?,
            log: text(None, "PARLA_LOG", file.log.as_ref(), "info"),
            log_format: log_format(&format)?,
            traces: traces(environment)?,
            warnings: environment.warnings(),
        })
    }

    /// The file that conversations are kept in.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.data.join("parla.db")
    }

    /// The file of the server's own secret.
    #[must_use]
    pub fn secret(&self) -> PathBuf {
        self.data.join("secret")
    }

    /// Whether only this machine can reach the server.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        are_loopback(&self.listen)
    }

    /// Whether only this machine can reach the management listener.
    #[must_use]
    pub fn management_is_loopback(&self) -> bool {
        are_loopback(&self.management_listen)
    }
}

impl SettingError {
    pub(crate) fn new(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { name: name.into(), reason: reason.into() }
    }
}

/// A model that is chosen by itself is no second one to the first.
fn fallback_model(text: Option<String>) -> Result<Option<ModelChoice>, SettingError> {
    let name = "PARLA_FALLBACK_MODEL";
    match text.map(|text| ModelChoice::parse(name, &text)).transpose()? {
        Some(ModelChoice::Auto | ModelChoice::Ollama(None)) => {
            Err(SettingError::new(name, "a fallback has to be named: ollama:NAME or practice"))
        }
        choice => Ok(choice),
    }
}

fn patience(entry: &PatienceEntry) -> Result<Patience, SettingError> {
    let usual = Patience::default();
    let named = |name: &str, value, usual| seconds(&format!("[patience] {name}"), value, usual);
    Ok(Patience {
        first_part: named("first_text", entry.first_text, usual.first_part)?,
        between_parts: named("between_texts", entry.between_texts, usual.between_parts)?,
        whole_answer: named("whole_answer", entry.whole_answer, usual.whole_answer)?,
        ..usual
    })
}

/// Under the names that every program with `OpenTelemetry` has.
fn traces(environment: &Environment) -> Result<Option<TraceSettings>, SettingError> {
    const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
    let Some(endpoint) = environment.get(ENDPOINT) else { return Ok(None) };
    if environment.get("OTEL_EXPORTER_OTLP_PROTOCOL").is_some_and(|protocol| protocol == "grpc") {
        let reason = "parla sends traces by http/json; collectors take it at port 4318";
        return Err(SettingError::new("OTEL_EXPORTER_OTLP_PROTOCOL", reason));
    }
    let headers = environment.secret("OTEL_EXPORTER_OTLP_HEADERS")?.unwrap_or_default();
    let service = environment.get("OTEL_SERVICE_NAME").unwrap_or_else(|| "parla".to_owned());
    let settings = TraceSettings::new(&endpoint, &headers, service);
    settings.map(Some).map_err(|reason| SettingError::new("OTEL_EXPORTER_OTLP_*", reason))
}

fn log_format(text: &str) -> Result<LogFormat, SettingError> {
    match text {
        "auto" => Ok(LogFormat::Auto),
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        other => {
            let reason = format!("{other:?} is none of auto, text, json");
            Err(SettingError::new("PARLA_LOG_FORMAT", reason))
        }
    }
}

/// Comma-separated, empty parts left out.
fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

fn are_loopback(addresses: &[SocketAddr]) -> bool {
    addresses.iter().all(|address| address.ip().is_loopback())
}

fn management_addresses(text: &str) -> Result<Vec<SocketAddr>, SettingError> {
    if text == "off" { Ok(Vec::new()) } else { addresses("PARLA_MANAGEMENT_LISTEN", text) }
}

fn rtc_listen(text: Option<String>) -> Result<RtcListen, SettingError> {
    match text.as_deref() {
        None => Ok(RtcListen::WithLearners),
        Some("off") => Ok(RtcListen::Off),
        Some(text) => {
            let found = addresses("PARLA_RTC_LISTEN", text)?;
            Ok(found.first().copied().map_or(RtcListen::WithLearners, RtcListen::At))
        }
    }
}

fn rtc_addresses(env: Option<String>, file: Option<String>) -> Result<Vec<IpAddr>, SettingError> {
    let read = |part: String| {
        part.parse().map_err(|_| {
            let reason = format!("{part:?} is no address such as 203.0.113.7");
            SettingError::new("PARLA_RTC_ADDRESSES", reason)
        })
    };
    list(&env.or(file).unwrap_or_default()).into_iter().map(read).collect()
}

fn addresses(name: &str, text: &str) -> Result<Vec<SocketAddr>, SettingError> {
    let mut found = Vec::new();
    for part in list(text) {
        let resolved = part.to_socket_addrs().map_err(|error| {
            let reason = format!("{part:?} is no address such as 127.0.0.1:11200 ({error})");
            SettingError::new(name, reason)
        })?;
        // A name may stand for several addresses of which the machine has only some: the first serves.
        found.extend(resolved.take(1));
    }
    if found.is_empty() {
        return Err(SettingError::new(name, "no address to listen on"));
    }
    Ok(found)
}

/// A stretch of time that somebody can wait: more than nothing, at most a day.
fn seconds(name: &str, value: Option<f64>, usual: Duration) -> Result<Duration, SettingError> {
    match value {
        None => Ok(usual),
        Some(seconds) if seconds > 0.0 && seconds <= LONGEST_WAIT => {
            Ok(Duration::from_secs_f64(seconds))
        }
        Some(other) => {
            let reason = format!("{other} is no number of seconds above 0 and up to a day");
            Err(SettingError::new(name, reason))
        }
    }
}

/// How many there may be at once; a server for nobody is a slip.
fn most(name: &str, env: Option<String>, file: Option<u32>) -> Result<Option<u32>, SettingError> {
    match env.map(|text| number(name, Some(text), 0)).transpose()?.or(file) {
        Some(0) => Err(SettingError::new(name, "nobody would be served")),
        most => Ok(most),
    }
}

fn number(name: &str, text: Option<String>, default: u32) -> Result<u32, SettingError> {
    match text {
        None => Ok(default),
        Some(text) => text
            .parse()
            .map_err(|_| SettingError::new(name, format!("{text:?} is no whole number"))),
    }
}

#[cfg(test)]
mod tests;
