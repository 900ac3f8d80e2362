//! Voices that come and go: each is told of once, and each commit is an item of its own.

use expect_test::expect;

use super::*;

fn manual() -> Script {
    let mut script = Script::new();
    let input = json!({"turn_detection": null, "transcription": {"model": "whisper-1"}});
    let session = json!({"type": "realtime", "audio": {"input": input}});
    script.client(json!({"type": "session.update", "session": session}));
    script
}

#[test]
fn commits_before_any_words_are_items_of_their_own() {
    let mut script = manual();
    for ms in [500, 300, 200] {
        script.append(ms).client(json!({"type": "input_audio_buffer.commit"}));
    }
    script.client(json!({"type": "response.create"}));
    script.trace();
    script.heard("Buenos días").nothing_said(true).heard("Adiós");
    expect![[r#"
        > the learner said "Buenos días"
          conversation.item.input_audio_transcription.delta {"item_id":"item_-3","content_index":0,"delta":"Buenos días"}
          conversation.item.input_audio_transcription.completed {"item_id":"item_-3","content_index":0,"transcript":"Buenos días","usage":{"type":"duration","seconds":0.5}}
        > NothingSaid { was_committed: true }
          conversation.item.input_audio_transcription.delta {"item_id":"item_-4","content_index":0,"delta":""}
          conversation.item.input_audio_transcription.completed {"item_id":"item_-4","content_index":0,"transcript":"","usage":{"type":"duration","seconds":0.3}}
        > the learner said "Adiós"
          conversation.item.input_audio_transcription.delta {"item_id":"item_-5","content_index":0,"delta":"Adiós"}
          conversation.item.input_audio_transcription.completed {"item_id":"item_-5","content_index":0,"transcript":"Adiós","usage":{"type":"duration","seconds":0.2}}
          say "Buenos días\nAdiós" of "Buenos días\nAdiós" for resp_-6, Some("")
    "#]].assert_eq(&script.trace());
}

#[test]
fn a_noise_that_was_no_voice_answers_no_commit() {
    let mut script = manual();
    script.append(500).client(json!({"type": "input_audio_buffer.commit"}));
    script.trace();
    script.nothing_said(false).heard("Sí");
    expect![[r#"
        > NothingSaid { was_committed: false }
        > the learner said "Sí"
          conversation.item.input_audio_transcription.delta {"item_id":"item_-3","content_index":0,"delta":"Sí"}
          conversation.item.input_audio_transcription.completed {"item_id":"item_-3","content_index":0,"transcript":"Sí","usage":{"type":"duration","seconds":0.5}}
    "#]].assert_eq(&script.trace());
}

#[test]
fn a_turn_with_a_pause_in_it_begins_and_ends_once() {
    let mut script = Script::new();
    script.append(100);
    script.trace();
    for (on, off) in [(100, 400), (700, 1200)] {
        script.voice(VoiceReport::VoiceOn { at_ms: on });
        script.voice(VoiceReport::VoiceOff { at_ms: off });
    }
    script.heard("Sí, claro").nothing_said(false);
    let trace = script.trace();
    assert_eq!(trace.matches("buffer.speech_started").count(), 1, "{trace}");
    assert_eq!(trace.matches("buffer.speech_stopped").count(), 1, "{trace}");
}

#[test]
fn words_without_a_voice_are_where_the_last_one_was() {
    let mut script = Script::new();
    script.append(100).voice(VoiceReport::VoiceOn { at_ms: 3000 });
    script.voice(VoiceReport::VoiceOff { at_ms: 3500 }).heard("Sí");
    script.trace();
    script.heard("claro");
    expect![[r#"
        > the learner said "claro"
          input_audio_buffer.speech_started {"audio_start_ms":3500,"item_id":"item_-6"}
          input_audio_buffer.speech_stopped {"audio_end_ms":3500,"item_id":"item_-6"}
          input_audio_buffer.committed {"previous_item_id":"item_-3","item_id":"item_-6"}
          conversation.item.added {"previous_item_id":"item_-3","item":["item_-6","user","completed",[{"type":"input_audio","transcript":null}]]}
          conversation.item.done {"previous_item_id":"item_-3","item":["item_-6","user","completed",[{"type":"input_audio","transcript":null}]]}
          response.done {"response":["resp_-4","cancelled",{"type":"cancelled","reason":"turn_detected"},[]]}
          response.created {"response":["resp_-7","in_progress",null,[]]}
          rate_limits.updated {}
          say "claro" of "claro" for resp_-7, Some("")
    "#]].assert_eq(&script.trace());
}

#[test]
fn sound_is_counted_on_when_the_input_changes_its_format() {
    let mut script = Script::new();
    script.append(2000);
    let input = json!({"format": {"type": "audio/pcmu"}});
    let session = json!({"type": "realtime", "audio": {"input": input}});
    script.voice(VoiceReport::VoiceOn { at_ms: 900 });
    script.trace();
    script.client(json!({"type": "session.update", "session": session}));
    let audio = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, vec![0; 8 * 1000]);
    script.client(json!({"type": "input_audio_buffer.append", "audio": audio}));
    script.voice(VoiceReport::VoiceOn { at_ms: 400 });
    expect![[r#"
        > session.update
          Deafen
          input_audio_buffer.speech_stopped {"audio_end_ms":900,"item_id":"item_-3"}
          session.updated {}
        > input_audio_buffer.append
          Listen { format: MuLaw, language: None, manner: VoiceManner { mode: HandsFree, answers: false, interrupts: true, end_silence_ms: None, threshold: Confidence(500) } }
          hear 8000 bytes
        > VoiceOn { at_ms: 400 }
          input_audio_buffer.speech_started {"audio_start_ms":2400,"item_id":"item_-4"}
    "#]].assert_eq(&script.trace());
}

#[test]
fn who_commits_by_hand_gets_an_item_also_when_nothing_was_said() {
    let mut script = Script::new();
    script.append(500).client(json!({"type": "input_audio_buffer.commit"}));
    script.trace();
    script.nothing_said(true);
    expect![[r#"
        > NothingSaid { was_committed: true }
          input_audio_buffer.committed {"previous_item_id":null,"item_id":"item_-3"}
          conversation.item.added {"previous_item_id":null,"item":["item_-3","user","completed",[{"type":"input_audio","transcript":null}]]}
          conversation.item.done {"previous_item_id":null,"item":["item_-3","user","completed",[{"type":"input_audio","transcript":null}]]}
    "#]].assert_eq(&script.trace());
}

#[test]
fn what_is_committed_after_the_ears_were_lost_gets_no_words() {
    let mut script = manual();
    let failure = Failure { code: "stt_cut", message: "gone".into(), retryable: true };
    script.append(500).voice(VoiceReport::Failed(failure));
    script.trace();
    script.client(json!({"type": "input_audio_buffer.commit"}));
    expect![[r#"
        > input_audio_buffer.commit
          input_audio_buffer.committed {"previous_item_id":null,"item_id":"item_-3"}
          conversation.item.added {"previous_item_id":null,"item":["item_-3","user","completed",[{"type":"input_audio","transcript":null}]]}
          conversation.item.done {"previous_item_id":null,"item":["item_-3","user","completed",[{"type":"input_audio","transcript":null}]]}
          conversation.item.input_audio_transcription.failed {"item_id":"item_-3","content_index":0,"error":{"type":"invalid_request_error","code":"hearing_failed","message":"The sound was not heard to its end."}}
    "#]].assert_eq(&script.trace());
}
