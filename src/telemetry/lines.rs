//! How a log line is written: one line an event, none of its fields without end, and no control character, whoever has
//! put it there. It hides no secret: what is secret is not logged.

use std::{
    error::Error,
    fmt::{self, Debug, Write},
};

use serde_json::{Map, Value};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    field::MakeExt,
    fmt::{
        FmtContext, FormatEvent, FormatFields, FormattedFields,
        format::{Writer, debug_fn},
    },
    registry::LookupSpan,
};

use crate::wall_clock;

/// The longest field, in bytes.
const FIELD_LIMIT: usize = 2048;
/// Stands where a field has been cut.
const CUT: &str = "…";

/// Events as JSON objects.
pub(super) struct JsonLines;

/// `name=value name=value`, for people.
pub(super) fn text_fields() -> impl for<'a> FormatFields<'a> + 'static {
    debug_fn(|out, field, value| match field.name() {
        "message" => write!(out, "{}", tame(value)),
        name => write!(out, "{name}={}", tame(value)),
    })
    .delimited(" ")
}

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut out: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = Map::new();
        event.record(&mut Fields(&mut line));
        let about = event.metadata();
        line.insert("timestamp".to_owned(), wall_clock::rfc3339(wall_clock::now()).into());
        line.insert("level".to_owned(), about.level().as_str().into());
        line.insert("target".to_owned(), about.target().into());
        let spans = context.event_scope().into_iter().flatten().map(|span| {
            let fields = span.extensions();
            let fields = fields.get::<FormattedFields<N>>().map_or("", |fields| &fields.fields);
            Value::from(format!("{} {fields}", span.name()))
        });
        let spans: Vec<Value> = spans.collect();
        if !spans.is_empty() {
            line.insert("spans".to_owned(), spans.into());
        }
        writeln!(out, "{}", Value::Object(line))
    }
}

struct Fields<'a>(&'a mut Map<String, Value>);

impl Fields<'_> {
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put(field, tame(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, tame(&format_args!("{value}")));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.put(field, tame(&format_args!("{value}")));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }
}

/// A value as it may stand in a line.
fn tame(value: &dyn Debug) -> String {
    let mut tamed = Tamed(String::new());
    if write!(tamed, "{value:?}").is_err() {
        tamed.0.push_str(CUT);
    }
    tamed.0
}

/// Takes text up to the limit, and no more: a value is never written out just to be thrown away.
struct Tamed(String);

impl Write for Tamed {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for char in text.chars() {
            let start = self.0.len();
            if is_dangerous(char) {
                self.0.extend(char.escape_default());
            } else {
                self.0.push(char);
            }
            if self.0.len() > FIELD_LIMIT - CUT.len() {
                self.0.truncate(start);
                return Err(fmt::Error);
            }
        }
        Ok(())
    }
}

/// What ends a line, drives a terminal, or turns the reading order around.
fn is_dangerous(char: char) -> bool {
    char.is_control() || matches!(char, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use tracing_subscriber::{fmt, layer::SubscriberExt};

    use super::*;

    const NASTY: &str =
        "a\n{\"level\":\"ERROR\",\"message\":\"forged\"}\r\u{1b}[31m\u{9b}2J\u{202e}";

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is written of an event that carries the text in each way in which an event can.
    fn written(as_json: bool, text: &str) -> String {
        let log = Log::default();
        let to = log.clone();
        let lines = fmt::layer().with_ansi(false).with_writer(move || to.clone());
        let lines = lines.fmt_fields(text_fields());
        let say = || {
            let span = tracing::info_span!("work", of = text);
            let error = io::Error::other(text.to_owned());
            span.in_scope(
                || tracing::warn!(plain = text, shown = %text, %error, count = 7, "says {text}"),
            );
        };
        if as_json {
            let registry = tracing_subscriber::registry().with(lines.event_format(JsonLines));
            tracing::subscriber::with_default(registry, say);
        } else {
            let registry = tracing_subscriber::registry().with(lines);
            tracing::subscriber::with_default(registry, say);
        }
        let written = log.0.lock().unwrap().clone();
        String::from_utf8(written).unwrap()
    }

    #[test]
    fn whatever_a_field_holds_an_event_is_one_line_without_control_characters() {
        for as_json in [true, false] {
            let written = written(as_json, NASTY);
            let line = written.strip_suffix('\n').unwrap();
            assert!(!line.contains(is_dangerous), "{line:?}");
            assert!(line.contains("forged"), "{line}");
        }
    }

    #[test]
    fn a_json_line_keeps_its_own_level_and_the_kinds_of_its_fields() {
        let line: Value = serde_json::from_str(&written(true, NASTY)).unwrap();
        assert_eq!((line["level"].as_str(), line["count"].as_u64()), (Some("WARN"), Some(7)));
        let escaped =
            "a\\n{\"level\":\"ERROR\",\"message\":\"forged\"}\\r\\u{1b}[31m\\u{9b}2J\\u{202e}";
        assert_eq!(line["shown"], escaped);
        assert_eq!(line["plain"], escaped);
        assert_eq!(line["error"], escaped);
        assert_eq!(line["message"], format!("says {escaped}"));
        assert!(line["spans"][0].as_str().unwrap().starts_with("work of="), "{line}");
        assert!(line["timestamp"].as_str().unwrap().ends_with('Z'), "{line}");
    }

    #[test]
    fn a_megabyte_in_a_field_is_cut_at_a_whole_character() {
        for as_json in [true, false] {
            let written = written(as_json, &"ñ".repeat(500_000));
            // Five fields, and what stands around them.
            assert!(written.len() < 5 * FIELD_LIMIT + 512, "{} bytes", written.len());
            assert!(written.contains("ñ…"), "{written}");
        }
    }
}
