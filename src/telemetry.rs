//! What the server says of itself: log lines, metrics and traces. It names events and never what people say.

pub mod metrics;
pub mod traces;

mod lines;

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    #[default]
    Auto,
    Text,
    Json,
}

impl LogFormat {
    /// As settings call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

/// A log filter that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the log filter {filter:?} cannot be read: {reason}")]
pub struct BadFilter {
    filter: String,
    reason: String,
}

/// Begins to write log lines to standard error. To be called once.
///
/// # Errors
/// When the filter is none such as `info` or `parla=debug,warn`.
pub fn start(filter: &str, format: LogFormat) -> Result<(), BadFilter> {
    let parsed = EnvFilter::try_new(filter)
        .map_err(|error| BadFilter { filter: filter.to_owned(), reason: error.to_string() })?;
    let is_terminal = std::io::stderr().is_terminal();
    let as_json = match format {
        LogFormat::Auto => !is_terminal,
        LogFormat::Text => false,
        LogFormat::Json => true,
    };
    let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(is_terminal);
    let lines = lines.fmt_fields(lines::text_fields());
    let registry = tracing_subscriber::registry().with(parsed);
    if as_json {
        registry.with(lines.event_format(lines::JsonLines)).init();
    } else {
        registry.with(lines).init();
    }
    Ok(())
}
