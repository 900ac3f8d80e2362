//! Traces as OTLP writes them in JSON: <https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>.

use std::fmt::Write;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Attribute, Span, Trace};
use crate::{domain::random_bytes, wall_clock};

/// `SPAN_KIND_INTERNAL` and `STATUS_CODE_ERROR` of the protocol.
const INTERNAL: u8 = 1;
const ERROR: u8 = 2;

/// One request.
pub(super) fn body(service: &str, traces: &[Trace]) -> String {
    let clock = Clock { instant: Instant::now(), unix_ms: wall_clock::now() };
    let spans: Vec<Value> = traces.iter().flat_map(|trace| spans(trace, &clock)).collect();
    let version = env!("CARGO_PKG_VERSION");
    let resource = [
        attribute("service.name", &Attribute::Text(service.to_owned())),
        attribute("service.version", &Attribute::Text(version.to_owned())),
    ];
    let scope = json!({"scope": {"name": "parla", "version": version}, "spans": spans});
    let resource = json!({"resource": {"attributes": resource}, "scopeSpans": [scope]});
    json!({"resourceSpans": [resource]}).to_string()
}

/// The same moment on both clocks.
struct Clock {
    instant: Instant,
    unix_ms: i64,
}

impl Clock {
    /// Nanoseconds since 1970, as text: JSON's numbers are too short for them.
    fn unix_nanos(&self, at: Instant) -> String {
        let ago = self.instant.saturating_duration_since(at).as_nanos();
        let now = u128::try_from(self.unix_ms).unwrap_or_default() * 1_000_000;
        now.saturating_sub(ago).to_string()
    }
}

fn spans(trace: &Trace, clock: &Clock) -> Vec<Value> {
    let trace_id = hex(&random_bytes::<16>());
    let ids: Vec<String> = trace.0.iter().map(|_| hex(&random_bytes::<8>())).collect();
    let places = trace.0.iter().zip(&ids);
    let shown = places.map(|(span, id)| {
        let parent = span.parent.and_then(|place| ids.get(place));
        let mut shown = span_of(span, clock);
        shown["traceId"] = json!(trace_id);
        shown["spanId"] = json!(id);
        shown["parentSpanId"] = json!(parent.map_or("", String::as_str));
        shown
    });
    shown.collect()
}

fn span_of(span: &Span, clock: &Clock) -> Value {
    let attributes = span.attributes.iter().map(|(name, value)| attribute(name, value));
    let status = match span.failure {
        Some(code) => json!({"code": ERROR, "message": code}),
        None => json!({}),
    };
    json!({
        "name": span.name,
        "kind": INTERNAL,
        "startTimeUnixNano": clock.unix_nanos(span.start),
        "endTimeUnixNano": clock.unix_nanos(span.end),
        "attributes": attributes.collect::<Vec<_>>(),
        "status": status,
    })
}

fn attribute(name: &str, value: &Attribute) -> Value {
    let value = match value {
        Attribute::Text(text) => json!({"stringValue": text}),
        Attribute::Number(number) => json!({"intValue": number.to_string()}),
    };
    json!({"key": name, "value": value})
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("invariant: a String takes all text");
        text
    })
}
