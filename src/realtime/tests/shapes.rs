//! The session as it is shown, and the older shape.

use expect_test::expect;

use super::*;

#[test]
fn null_takes_back_what_may_be_null_and_leaves_the_rest() {
    let mut script = Script::new();
    let first = script.protocol.session();
    let prompt = json!({"type": "session.update", "session": {"prompt": {"id": "p"}}});
    let names = ["tools", "tool_choice", "truncation", "tracing", "prompt", "include"];
    let nulls = Map::from_iter(names.map(|name| (name.to_owned(), Value::Null)));
    script.client(prompt);
    assert_eq!(script.protocol.session()["prompt"]["id"], "p");
    script.client(json!({"type": "session.update", "session": nulls}));
    assert_eq!(script.protocol.session(), first);
}

#[test]
fn a_session_is_shown_whole() {
    let script = Script::new();
    let shown = serde_json::to_string_pretty(&script.protocol.session()).unwrap();
    expect![[r#"
        {
          "object": "realtime.session",
          "id": "sess_-1",
          "type": "realtime",
          "model": "practice",
          "output_modalities": [
            "audio"
          ],
          "instructions": "",
          "max_output_tokens": "inf",
          "audio": {
            "input": {
              "format": {
                "type": "audio/pcm",
                "rate": 24000
              },
              "transcription": null,
              "noise_reduction": null,
              "turn_detection": {
                "type": "semantic_vad",
                "eagerness": "auto",
                "create_response": true,
                "interrupt_response": true
              }
            },
            "output": {
              "format": {
                "type": "audio/pcm",
                "rate": 24000
              },
              "voice": "default",
              "speed": 1.0
            }
          },
          "tools": [],
          "tool_choice": "auto",
          "tracing": null,
          "truncation": "auto",
          "prompt": null,
          "include": null
        }"#]]
    .assert_eq(&shown);
}

#[test]
fn what_the_agents_kit_sends_is_understood_and_shown_again() {
    let mut script = Script::new();
    let input = json!({
        "format": {"type": "audio/pcm", "rate": 24000}, "noise_reduction": null,
        "transcription": {"model": "gpt-4o-mini-transcribe"},
        "turn_detection": {"type": "semantic_vad"},
    });
    let output =
        json!({"format": {"type": "audio/pcm", "rate": 24000}, "voice": "ash", "speed": 1});
    let session = json!({
        "type": "realtime", "model": "gpt-realtime", "output_modalities": ["audio"],
        "instructions": "Be brief.", "tools": [], "tool_choice": "auto", "tracing": null,
        "audio": {"input": input, "output": output},
    });
    script.client(json!({"type": "session.update", "session": session}));
    let tracing = json!({"type": "realtime", "tracing": "auto"});
    script.client(json!({"type": "session.update", "session": tracing}));
    let shown = script.protocol.session();
    assert_eq!(shown["tracing"], "auto");
    assert_eq!(shown["audio"]["input"]["transcription"]["model"], "gpt-4o-mini-transcribe");
    assert_eq!(shown["audio"]["input"]["turn_detection"]["interrupt_response"], true);
    assert_eq!(shown["model"], "practice");
    expect![[r#"
        > session.update
          session.updated {}
        > session.update
          session.updated {}
    "#]]
    .assert_eq(&script.trace());
}

#[test]
fn a_client_of_the_older_shape_gets_its_names_and_a_flat_session() {
    let mut script = Script::with(Shape::Older, SoundPath::Events);
    let session = json!({
        "modalities": ["text", "audio"], "instructions": "You are a helpful tutor.", "voice": "coral",
        "turn_detection": {"type": "server_vad", "threshold": 0.5, "silence_duration_ms": 500},
    });
    script.client(json!({"type": "session.update", "session": session}));
    let response = json!({"modalities": ["text", "audio"], "instructions": "Answer the question."});
    script.client(json!({"type": "response.create", "response": response}));
    let turn = TurnId::parse("t").unwrap();
    script.input(Input::Said { response: "resp_-3".into(), answer: Ok(turn) });
    script.delta("t", "¡Hola!").chunk("t", 0, 0).sound("t", 0, 100).complete("t", "¡Hola!", 1);
    expect![[r#"
        > session.update
          session.updated {}
        > response.create
          response.created {"response":["resp_-3","in_progress",null,[]]}
          rate_limits.updated {}
          say "" for resp_-3, Some("Answer the question.")
        > text "¡Hola!"
          response.output_item.added {"response_id":"resp_-3","output_index":0,"item":["item_-4","assistant","in_progress",[]]}
          conversation.item.created {"previous_item_id":null,"item":["item_-4","assistant","in_progress",[]]}
          response.content_part.added {"response_id":"resp_-3","item_id":"item_-4","output_index":0,"content_index":0,"part":{"type":"audio","transcript":""}}
          response.audio_transcript.delta {"response_id":"resp_-3","item_id":"item_-4","output_index":0,"content_index":0,"delta":"¡Hola!"}
        > chunk 0 is made
          Fetch { turn: t, chunk: 0, file: f, format: Pcm }
        > sound 0
          response.audio.delta {"response_id":"resp_-3","item_id":"item_-4","output_index":0,"content_index":0,"delta":6400}
        > turn t is made
          response.audio.done {"response_id":"resp_-3","item_id":"item_-4","output_index":0,"content_index":0}
          response.audio_transcript.done {"response_id":"resp_-3","item_id":"item_-4","output_index":0,"content_index":0,"transcript":"¡Hola!"}
          response.content_part.done {"response_id":"resp_-3","item_id":"item_-4","output_index":0,"content_index":0,"part":{"type":"audio","transcript":"¡Hola!"}}
          response.output_item.done {"response_id":"resp_-3","output_index":0,"item":["item_-4","assistant","completed",[{"type":"audio","transcript":"¡Hola!"}]]}
          response.done {"response":["resp_-3","completed",null,[{"id":"item_-4","object":"realtime.item","type":"message","status":"completed","role":"assistant","content":[{"type":"audio","transcript":"¡Hola!"}]}]]}
    "#]].assert_eq(&script.trace());
}

#[test]
fn a_session_of_the_older_shape_is_flat() {
    let script = Script::with(Shape::Older, SoundPath::Events);
    let shown = serde_json::to_string_pretty(&script.protocol.session()).unwrap();
    expect![[r#"
        {
          "object": "realtime.session",
          "id": "sess_-1",
          "input_audio_noise_reduction": null,
          "model": "practice",
          "modalities": [
            "audio",
            "text"
          ],
          "instructions": "",
          "max_response_output_tokens": "inf",
          "temperature": 0.8,
          "tools": [],
          "tool_choice": "auto",
          "tracing": null,
          "truncation": "auto",
          "prompt": null,
          "include": null,
          "voice": "default",
          "speed": 1.0,
          "output_audio_format": "pcm16",
          "input_audio_format": "pcm16",
          "input_audio_transcription": {
            "model": "whisper-1"
          },
          "turn_detection": {
            "type": "semantic_vad",
            "eagerness": "auto",
            "create_response": true,
            "interrupt_response": true
          }
        }"#]]
    .assert_eq(&shown);
}
