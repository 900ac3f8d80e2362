//! The fields that every event has: clients silently drop one that lacks a field, or has one of another kind.

use serde_json::Value;

use super::*;

/// Events, and all of their fields beside `type` and `event_id`: `s` text, `n` number, `o` object, `a` list, `p` text or null,
/// `q` object or null.
const SETTLED: &[(&str, &str)] = &[
    ("session.created", "session:o"),
    ("session.updated", "session:o"),
    ("conversation.item.added", "item:o previous_item_id:p"),
    ("conversation.item.done", "item:o previous_item_id:p"),
    ("conversation.item.retrieved", "item:o"),
    ("conversation.item.deleted", "item_id:s"),
    ("conversation.item.truncated", "item_id:s content_index:n audio_end_ms:n"),
    ("input_audio_buffer.speech_started", "audio_start_ms:n item_id:s"),
    ("input_audio_buffer.speech_stopped", "audio_end_ms:n item_id:s"),
    ("input_audio_buffer.committed", "item_id:s previous_item_id:p"),
    ("input_audio_buffer.cleared", ""),
    ("input_audio_buffer.timeout_triggered", "item_id:s audio_start_ms:n audio_end_ms:n"),
    ("conversation.item.input_audio_transcription.delta", "item_id:s content_index:n delta:s"),
    (
        "conversation.item.input_audio_transcription.completed",
        "item_id:s content_index:n transcript:s usage:o",
    ),
    ("conversation.item.input_audio_transcription.failed", "item_id:s content_index:n error:o"),
    ("response.created", "response:o"),
    ("response.output_item.added", "response_id:s output_index:n item:o"),
    ("response.output_item.done", "response_id:s output_index:n item:o"),
    (
        "response.content_part.added",
        "response_id:s item_id:s output_index:n content_index:n part:o",
    ),
    ("response.content_part.done", "response_id:s item_id:s output_index:n content_index:n part:o"),
    (
        "response.output_audio.delta",
        "response_id:s item_id:s output_index:n content_index:n delta:s",
    ),
    ("response.output_audio.done", "response_id:s item_id:s output_index:n content_index:n"),
    (
        "response.output_audio_transcript.delta",
        "response_id:s item_id:s output_index:n content_index:n delta:s",
    ),
    (
        "response.output_audio_transcript.done",
        "response_id:s item_id:s output_index:n content_index:n transcript:s",
    ),
    (
        "response.output_text.delta",
        "response_id:s item_id:s output_index:n content_index:n delta:s",
    ),
    ("response.output_text.done", "response_id:s item_id:s output_index:n content_index:n text:s"),
    (
        "response.function_call_arguments.delta",
        "response_id:s item_id:s output_index:n call_id:s delta:s",
    ),
    (
        "response.function_call_arguments.done",
        "response_id:s item_id:s output_index:n call_id:s arguments:s name:s",
    ),
    ("response.done", "response:o"),
    ("rate_limits.updated", "rate_limits:a"),
    ("output_audio_buffer.started", "response_id:s"),
    ("output_audio_buffer.stopped", "response_id:s"),
    ("output_audio_buffer.cleared", "response_id:s"),
    ("error", "error:o"),
];
/// Objects inside events, by the name of their field.
const INSIDE: &[(&str, &str)] = &[
    (
        "response",
        "id:s object:s status:s status_details:q output:a usage:q output_modalities:a audio:o metadata:q",
    ),
    ("item", "id:s object:s type:s status:s"),
    ("error", "type:s code:s message:s"),
    ("usage", "type:s seconds:n"),
    ("part", "type:s"),
    ("session", "id:s object:s type:s model:s output_modalities:a audio:o tools:a"),
];
const LIMIT: &str = "name:s limit:n remaining:n reset_seconds:n";
/// Of a response.
const USAGE: &str =
    "total_tokens:n input_tokens:n output_tokens:n input_token_details:o output_token_details:o";
const OLDER_NAMES: &[(&str, &str)] = &[
    ("conversation.item.created", "conversation.item.added"),
    ("response.audio.delta", "response.output_audio.delta"),
    ("response.audio.done", "response.output_audio.done"),
    ("response.audio_transcript.delta", "response.output_audio_transcript.delta"),
    ("response.audio_transcript.done", "response.output_audio_transcript.done"),
    ("response.text.delta", "response.output_text.delta"),
    ("response.text.done", "response.output_text.done"),
];

/// Fails for an event that a strict client would drop.
pub(super) fn check(event: &Value, shape: Shape) {
    let kind = event["type"].as_str().unwrap();
    let older = OLDER_NAMES.iter().find(|(name, _)| *name == kind).map(|(_, known)| *known);
    assert_eq!(
        older.is_some(),
        older.is_some() && shape == Shape::Older,
        "{kind} is not for {shape:?}"
    );
    let known = SETTLED.iter().find(|(name, _)| *name == older.unwrap_or(kind));
    let (_, wanted) = known.unwrap_or_else(|| panic!("nobody knows {kind}"));
    assert!(event["event_id"].is_string(), "{event}");
    assert_fields(event, wanted);
    let fields = event.as_object().unwrap().len();
    assert_eq!(fields, wanted.split_whitespace().count() + 2, "more than {wanted}: {event}");
    for (name, wanted) in INSIDE {
        // Sessions of the older shape are flat.
        if event.get(*name).is_some() && !(*name == "session" && shape == Shape::Older) {
            assert_fields(&event[*name], wanted);
        }
    }
    if event["item"]["type"] == "message" {
        assert_fields(&event["item"], "role:s content:a");
    }
    if let Some(limits) = event["rate_limits"].as_array() {
        limits.iter().for_each(|limit| assert_fields(limit, LIMIT));
    }
    if kind.ends_with("transcription.failed") {
        let error = event["error"].as_object().unwrap();
        assert!(error.values().all(Value::is_string), "{event}");
    }
    if kind == "response.done" {
        assert_fields(&event["response"]["usage"], USAGE);
    }
    if let Some(part) = event.get("part") {
        let (kind, text) =
            (&part["type"], if part["type"] == "audio" { "transcript" } else { "text" });
        assert!(*kind == "audio" || *kind == "text", "{event}");
        assert!(part[text].is_string(), "{event}");
    }
}

fn assert_fields(object: &Value, wanted: &str) {
    for field in wanted.split_whitespace() {
        let (name, kind) = field.split_once(':').unwrap();
        let value = object.get(name).unwrap_or_else(|| panic!("{name} is missing in {object}"));
        let is_right = match kind {
            "s" => value.is_string(),
            "n" => value.is_number(),
            "o" => value.is_object(),
            "a" => value.is_array(),
            "p" => value.is_string() || value.is_null(),
            "q" => value.is_object() || value.is_null(),
            _ => panic!("{kind}"),
        };
        assert!(is_right, "{name} of {object}");
    }
}
