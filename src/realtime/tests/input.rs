//! The learner's voice and the client's items: what is heard, and what is refused.

use expect_test::expect;

use super::*;

#[test]
fn a_turn_by_voice_is_committed_transcribed_and_answered() {
    let mut script = Script::new();
    let input = json!({
        "transcription": {"model": "gpt-4o-mini-transcribe", "language": "es"},
        "turn_detection": {"type": "server_vad", "silence_duration_ms": 700},
    });
    let session = json!({"type": "realtime", "audio": {"input": input}});
    script.client(json!({"type": "session.update", "session": session})).append(1000);
    script.voice(VoiceReport::VoiceOn { at_ms: 400 }).voice(VoiceReport::VoiceOff { at_ms: 1900 });
    script.heard("Um, me llamo Ana");
    expect![[r#"
        > session.update
          session.updated {}
        > input_audio_buffer.append
          Listen { format: Pcm, language: Some(es), manner: VoiceManner { mode: HandsFree, answers: false, interrupts: true, end_silence_ms: Some(700), threshold: Confidence(500) } }
          hear 48000 bytes
        > VoiceOn { at_ms: 400 }
          input_audio_buffer.speech_started {"audio_start_ms":100,"item_id":"item_-3"}
        > VoiceOff { at_ms: 1900 }
        > the learner said "Um, me llamo Ana"
          input_audio_buffer.speech_stopped {"audio_end_ms":1900,"item_id":"item_-3"}
          input_audio_buffer.committed {"previous_item_id":null,"item_id":"item_-3"}
          conversation.item.added {"previous_item_id":null,"item":["item_-3","user","completed",[{"type":"input_audio","transcript":null}]]}
          conversation.item.done {"previous_item_id":null,"item":["item_-3","user","completed",[{"type":"input_audio","transcript":null}]]}
          conversation.item.input_audio_transcription.delta {"item_id":"item_-3","content_index":0,"delta":"Um, me llamo Ana"}
          conversation.item.input_audio_transcription.completed {"item_id":"item_-3","content_index":0,"transcript":"Um, me llamo Ana","usage":{"type":"duration","seconds":1.8}}
          response.created {"response":["resp_-4","in_progress",null,[]]}
          rate_limits.updated {}
          say "me llamo Ana" of "Um, me llamo Ana" for resp_-4, Some("")
    "#]].assert_eq(&script.trace());
}

#[test]
fn speech_over_a_response_cancels_it() {
    let mut script = Script::new();
    script.ask("Hola").begin("t", Some("resp_-4"), "Hola").delta("t", "Érase una vez");
    script.append(1000);
    script.trace();
    script.voice(VoiceReport::VoiceOn { at_ms: 400 }).stopped("t");
    script.voice(VoiceReport::VoiceOff { at_ms: 900 }).heard("Espera");
    expect![[r#"
        > VoiceOn { at_ms: 400 }
          input_audio_buffer.speech_started {"audio_start_ms":400,"item_id":"item_-6"}
        > turn t is stopped
          response.output_audio.done {"response_id":"resp_-4","item_id":"item_-5","output_index":0,"content_index":0}
          response.output_audio_transcript.done {"response_id":"resp_-4","item_id":"item_-5","output_index":0,"content_index":0,"transcript":"Érase una vez"}
          response.content_part.done {"response_id":"resp_-4","item_id":"item_-5","output_index":0,"content_index":0,"part":{"type":"audio","transcript":"Érase una vez"}}
          conversation.item.done {"previous_item_id":"item_-3","item":["item_-5","assistant","incomplete",[{"type":"output_audio","transcript":"Érase una vez"}]]}
          response.output_item.done {"response_id":"resp_-4","output_index":0,"item":["item_-5","assistant","incomplete",[{"type":"output_audio","transcript":"Érase una vez"}]]}
          response.done {"response":["resp_-4","cancelled",{"type":"cancelled","reason":"turn_detected"},[{"id":"item_-5","object":"realtime.item","type":"message","status":"incomplete","role":"assistant","content":[{"type":"output_audio","transcript":"Érase una vez"}]}]]}
        > VoiceOff { at_ms: 900 }
        > the learner said "Espera"
          input_audio_buffer.speech_stopped {"audio_end_ms":900,"item_id":"item_-6"}
          input_audio_buffer.committed {"previous_item_id":"item_-5","item_id":"item_-6"}
          conversation.item.added {"previous_item_id":"item_-5","item":["item_-6","user","completed",[{"type":"input_audio","transcript":null}]]}
          conversation.item.done {"previous_item_id":"item_-5","item":["item_-6","user","completed",[{"type":"input_audio","transcript":null}]]}
          response.created {"response":["resp_-7","in_progress",null,[]]}
          rate_limits.updated {}
          say "Espera" of "Espera" for resp_-7, Some("")
    "#]].assert_eq(&script.trace());
}

#[test]
fn a_stop_that_comes_before_the_microphones_report_is_still_the_learners_voice() {
    let mut script = Script::new();
    script.ask("Hola").begin("t", Some("resp_-4"), "Hola").delta("t", "Érase una vez");
    script.append(1000);
    script.input(Input::Event(Event::SpeechStarted)).stopped("t");
    assert!(script.trace().contains(r#""reason":"turn_detected""#));
    script.ask("¿Y?").begin("u", Some("resp_-7"), "¿Y?").delta("u", "Pues").stopped("u");
    assert!(script.trace().contains(r#""reason":"client_cancelled""#));
}

#[test]
fn a_client_that_commits_waits_for_the_words_of_what_it_has_committed() {
    let mut script = Script::new();
    let input = json!({"turn_detection": null, "transcription": {"model": "whisper-1"}});
    let session = json!({"type": "realtime", "audio": {"input": input}});
    script.client(json!({"type": "session.update", "session": session})).append(500);
    script.client(json!({"type": "input_audio_buffer.commit"}));
    script.client(json!({"type": "response.create"}));
    script.voice(VoiceReport::VoiceOn { at_ms: 10 }).heard("Buenos días");
    script.client(json!({"type": "input_audio_buffer.commit", "event_id": "empty"}));
    expect![[r#"
        > session.update
          session.updated {}
        > input_audio_buffer.append
          Listen { format: Pcm, language: None, manner: VoiceManner { mode: Manual, answers: false, interrupts: false, end_silence_ms: None, threshold: Confidence(500) } }
          hear 24000 bytes
        > input_audio_buffer.commit
          input_audio_buffer.committed {"previous_item_id":null,"item_id":"item_-3"}
          conversation.item.added {"previous_item_id":null,"item":["item_-3","user","completed",[{"type":"input_audio","transcript":null}]]}
          conversation.item.done {"previous_item_id":null,"item":["item_-3","user","completed",[{"type":"input_audio","transcript":null}]]}
          CommitVoice
        > response.create
          response.created {"response":["resp_-4","in_progress",null,[]]}
          rate_limits.updated {}
        > VoiceOn { at_ms: 10 }
        > the learner said "Buenos días"
          conversation.item.input_audio_transcription.delta {"item_id":"item_-3","content_index":0,"delta":"Buenos días"}
          conversation.item.input_audio_transcription.completed {"item_id":"item_-3","content_index":0,"transcript":"Buenos días","usage":{"type":"duration","seconds":0.5}}
          say "Buenos días" of "Buenos días" for resp_-4, Some("")
        > input_audio_buffer.commit
          error {"error":{"type":"invalid_request_error","code":"input_audio_buffer_commit_empty","message":"Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, but buffer only has 0ms of audio.","param":null,"event_id":"empty"}}
    "#]].assert_eq(&script.trace());
}

#[test]
fn who_cannot_be_heard_is_told_once_and_gets_no_words() {
    let mut script = Script::new();
    let session = json!({"type": "realtime", "audio": {"input": {"turn_detection": null}}});
    script.client(json!({"type": "session.update", "session": session})).append(200);
    script.trace();
    let failure = Failure { code: "no_ears", message: "no ears".into(), retryable: false };
    script.input(Input::Deaf(failure)).append(200);
    script.client(json!({"type": "input_audio_buffer.commit"}));
    script.client(json!({"type": "response.create"}));
    expect![[r#"
          error {"error":{"type":"invalid_request_error","code":"no_ears","message":"no ears","param":null,"event_id":null}}
        > input_audio_buffer.append
        > input_audio_buffer.commit
          input_audio_buffer.committed {"previous_item_id":null,"item_id":"item_-3"}
          conversation.item.added {"previous_item_id":null,"item":["item_-3","user","completed",[{"type":"input_audio","transcript":null}]]}
          conversation.item.done {"previous_item_id":null,"item":["item_-3","user","completed",[{"type":"input_audio","transcript":null}]]}
          conversation.item.input_audio_transcription.failed {"item_id":"item_-3","content_index":0,"error":{"type":"invalid_request_error","code":"no_ears","message":"no ears"}}
        > response.create
          response.created {"response":["resp_-4","in_progress",null,[]]}
          rate_limits.updated {}
          response.done {"response":["resp_-4","failed",{"type":"failed","error":{"type":"invalid_request_error","code":"nothing_heard","message":"No words were heard in the committed audio.","param":null}},[]]}
    "#]].assert_eq(&script.trace());
}

#[test]
fn what_is_committed_without_a_word_in_it_fails_the_response_that_waits_for_it() {
    let mut script = Script::new();
    let session = json!({"type": "realtime", "audio": {"input": {"turn_detection": null}}});
    script.client(json!({"type": "session.update", "session": session})).append(200);
    script.client(json!({"type": "input_audio_buffer.commit"}));
    script.client(json!({"type": "response.create"}));
    script.trace();
    script.nothing_said(false).nothing_said(true);
    expect![[r#"
        > NothingSaid { was_committed: false }
        > NothingSaid { was_committed: true }
          response.done {"response":["resp_-4","failed",{"type":"failed","error":{"type":"invalid_request_error","code":"nothing_heard","message":"No words were heard in the committed audio.","param":null}},[]]}
    "#]].assert_eq(&script.trace());
}

#[test]
fn a_voice_ends_before_its_words_and_is_no_turn_without_any() {
    let mut script = Script::new();
    script.append(100);
    script.trace();
    script.voice(VoiceReport::VoiceOn { at_ms: 0 }).voice(VoiceReport::VoiceOff { at_ms: 300 });
    script.nothing_said(false);
    // Its words were late.
    script.heard("Sí").nothing_said(false);
    expect![[r#"
        > VoiceOn { at_ms: 0 }
          input_audio_buffer.speech_started {"audio_start_ms":0,"item_id":"item_-3"}
        > VoiceOff { at_ms: 300 }
        > NothingSaid { was_committed: false }
          input_audio_buffer.speech_stopped {"audio_end_ms":300,"item_id":"item_-3"}
        > the learner said "Sí"
          input_audio_buffer.committed {"previous_item_id":null,"item_id":"item_-3"}
          conversation.item.added {"previous_item_id":null,"item":["item_-3","user","completed",[{"type":"input_audio","transcript":null}]]}
          conversation.item.done {"previous_item_id":null,"item":["item_-3","user","completed",[{"type":"input_audio","transcript":null}]]}
          response.created {"response":["resp_-4","in_progress",null,[]]}
          rate_limits.updated {}
          say "Sí" of "Sí" for resp_-4, Some("")
        > NothingSaid { was_committed: false }
    "#]]
    .assert_eq(&script.trace());
}

#[test]
fn a_refused_event_is_named_and_changes_nothing() {
    let mut script = Script::new();
    let update =
        |session: Value| json!({"type": "session.update", "event_id": "e", "session": session});
    script.client(update(json!({"type": "realtime", "instructions": 7})));
    script.client(update(json!({"type": "realtime", "audio": {"output": {"speed": "fast"}}})));
    script.client(update(json!({"type": "other"})));
    script.client(json!({"type": "session.update"})).client(json!({"type": "session.fly"}));
    script.client(json!({})).client(json!({"type": "input_audio_buffer.append", "audio": "%"}));
    script.client(json!({"type": "conversation.item.retrieve", "item_id": "none"}));
    script.client(
        json!({"type": "conversation.item.create", "item": {"type": "message", "role": "user"}}),
    );
    script.input(Input::Garbled("expected value".into()));
    expect![[r#"
        > session.update
          error {"error":{"type":"invalid_request_error","code":"invalid_value","message":"Invalid 'session.instructions': expected a string.","param":"session.instructions","event_id":"e"}}
        > session.update
          error {"error":{"type":"invalid_request_error","code":"invalid_value","message":"Invalid 'session.audio.output.speed': expected a number.","param":"session.audio.output.speed","event_id":"e"}}
        > session.update
          error {"error":{"type":"invalid_request_error","code":"invalid_value","message":"Invalid 'session.type': expected one of 'realtime', 'transcription'.","param":"session.type","event_id":"e"}}
        > session.update
          error {"error":{"type":"invalid_request_error","code":"missing_required_parameter","message":"Missing required parameter: 'session'.","param":"session","event_id":null}}
        > session.fly
          error {"error":{"type":"invalid_request_error","code":"unknown_event_type","message":"There is no event of the type 'session.fly'.","param":"type","event_id":null}}
        > ?
          error {"error":{"type":"invalid_request_error","code":"missing_required_parameter","message":"Missing required parameter: 'type'.","param":"type","event_id":null}}
        > input_audio_buffer.append
          error {"error":{"type":"invalid_request_error","code":"invalid_value","message":"Invalid 'audio': expected base64.","param":"audio","event_id":null}}
        > conversation.item.retrieve
          error {"error":{"type":"invalid_request_error","code":"item_retrieve_invalid_item_id","message":"There is no item with the id 'none'.","param":"item_id","event_id":null}}
        > conversation.item.create
          error {"error":{"type":"invalid_request_error","code":"missing_required_parameter","message":"Missing required parameter: 'item.content'.","param":"item.content","event_id":null}}
          error {"error":{"type":"invalid_request_error","code":"invalid_json","message":"expected value","param":null,"event_id":null}}
    "#]].assert_eq(&script.trace());
}

#[test]
fn a_turn_detection_out_of_range_is_refused_and_the_one_before_holds() {
    let mut script = Script::new();
    let before = script.protocol.session();
    for (field, value) in [
        ("threshold", json!(1.01)),
        ("threshold", json!(-0.1)),
        ("silence_duration_ms", json!(u64::MAX)),
        ("prefix_padding_ms", json!(-1)),
        ("idle_timeout_ms", json!(0)),
        ("idle_timeout_ms", json!(4999)),
        ("idle_timeout_ms", json!(30_001)),
    ] {
        let detection = json!({"type": "server_vad", field: value});
        let session =
            json!({"type": "realtime", "audio": {"input": {"turn_detection": detection}}});
        script.client(json!({"type": "session.update", "session": session}));
        let trace = script.trace();
        assert!(trace.contains(r#""code":"invalid_value""#), "{trace}");
        assert!(trace.contains(&format!("session.audio.input.turn_detection.{field}")), "{trace}");
        assert_eq!(script.protocol.session(), before);
    }
}

#[test]
fn items_stand_where_their_client_puts_them() {
    let mut script = Script::new();
    let item = |id: &str, previous: Value| {
        let content = json!([{"type": "input_text", "text": id}]);
        let item = json!({"id": id, "type": "message", "role": "user", "content": content});
        json!({"type": "conversation.item.create", "item": item, "previous_item_id": previous})
    };
    script
        .client(item("a", Value::Null))
        .client(item("b", json!("root")))
        .client(item("c", json!("b")));
    script.client(item("c", Value::Null)).client(item("d", json!("x")));
    script.client(json!({"type": "conversation.item.delete", "item_id": "c"}));
    script.client(json!({"type": "response.create"}));
    expect![[r#"
        > conversation.item.create
          conversation.item.added {"previous_item_id":null,"item":["a","user","completed",[{"type":"input_text","text":"a"}]]}
          conversation.item.done {"previous_item_id":null,"item":["a","user","completed",[{"type":"input_text","text":"a"}]]}
        > conversation.item.create
          conversation.item.added {"previous_item_id":null,"item":["b","user","completed",[{"type":"input_text","text":"b"}]]}
          conversation.item.done {"previous_item_id":null,"item":["b","user","completed",[{"type":"input_text","text":"b"}]]}
        > conversation.item.create
          conversation.item.added {"previous_item_id":"b","item":["c","user","completed",[{"type":"input_text","text":"c"}]]}
          conversation.item.done {"previous_item_id":"b","item":["c","user","completed",[{"type":"input_text","text":"c"}]]}
        > conversation.item.create
          error {"error":{"type":"invalid_request_error","code":"item_create_invalid_item_id","message":"There is an item with the id 'c' already.","param":"item.id","event_id":null}}
        > conversation.item.create
          error {"error":{"type":"invalid_request_error","code":"item_create_invalid_previous_item_id","message":"There is no item with the id 'x'.","param":"previous_item_id","event_id":null}}
        > conversation.item.delete
          conversation.item.deleted {"item_id":"c"}
        > response.create
          response.created {"response":["resp_-8","in_progress",null,[]]}
          rate_limits.updated {}
          say "b\na" for resp_-8, Some("")
    "#]].assert_eq(&script.trace());
}
