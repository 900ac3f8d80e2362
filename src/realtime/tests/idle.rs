//! Nobody speaks: when the tutor does again, and when not.

use expect_test::expect;

use super::*;

fn waiting(detection: Value) -> Script {
    let mut script = Script::new();
    let input = json!({"turn_detection": detection, "transcription": {"model": "whisper-1"}});
    let session =
        json!({"type": "realtime", "instructions": "Be kind.", "audio": {"input": input}});
    script.client(json!({"type": "session.update", "session": session}));
    script
}

/// An answer of a second of sound, made at 2 s: heard at 3 s.
fn answered(detection: Value) -> Script {
    let mut script = waiting(detection);
    script.at(2000).append(2000).ask("Hola").begin("t", Some("resp_-4"), "Hola");
    script.delta("t", "¡Hola!").chunk("t", 0, 100).sound("t", 0, 900).complete("t", "¡Hola!", 1);
    script.trace();
    script
}

fn patient() -> Value {
    json!({"type": "server_vad", "idle_timeout_ms": 6000})
}

#[test]
fn the_tutor_speaks_again_when_nobody_has_since_the_answer_was_heard() {
    let mut script = answered(patient());
    script.append(6000).at(8999).at(9000);
    expect![[r#"
        > input_audio_buffer.append
          hear 288000 bytes
        > at 8999 ms
        > at 9000 ms
          input_audio_buffer.timeout_triggered {"audio_start_ms":2000,"audio_end_ms":8000,"item_id":"item_-6"}
          input_audio_buffer.committed {"previous_item_id":"item_-5","item_id":"item_-6"}
          conversation.item.added {"previous_item_id":"item_-5","item":["item_-6","user","completed",[{"type":"input_audio","transcript":null}]]}
          conversation.item.done {"previous_item_id":"item_-5","item":["item_-6","user","completed",[{"type":"input_audio","transcript":null}]]}
          conversation.item.input_audio_transcription.delta {"item_id":"item_-6","content_index":0,"delta":""}
          conversation.item.input_audio_transcription.completed {"item_id":"item_-6","content_index":0,"transcript":"","usage":{"type":"duration","seconds":6.0}}
          response.created {"response":["resp_-7","in_progress",null,[]]}
          rate_limits.updated {}
          say "" for resp_-7, Some("Be kind.\nThe learner has said nothing for a while. Help them to go on, in one short sentence.")
    "#]].assert_eq(&script.trace());
    assert_eq!(script.protocol.next_wake(), None, "an answer is being made");
}

#[test]
fn a_voice_keeps_the_tutor_quiet_and_a_cough_gives_the_whole_time_again() {
    let mut script = answered(patient());
    script.at(8000).voice(VoiceReport::VoiceOn { at_ms: 2000 });
    assert_eq!(script.protocol.next_wake(), None);
    script.voice(VoiceReport::VoiceOff { at_ms: 2200 }).nothing_said(false);
    assert_eq!(script.protocol.next_wake(), Some(14_000));
    script.voice(VoiceReport::VoiceOn { at_ms: 3000 }).heard("Sí");
    assert_eq!(script.protocol.next_wake(), None);
}

#[test]
fn nobody_is_waited_for_before_the_first_answer_or_when_nothing_was_asked_for() {
    assert_eq!(waiting(patient()).protocol.next_wake(), None);
    for detection in [json!({"type": "server_vad"}), json!({"type": "semantic_vad"}), Value::Null] {
        assert_eq!(answered(detection).protocol.next_wake(), None);
    }
    let mut script = answered(patient());
    assert_eq!(script.protocol.next_wake(), Some(9000));
    let none = json!({"turn_detection": {"type": "server_vad", "idle_timeout_ms": null}});
    let session = json!({"type": "realtime", "audio": {"input": none}});
    script.client(json!({"type": "session.update", "session": session}));
    assert_eq!(script.protocol.next_wake(), None);
}

#[test]
fn an_app_that_answers_itself_is_only_told_of_the_silence() {
    let detection =
        json!({"type": "server_vad", "idle_timeout_ms": 6000, "create_response": false});
    let mut script = answered(detection);
    script.at(9000);
    expect![[r#"
        > at 9000 ms
          input_audio_buffer.timeout_triggered {"audio_start_ms":2000,"audio_end_ms":2000,"item_id":"item_-6"}
          input_audio_buffer.committed {"previous_item_id":"item_-5","item_id":"item_-6"}
          conversation.item.added {"previous_item_id":"item_-5","item":["item_-6","user","completed",[{"type":"input_audio","transcript":null}]]}
          conversation.item.done {"previous_item_id":"item_-5","item":["item_-6","user","completed",[{"type":"input_audio","transcript":null}]]}
          conversation.item.input_audio_transcription.delta {"item_id":"item_-6","content_index":0,"delta":""}
          conversation.item.input_audio_transcription.completed {"item_id":"item_-6","content_index":0,"transcript":"","usage":{"type":"duration","seconds":0.0}}
    "#]].assert_eq(&script.trace());
}

#[test]
fn a_carrier_says_itself_when_the_answer_was_heard() {
    let mut script = Script::with(Shape::Settled, SoundPath::Carrier);
    let session = json!({"type": "realtime", "audio": {"input": {"turn_detection": patient()}}});
    script.client(json!({"type": "session.update", "session": session})).at(2000);
    script.ask("Hola").begin("t", Some("resp_-4"), "Hola").delta("t", "¡Hola!");
    script.chunk("t", 0, 0).sound("t", 0, 900).complete("t", "¡Hola!", 1);
    assert_eq!(script.protocol.next_wake(), None, "it is still being played");
    // The sound was held for a while.
    script.at(5000).input(Input::Played);
    assert_eq!(script.protocol.next_wake(), Some(11_000));
}
