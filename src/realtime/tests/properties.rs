//! What holds whatever comes in whatever order.

use proptest::prelude::*;

use super::*;

/// Words that mean something somewhere, and some that do not.
fn word() -> impl Strategy<Value = String> {
    let words = [
        "item_-5",
        "resp_-4",
        "root",
        "message",
        "user",
        "assistant",
        "input_text",
        "server_vad",
        "semantic_vad",
        "none",
        "auto",
        "function",
        "function_call",
        "function_call_output",
        "call_-6",
        "{}",
        "audio",
        "text",
        "audio/pcmu",
        "AAAA",
        "realtime",
        "ñ",
    ];
    prop::sample::select(words.to_vec()).prop_map(str::to_owned)
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0..2000u64).prop_map(Value::from),
        word().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let names = [
            "item",
            "session",
            "response",
            "audio",
            "input",
            "output",
            "turn_detection",
            "type",
            "role",
            "content",
            "text",
            "id",
            "format",
            "transcription",
            "modalities",
            "voice",
            "instructions",
            "conversation",
            "metadata",
            "speed",
            "transcript",
            "tools",
            "tool_choice",
            "name",
            "call_id",
            "arguments",
            "max_output_tokens",
        ];
        let name = prop::sample::select(names.to_vec()).prop_map(str::to_owned);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec((name, inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn client_event() -> impl Strategy<Value = Value> {
    let kinds = [
        "session.update",
        "input_audio_buffer.append",
        "input_audio_buffer.commit",
        "input_audio_buffer.clear",
        "conversation.item.create",
        "conversation.item.retrieve",
        "conversation.item.delete",
        "conversation.item.truncate",
        "response.create",
        "response.cancel",
        "output_audio_buffer.clear",
        "nonsense",
    ];
    let fields =
        ["item", "session", "response", "audio", "item_id", "previous_item_id", "audio_end_ms"];
    let field = prop::sample::select(fields.to_vec());
    (prop::sample::select(kinds.to_vec()), prop::collection::vec((field, value()), 0..4)).prop_map(
        |(kind, fields)| {
            let mut event = json!({"type": kind});
            fields.into_iter().for_each(|(name, value)| event[name] = value);
            event
        },
    )
}

/// One step of a script; the number says which.
fn step(script: &mut Script, what: u8, event: &Value) {
    match what {
        0..=9 => script.client(event.clone()),
        10 => script.ask("Hola"),
        11 => script.begin("t", Some("resp_-4"), "Hola"),
        12 => script.begin("u", None, "Hola"),
        13 => script.delta("t", "¡Hola!"),
        14 => script.chunk("t", usize::from(what % 2), 50),
        15 => script.sound("t", 0, 300),
        16 => script.complete("t", "¡Hola!", 1),
        17 => script.stopped("t"),
        18 => script.voice(VoiceReport::VoiceOn { at_ms: 5 }),
        19 => script.voice(VoiceReport::VoiceOff { at_ms: 50 }),
        20 => script.heard("Ana"),
        21 => script.append(200),
        22 => script.input(Input::Played),
        23 => script.call("t", "look", json!({})),
        _ => script.input(Input::Deaf(Failure {
            code: "no_ears",
            message: String::new(),
            retryable: false,
        })),
    };
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn nothing_that_comes_ends_the_session(
        steps in prop::collection::vec((0..25u8, client_event()), 1..40),
        is_older: bool,
        plays: bool,
    ) {
        let shape = if is_older { Shape::Older } else { Shape::Settled };
        let path = if plays { SoundPath::Carrier } else { SoundPath::Events };
        let mut script = Script::with(shape, path);
        for (what, event) in &steps {
            step(&mut script, *what, event);
        }
        script.trace();
        script.client(json!({"type": "session.update", "session": {"type": "realtime"}}));
        prop_assert!(script.trace().contains("session.updated"));
    }

    #[test]
    fn every_response_that_begins_ends_once(
        steps in prop::collection::vec((10..25u8, Just(json!({}))), 1..60),
    ) {
        let mut script = Script::new();
        for (what, event) in &steps {
            step(&mut script, *what, event);
        }
        let trace = script.trace();
        let (begun, ended) = (trace.matches("response.created").count(), trace.matches("response.done").count());
        prop_assert_eq!(begun, ended + script.protocol.responses.len());
    }
}
