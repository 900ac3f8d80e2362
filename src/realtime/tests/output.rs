//! Responses from their first event to their last.

use expect_test::expect;

use super::*;

fn text_session() -> Script {
    let mut script = Script::new();
    let session = json!({"type": "realtime", "output_modalities": ["text"]});
    script.client(json!({"type": "session.update", "session": session}));
    script.trace();
    script
}

#[test]
fn a_text_turn() {
    let mut script = text_session();
    script.ask("Hola").begin("t", Some("resp_-4"), "Hola");
    script.delta("t", "¡Hola! ").delta("t", "¿Qué tal?").complete("t", "¡Hola! ¿Qué tal?", 2);
    expect![[r#"
        > conversation.item.create
          conversation.item.added {"previous_item_id":null,"item":["item_-3","user","completed",[{"type":"input_text","text":"Hola"}]]}
          conversation.item.done {"previous_item_id":null,"item":["item_-3","user","completed",[{"type":"input_text","text":"Hola"}]]}
        > response.create
          response.created {"response":["resp_-4","in_progress",null,[]]}
          rate_limits.updated {}
          say "Hola" for resp_-4, Some("")
        > turn t begins
        > text "¡Hola! "
          response.output_item.added {"response_id":"resp_-4","output_index":0,"item":["item_-5","assistant","in_progress",[]]}
          conversation.item.added {"previous_item_id":"item_-3","item":["item_-5","assistant","in_progress",[]]}
          response.content_part.added {"response_id":"resp_-4","item_id":"item_-5","output_index":0,"content_index":0,"part":{"type":"text","text":""}}
          response.output_text.delta {"response_id":"resp_-4","item_id":"item_-5","output_index":0,"content_index":0,"delta":"¡Hola! "}
        > text "¿Qué tal?"
          response.output_text.delta {"response_id":"resp_-4","item_id":"item_-5","output_index":0,"content_index":0,"delta":"¿Qué tal?"}
        > turn t is made
          response.output_text.done {"response_id":"resp_-4","item_id":"item_-5","output_index":0,"content_index":0,"text":"¡Hola! ¿Qué tal?"}
          response.content_part.done {"response_id":"resp_-4","item_id":"item_-5","output_index":0,"content_index":0,"part":{"type":"text","text":"¡Hola! ¿Qué tal?"}}
          conversation.item.done {"previous_item_id":"item_-3","item":["item_-5","assistant","completed",[{"type":"output_text","text":"¡Hola! ¿Qué tal?"}]]}
          response.output_item.done {"response_id":"resp_-4","output_index":0,"item":["item_-5","assistant","completed",[{"type":"output_text","text":"¡Hola! ¿Qué tal?"}]]}
          response.done {"response":["resp_-4","completed",null,[{"id":"item_-5","object":"realtime.item","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"¡Hola! ¿Qué tal?"}]}]]}
    "#]].assert_eq(&script.trace());
}

#[test]
fn an_audio_turn_has_its_sounds_in_order_whatever_is_ready_first() {
    let mut script = Script::new();
    script.ask("Hola").begin("t", Some("resp_-4"), "Hola").delta("t", "¡Hola! ¿Qué tal?");
    script.chunk("t", 1, 0).chunk("t", 0, 100).sound("t", 1, 250).sound("t", 0, 300);
    script.complete("t", "¡Hola! ¿Qué tal?", 2);
    expect![[r#"
        > conversation.item.create
          conversation.item.added {"previous_item_id":null,"item":["item_-3","user","completed",[{"type":"input_text","text":"Hola"}]]}
          conversation.item.done {"previous_item_id":null,"item":["item_-3","user","completed",[{"type":"input_text","text":"Hola"}]]}
        > response.create
          response.created {"response":["resp_-4","in_progress",null,[]]}
          rate_limits.updated {}
          say "Hola" for resp_-4, Some("")
        > turn t begins
        > text "¡Hola! ¿Qué tal?"
          response.output_item.added {"response_id":"resp_-4","output_index":0,"item":["item_-5","assistant","in_progress",[]]}
          conversation.item.added {"previous_item_id":"item_-3","item":["item_-5","assistant","in_progress",[]]}
          response.content_part.added {"response_id":"resp_-4","item_id":"item_-5","output_index":0,"content_index":0,"part":{"type":"audio","transcript":""}}
          response.output_audio_transcript.delta {"response_id":"resp_-4","item_id":"item_-5","output_index":0,"content_index":0,"delta":"¡Hola! ¿Qué tal?"}
        > chunk 1 is made
          Fetch { turn: t, chunk: 1, file: f, format: Pcm }
        > chunk 0 is made
          Fetch { turn: t, chunk: 0, file: f, format: Pcm }
        > sound 1
        > sound 0
          response.output_audio.delta {"response_id":"resp_-4","item_id":"item_-5","output_index":0,"content_index":0,"delta":12800}
          response.output_audio.delta {"response_id":"resp_-4","item_id":"item_-5","output_index":0,"content_index":0,"delta":12800}
          response.output_audio.delta {"response_id":"resp_-4","item_id":"item_-5","output_index":0,"content_index":0,"delta":12800}
          response.output_audio.delta {"response_id":"resp_-4","item_id":"item_-5","output_index":0,"content_index":0,"delta":3200}
        > turn t is made
          response.output_audio.done {"response_id":"resp_-4","item_id":"item_-5","output_index":0,"content_index":0}
          response.output_audio_transcript.done {"response_id":"resp_-4","item_id":"item_-5","output_index":0,"content_index":0,"transcript":"¡Hola! ¿Qué tal?"}
          response.content_part.done {"response_id":"resp_-4","item_id":"item_-5","output_index":0,"content_index":0,"part":{"type":"audio","transcript":"¡Hola! ¿Qué tal?"}}
          conversation.item.done {"previous_item_id":"item_-3","item":["item_-5","assistant","completed",[{"type":"output_audio","transcript":"¡Hola! ¿Qué tal?"}]]}
          response.output_item.done {"response_id":"resp_-4","output_index":0,"item":["item_-5","assistant","completed",[{"type":"output_audio","transcript":"¡Hola! ¿Qué tal?"}]]}
          response.done {"response":["resp_-4","completed",null,[{"id":"item_-5","object":"realtime.item","type":"message","status":"completed","role":"assistant","content":[{"type":"output_audio","transcript":"¡Hola! ¿Qué tal?"}]}]]}
    "#]].assert_eq(&script.trace());
}

#[test]
fn a_carrier_that_plays_is_told_what_and_when_to_stop() {
    let mut script = Script::with(Shape::Settled, SoundPath::Carrier);
    script.ask("Hola").begin("t", Some("resp_-4"), "Hola").delta("t", "¡Hola!");
    script.chunk("t", 0, 0).sound("t", 0, 300).complete("t", "¡Hola!", 1);
    script.input(Input::Played);
    script.trace();
    script.ask("¿Y?").begin("u", Some("resp_-7"), "¿Y?").delta("u", "Pues").chunk("u", 0, 0);
    script.sound("u", 0, 300).client(json!({"type": "output_audio_buffer.clear"}));
    let trace = script.trace();
    let (_, end) = trace.split_once("> sound 0\n").unwrap();
    expect![[r#"
          output_audio_buffer.started {"response_id":"resp_-7"}
          play 14400 bytes of 0
        > output_audio_buffer.clear
          Hush
          output_audio_buffer.cleared {"response_id":"resp_-7"}
    "#]]
    .assert_eq(end);
}

#[test]
fn a_carrier_is_given_each_sound_a_few_seconds_before_it_is_due() {
    let mut script = Script::with(Shape::Settled, SoundPath::Carrier);
    script.ask("Hola").begin("t", Some("resp_-4"), "Hola").delta("t", "¡Hola!");
    script.trace();
    script.chunk("t", 1, 0).chunk("t", 0, 0).sound("t", 0, 5000).chunk("t", 2, 0);
    script.at(999).at(1000).complete("t", "¡Hola!", 3).sound("t", 1, 200);
    script.at(1200).sound("t", 2, 200);
    let trace = script.trace();
    let told = |line: &&str| !line.contains("{\"") || line.contains("response.done");
    let steps: String = trace.lines().filter(told).map(|line| format!("{line:.60}\n")).collect();
    expect![[r#"
        > chunk 1 is made
        > chunk 0 is made
          Fetch { turn: t, chunk: 0, file: f, format: Pcm }
        > sound 0
          play 240000 bytes of 0
        > chunk 2 is made
        > at 999 ms
        > at 1000 ms
          Fetch { turn: t, chunk: 1, file: f, format: Pcm }
        > turn t is made
        > sound 1
          play 9600 bytes of 1
        > at 1200 ms
          Fetch { turn: t, chunk: 2, file: f, format: Pcm }
        > sound 2
          play 9600 bytes of 2
          response.done {"response":["resp_-4","completed",null,[{"i
    "#]]
    .assert_eq(&steps);
}

#[test]
fn a_client_cancels_a_response() {
    let mut script = Script::new();
    script.ask("Hola").begin("t", Some("resp_-4"), "Hola").delta("t", "¡Hola!");
    script.trace();
    script.client(json!({"type": "response.cancel"})).stopped("t").delta("t", "late");
    script.client(json!({"type": "response.cancel", "event_id": "mine"}));
    expect![[r#"
        > response.cancel
          Stop(t)
          response.output_audio.done {"response_id":"resp_-4","item_id":"item_-5","output_index":0,"content_index":0}
          response.output_audio_transcript.done {"response_id":"resp_-4","item_id":"item_-5","output_index":0,"content_index":0,"transcript":"¡Hola!"}
          response.content_part.done {"response_id":"resp_-4","item_id":"item_-5","output_index":0,"content_index":0,"part":{"type":"audio","transcript":"¡Hola!"}}
          conversation.item.done {"previous_item_id":"item_-3","item":["item_-5","assistant","incomplete",[{"type":"output_audio","transcript":"¡Hola!"}]]}
          response.output_item.done {"response_id":"resp_-4","output_index":0,"item":["item_-5","assistant","incomplete",[{"type":"output_audio","transcript":"¡Hola!"}]]}
          response.done {"response":["resp_-4","cancelled",{"type":"cancelled","reason":"client_cancelled"},[{"id":"item_-5","object":"realtime.item","type":"message","status":"incomplete","role":"assistant","content":[{"type":"output_audio","transcript":"¡Hola!"}]}]]}
        > turn t is stopped
        > text "late"
        > response.cancel
          error {"error":{"type":"invalid_request_error","code":"response_cancel_not_active","message":"Cancellation failed: no active response found","param":null,"event_id":"mine"}}
    "#]].assert_eq(&script.trace());
}

#[test]
fn a_response_that_is_cancelled_before_it_began_stops_its_turn() {
    let mut script = Script::new();
    script.ask("Hola").client(json!({"type": "response.cancel"}));
    script.trace();
    script.begin("t", Some("resp_-4"), "Hola");
    let turn = TurnId::parse("t").unwrap();
    script.input(Input::Said { response: "resp_-4".into(), answer: Ok(turn) });
    expect![[r#"
        > turn t begins
          Stop(t)
    "#]]
    .assert_eq(&script.trace());
}

#[test]
fn a_failed_turn_is_a_failed_response() {
    let mut script = Script::new();
    let failure = Failure { code: "busy", message: "later".into(), retryable: true };
    script.ask("Hola");
    script.trace();
    script.input(Input::Said { response: "resp_-4".into(), answer: Err(failure) });
    expect![[r#"
        response.done {"response":["resp_-4","failed",{"type":"failed","error":{"type":"server_error","code":"busy","message":"later","param":null}},[]]}
    "#]].assert_eq(script.trace().trim_start());
}

/// Two sentences, made and sent: words at 0, 100 and 200 ms, and, after a pause, at 400, 500 and 600 ms.
fn told() -> Script {
    let mut script = Script::new();
    script
        .ask("Hola")
        .begin("t", Some("resp_-4"), "Hola")
        .delta("t", "¡Hola, buenos días! ¿Qué tal estás?");
    script.sentence("t", 0, ("¡Hola, buenos días!", 100)).sound("t", 0, 300);
    script.sentence("t", 1, ("¿Qué tal estás?", 0)).sound("t", 1, 300);
    script
}

fn truncate(id: &str, ms: u64) -> Value {
    json!({"type": "conversation.item.truncate", "item_id": id, "content_index": 0, "audio_end_ms": ms})
}

#[test]
fn what_was_not_heard_is_cut_off_at_the_last_word_before() {
    let mut script = told();
    script.complete("t", "¡Hola, buenos días! ¿Qué tal estás?", 2).trace();
    script.client(truncate("item_-5", 510)).client(truncate("item_-5", 511));
    script.client(json!({"type": "conversation.item.retrieve", "item_id": "item_-5"}));
    script.client(truncate("item_-5", 150)).client(truncate("item_-5", 0));
    script.client(truncate("item_-1", 1));
    expect![[r#"
        > conversation.item.truncate
          Heard { turn: t, chunk: 1, ms: 110, text: "¡Hola, buenos días! ¿Qué" }
          conversation.item.truncated {"item_id":"item_-5","content_index":0,"audio_end_ms":510}
        > conversation.item.truncate
          error {"error":{"type":"invalid_request_error","code":"invalid_value","message":"Audio content of 510ms is already shorter than 511ms","param":"audio_end_ms","event_id":null}}
        > conversation.item.retrieve
          conversation.item.retrieved {"item":["item_-5","assistant","completed",[{"type":"output_audio","transcript":"¡Hola, buenos días! ¿Qué"}]]}
        > conversation.item.truncate
          Heard { turn: t, chunk: 0, ms: 150, text: "¡Hola," }
          conversation.item.truncated {"item_id":"item_-5","content_index":0,"audio_end_ms":150}
        > conversation.item.truncate
          Heard { turn: t, chunk: 0, ms: 0, text: "" }
          conversation.item.truncated {"item_id":"item_-5","content_index":0,"audio_end_ms":0}
        > conversation.item.truncate
          error {"error":{"type":"invalid_request_error","code":"item_truncate_invalid_item_id","message":"There is no item with the id 'item_-1'.","param":"item_id","event_id":null}}
    "#]].assert_eq(&script.trace());
}

#[test]
fn to_cut_an_answer_off_at_its_end_or_in_its_pause_loses_no_word() {
    for (ms, text) in [
        (700, "¡Hola, buenos días! ¿Qué tal estás?"),
        (699, "¡Hola, buenos días! ¿Qué tal"),
        (350, "¡Hola, buenos días!"),
        (300, "¡Hola, buenos días!"),
        (299, "¡Hola, buenos"),
    ] {
        let mut script = told();
        script.complete("t", "¡Hola, buenos días! ¿Qué tal estás?", 2).trace();
        script.client(truncate("item_-5", ms));
        let trace = script.trace();
        assert!(trace.contains(&format!("text: {text:?} }}")), "{ms}: {trace}");
    }
}

#[test]
fn an_answer_that_is_cut_off_while_it_is_made_ends_there() {
    let mut script = told();
    script.trace();
    script.client(truncate("item_-5", 250));
    expect![[r#"
        > conversation.item.truncate
          Stop(t)
          response.output_audio.done {"response_id":"resp_-4","item_id":"item_-5","output_index":0,"content_index":0}
          response.output_audio_transcript.done {"response_id":"resp_-4","item_id":"item_-5","output_index":0,"content_index":0,"transcript":"¡Hola, buenos días! ¿Qué tal estás?"}
          response.content_part.done {"response_id":"resp_-4","item_id":"item_-5","output_index":0,"content_index":0,"part":{"type":"audio","transcript":"¡Hola, buenos días! ¿Qué tal estás?"}}
          conversation.item.done {"previous_item_id":"item_-3","item":["item_-5","assistant","incomplete",[{"type":"output_audio","transcript":"¡Hola, buenos días! ¿Qué tal estás?"}]]}
          response.output_item.done {"response_id":"resp_-4","output_index":0,"item":["item_-5","assistant","incomplete",[{"type":"output_audio","transcript":"¡Hola, buenos días! ¿Qué tal estás?"}]]}
          response.done {"response":["resp_-4","cancelled",{"type":"cancelled","reason":"client_cancelled"},[{"id":"item_-5","object":"realtime.item","type":"message","status":"incomplete","role":"assistant","content":[{"type":"output_audio","transcript":"¡Hola, buenos días! ¿Qué tal estás?"}]}]]}
          Heard { turn: t, chunk: 0, ms: 250, text: "¡Hola, buenos" }
          conversation.item.truncated {"item_id":"item_-5","content_index":0,"audio_end_ms":250}
    "#]].assert_eq(&script.trace());
}

#[test]
fn what_has_no_sound_cannot_be_cut_off() {
    let mut script = text_session();
    script.ask("Hola").begin("t", Some("resp_-4"), "Hola").delta("t", "¡Hola!").trace();
    script.client(truncate("item_-5", 0));
    expect![[r#"
        > conversation.item.truncate
          error {"error":{"type":"invalid_request_error","code":"invalid_value","message":"Invalid 'content_index': expected that of audio.","param":"content_index","event_id":null}}
    "#]].assert_eq(&script.trace());
}

#[test]
fn a_turn_that_another_client_began_is_told_as_a_response() {
    let mut script = text_session();
    script.begin("t", None, "Hola, soy Ana").delta("t", "¡Hola, Ana!");
    script.complete("t", "¡Hola, Ana!", 1);
    expect![[r#"
        > turn t begins
          conversation.item.added {"previous_item_id":null,"item":["item_-3","user","completed",[{"type":"input_text","text":"Hola, soy Ana"}]]}
          conversation.item.done {"previous_item_id":null,"item":["item_-3","user","completed",[{"type":"input_text","text":"Hola, soy Ana"}]]}
          response.created {"response":["resp_-4","in_progress",null,[]]}
          rate_limits.updated {}
        > text "¡Hola, Ana!"
          response.output_item.added {"response_id":"resp_-4","output_index":0,"item":["item_-5","assistant","in_progress",[]]}
          conversation.item.added {"previous_item_id":"item_-3","item":["item_-5","assistant","in_progress",[]]}
          response.content_part.added {"response_id":"resp_-4","item_id":"item_-5","output_index":0,"content_index":0,"part":{"type":"text","text":""}}
          response.output_text.delta {"response_id":"resp_-4","item_id":"item_-5","output_index":0,"content_index":0,"delta":"¡Hola, Ana!"}
        > turn t is made
          response.output_text.done {"response_id":"resp_-4","item_id":"item_-5","output_index":0,"content_index":0,"text":"¡Hola, Ana!"}
          response.content_part.done {"response_id":"resp_-4","item_id":"item_-5","output_index":0,"content_index":0,"part":{"type":"text","text":"¡Hola, Ana!"}}
          conversation.item.done {"previous_item_id":"item_-3","item":["item_-5","assistant","completed",[{"type":"output_text","text":"¡Hola, Ana!"}]]}
          response.output_item.done {"response_id":"resp_-4","output_index":0,"item":["item_-5","assistant","completed",[{"type":"output_text","text":"¡Hola, Ana!"}]]}
          response.done {"response":["resp_-4","completed",null,[{"id":"item_-5","object":"realtime.item","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"¡Hola, Ana!"}]}]]}
    "#]].assert_eq(&script.trace());
}

#[test]
fn only_one_response_is_made_in_a_conversation_at_a_time() {
    let mut script = Script::new();
    script.ask("Hola");
    script.trace();
    script.client(json!({"type": "response.create", "event_id": "second"}));
    expect![[r#"
        > response.create
          error {"error":{"type":"invalid_request_error","code":"conversation_already_has_active_response","message":"Conversation already has an active response in progress: resp_-4.","param":null,"event_id":"second"}}
    "#]].assert_eq(&script.trace());
}
