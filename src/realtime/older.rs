//! The shape that OpenAI's protocol had before it was settled: other names, flat sessions. It changes no meaning.

use serde_json::{Map, Value, json};

/// Where the flat fields of a session, or of a response, stand.
const LIFTED: [(&str, &[&str]); 8] = [
    ("voice", &["audio", "output", "voice"]),
    ("speed", &["audio", "output", "speed"]),
    ("output_audio_format", &["audio", "output", "format"]),
    ("input_audio_format", &["audio", "input", "format"]),
    ("input_audio_transcription", &["audio", "input", "transcription"]),
    ("turn_detection", &["audio", "input", "turn_detection"]),
    ("input_audio_noise_reduction", &["audio", "input", "noise_reduction"]),
    ("max_response_output_tokens", &["max_output_tokens"]),
];
/// Events of other names.
const RENAMED: [(&str, &str); 7] = [
    ("conversation.item.added", "conversation.item.created"),
    ("response.output_audio.delta", "response.audio.delta"),
    ("response.output_audio.done", "response.audio.done"),
    ("response.output_audio_transcript.delta", "response.audio_transcript.delta"),
    ("response.output_audio_transcript.done", "response.audio_transcript.done"),
    ("response.output_text.delta", "response.text.delta"),
    ("response.output_text.done", "response.text.done"),
];

/// An event as such a client knows it; `None` for one that it does not know.
pub(super) fn renamed(mut event: Value) -> Option<Value> {
    let kind = event["type"].as_str().unwrap_or_default().to_owned();
    if kind == "conversation.item.done" {
        return None;
    }
    if let Some((_, name)) = RENAMED.iter().find(|(known, _)| *known == kind) {
        event["type"] = json!(name);
    }
    if let Some(session) = event.get_mut("session") {
        *session = flat(session);
    }
    if let Some(item) = event.get_mut("item") {
        rename_content(item);
    }
    if let Some(response) = event.get_mut("response") {
        response["modalities"] = modalities(&response["output_modalities"]);
        let items = response.get_mut("output").and_then(Value::as_array_mut);
        items.into_iter().flatten().for_each(rename_content);
    }
    Some(event)
}

/// A session's fields where the settled shape has them; its own names stay.
pub(super) fn lifted(update: &Map<String, Value>) -> Map<String, Value> {
    let mut lifted = update.clone();
    if let Some(modalities) = lifted.remove("modalities") {
        let words = modalities.as_array();
        let is_heard = words.is_some_and(|words| words.iter().any(|word| word == "audio"));
        let is_list = words.is_some();
        let one = json!([if is_heard { "audio" } else { "text" }]);
        lifted.insert("output_modalities".to_owned(), if is_list { one } else { modalities });
    }
    for (name, path) in LIFTED {
        if let Some(value) = lifted.remove(name) {
            place(&mut lifted, path, value);
        }
    }
    lifted
}

fn place(object: &mut Map<String, Value>, path: &[&str], value: Value) {
    match path {
        [] => {}
        [name] => {
            object.insert((*name).to_owned(), value);
        }
        [name, rest @ ..] => {
            let inner = object.entry(*name).or_insert_with(|| json!({}));
            if let Value::Object(inner) = inner {
                place(inner, rest, value);
            }
        }
    }
}

/// The session as one object without `audio`.
pub(super) fn flat(session: &Value) -> Value {
    let mut flat = session.clone();
    for (name, path) in LIFTED {
        flat[name] = path.iter().fold(session, |value, name| &value[*name]).clone();
    }
    for format in ["input_audio_format", "output_audio_format"] {
        let name = match flat[format]["type"].as_str() {
            Some("audio/pcmu") => "g711_ulaw",
            Some("audio/pcma") => "g711_alaw",
            _ => "pcm16",
        };
        flat[format] = json!(name);
    }
    flat["modalities"] = modalities(&session["output_modalities"]);
    flat["temperature"] = json!(0.8);
    if let Some(object) = flat.as_object_mut() {
        for name in ["audio", "output_modalities", "max_output_tokens", "type"] {
            object.remove(name);
        }
    }
    flat
}

fn modalities(output: &Value) -> Value {
    if output[0] == "text" { json!(["text"]) } else { json!(["audio", "text"]) }
}

fn rename_content(item: &mut Value) {
    let parts = item.get_mut("content").and_then(Value::as_array_mut);
    for part in parts.into_iter().flatten() {
        let name = match part["type"].as_str() {
            Some("output_audio") => "audio",
            Some("output_text") => "text",
            _ => continue,
        };
        part["type"] = json!(name);
    }
}
