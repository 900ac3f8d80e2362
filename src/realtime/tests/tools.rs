//! The client's functions: what the model is told of them, what it calls, and what becomes of it.

use expect_test::expect;

use super::*;

/// A session in text with a function `look`.
fn seaside() -> Script {
    let mut script = Script::new();
    let session =
        json!({"type": "realtime", "output_modalities": ["text"], "tools": [look("look")]});
    script.client(json!({"type": "session.update", "session": session}));
    script.trace();
    script
}

fn look(name: &str) -> Value {
    let parameters = json!({"type": "object", "properties": {"at": {"type": "string"}}});
    json!({"type": "function", "name": name, "description": "Looks.", "parameters": parameters})
}

fn output(call_id: &str) -> Value {
    let item = json!({"type": "function_call_output", "call_id": call_id, "output": "waves"});
    json!({"type": "conversation.item.create", "item": item})
}

#[test]
fn words_and_a_call_are_two_items_and_what_came_of_the_call_is_answered() {
    let mut script = seaside();
    script.ask("And at sea?").begin("t", Some("resp_-4"), "And at sea?");
    script.call("t", "look", json!({"at": "sea"})).delta("t", "Let me see.");
    script.complete("t", "Let me see.", 1);
    script.client(output("call_-7")).client(json!({"type": "response.create"}));
    expect![[r#"
        > conversation.item.create
          conversation.item.added {"previous_item_id":null,"item":["item_-3","user","completed",[{"type":"input_text","text":"And at sea?"}]]}
          conversation.item.done {"previous_item_id":null,"item":["item_-3","user","completed",[{"type":"input_text","text":"And at sea?"}]]}
        > response.create
          response.created {"response":["resp_-4","in_progress",null,[]]}
          rate_limits.updated {}
          say "And at sea?" for resp_-4, Some(""), may look
        > turn t begins
        > call of look
        > text "Let me see."
          response.output_item.added {"response_id":"resp_-4","output_index":0,"item":["item_-5","assistant","in_progress",[]]}
          conversation.item.added {"previous_item_id":"item_-3","item":["item_-5","assistant","in_progress",[]]}
          response.content_part.added {"response_id":"resp_-4","item_id":"item_-5","output_index":0,"content_index":0,"part":{"type":"text","text":""}}
          response.output_text.delta {"response_id":"resp_-4","item_id":"item_-5","output_index":0,"content_index":0,"delta":"Let me see."}
        > turn t is made
          response.output_text.done {"response_id":"resp_-4","item_id":"item_-5","output_index":0,"content_index":0,"text":"Let me see."}
          response.content_part.done {"response_id":"resp_-4","item_id":"item_-5","output_index":0,"content_index":0,"part":{"type":"text","text":"Let me see."}}
          conversation.item.done {"previous_item_id":"item_-3","item":["item_-5","assistant","completed",[{"type":"output_text","text":"Let me see."}]]}
          response.output_item.done {"response_id":"resp_-4","output_index":0,"item":["item_-5","assistant","completed",[{"type":"output_text","text":"Let me see."}]]}
          response.output_item.added {"response_id":"resp_-4","output_index":1,"item":["item_-6","call_-7","look","in_progress",""]}
          conversation.item.added {"previous_item_id":"item_-5","item":["item_-6","call_-7","look","in_progress",""]}
          response.function_call_arguments.delta {"response_id":"resp_-4","item_id":"item_-6","output_index":1,"call_id":"call_-7","delta":"{\"at\":\"sea\"}"}
          response.function_call_arguments.done {"response_id":"resp_-4","item_id":"item_-6","output_index":1,"call_id":"call_-7","arguments":"{\"at\":\"sea\"}","name":"look"}
          conversation.item.done {"previous_item_id":"item_-5","item":["item_-6","call_-7","look","completed","{\"at\":\"sea\"}"]}
          response.output_item.done {"response_id":"resp_-4","output_index":1,"item":["item_-6","call_-7","look","completed","{\"at\":\"sea\"}"]}
          response.done {"response":["resp_-4","completed",null,[{"id":"item_-5","object":"realtime.item","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Let me see."}]},{"id":"item_-6","object":"realtime.item","type":"function_call","status":"completed","call_id":"call_-7","name":"look","arguments":"{\"at\":\"sea\"}"}]]}
        > conversation.item.create
          conversation.item.added {"previous_item_id":"item_-6","item":["item_-8","call_-7","completed","waves"]}
          conversation.item.done {"previous_item_id":"item_-6","item":["item_-8","call_-7","completed","waves"]}
        > response.create
          response.created {"response":["resp_-9","in_progress",null,[]]}
          rate_limits.updated {}
          say "" for resp_-9, Some(""), may look, look({"at":"sea"}) = "waves"
    "#]].assert_eq(&script.trace());
}

#[test]
fn calls_alone_are_all_of_a_response() {
    let mut script = seaside();
    script.ask("And at sea?").begin("t", Some("resp_-4"), "And at sea?");
    script.trace();
    script.call("t", "look", json!({})).call("t", "look", json!({"at": "sea"}));
    script.complete("t", "", 0);
    expect![[r#"
        > call of look
        > call of look
        > turn t is made
          response.output_item.added {"response_id":"resp_-4","output_index":0,"item":["item_-6","call_-7","look","in_progress",""]}
          conversation.item.added {"previous_item_id":"item_-3","item":["item_-6","call_-7","look","in_progress",""]}
          response.function_call_arguments.delta {"response_id":"resp_-4","item_id":"item_-6","output_index":0,"call_id":"call_-7","delta":"{}"}
          response.function_call_arguments.done {"response_id":"resp_-4","item_id":"item_-6","output_index":0,"call_id":"call_-7","arguments":"{}","name":"look"}
          conversation.item.done {"previous_item_id":"item_-3","item":["item_-6","call_-7","look","completed","{}"]}
          response.output_item.done {"response_id":"resp_-4","output_index":0,"item":["item_-6","call_-7","look","completed","{}"]}
          response.output_item.added {"response_id":"resp_-4","output_index":1,"item":["item_-8","call_-9","look","in_progress",""]}
          conversation.item.added {"previous_item_id":"item_-6","item":["item_-8","call_-9","look","in_progress",""]}
          response.function_call_arguments.delta {"response_id":"resp_-4","item_id":"item_-8","output_index":1,"call_id":"call_-9","delta":"{\"at\":\"sea\"}"}
          response.function_call_arguments.done {"response_id":"resp_-4","item_id":"item_-8","output_index":1,"call_id":"call_-9","arguments":"{\"at\":\"sea\"}","name":"look"}
          conversation.item.done {"previous_item_id":"item_-6","item":["item_-8","call_-9","look","completed","{\"at\":\"sea\"}"]}
          response.output_item.done {"response_id":"resp_-4","output_index":1,"item":["item_-8","call_-9","look","completed","{\"at\":\"sea\"}"]}
          response.done {"response":["resp_-4","completed",null,[{"id":"item_-6","object":"realtime.item","type":"function_call","status":"completed","call_id":"call_-7","name":"look","arguments":"{}"},{"id":"item_-8","object":"realtime.item","type":"function_call","status":"completed","call_id":"call_-9","name":"look","arguments":"{\"at\":\"sea\"}"}]]}
    "#]].assert_eq(&script.trace());
}

#[test]
fn a_cancelled_response_calls_nothing() {
    let mut script = seaside();
    script.ask("And at sea?").begin("t", Some("resp_-4"), "And at sea?");
    script.call("t", "look", json!({}));
    script.trace();
    script.client(json!({"type": "response.cancel"}));
    expect![[r#"
        > response.cancel
          Stop(t)
          response.done {"response":["resp_-4","cancelled",{"type":"cancelled","reason":"client_cancelled"},[]]}
    "#]].assert_eq(&script.trace());
}

#[test]
fn what_another_client_has_called_is_none_of_this_ones() {
    let mut script = seaside();
    script.begin("t", None, "And at sea?").call("t", "look", json!({})).complete("t", "", 0);
    assert!(!script.trace().contains("function_call"));
}

#[test]
fn a_response_may_have_tools_and_a_length_of_its_own() {
    let mut script = seaside();
    let hear = json!([look("hear"), {"type": "mcp", "server_label": "far"}]);
    for response in [
        json!({"tools": hear, "max_output_tokens": 20}),
        json!({"tool_choice": "none"}),
        json!({"tools": [look("look"), look("hear")], "tool_choice": {"type": "function", "name": "hear"}}),
        json!({"tool_choice": "required", "max_output_tokens": "inf"}),
    ] {
        script.client(json!({"type": "response.create", "response": response}));
        script.client(json!({"type": "response.cancel"}));
    }
    let trace = script.trace();
    let said: Vec<&str> =
        trace.lines().map(str::trim).filter(|line| line.starts_with("say ")).collect();
    expect![[r#"
          say "" for resp_-3, Some("Greet the learner and begin the conversation."), may hear, 20 tokens
          say "" for resp_-5, Some("Greet the learner and begin the conversation.")
          say "" for resp_-7, Some("Greet the learner and begin the conversation."), may hear
          say "" for resp_-9, Some("Greet the learner and begin the conversation."), may look"#]].assert_eq(&said.join("\n"));
}

#[test]
fn what_came_of_a_call_is_played_behind_the_words_before_it() {
    let mut script = Script::with(Shape::Settled, SoundPath::Carrier);
    let session = json!({"type": "realtime", "tools": [look("look")]});
    script.client(json!({"type": "session.update", "session": session}));
    script.ask("And at sea?").begin("t", Some("resp_-4"), "And at sea?").delta("t", "Let me see.");
    script.call("t", "look", json!({})).chunk("t", 0, 0).sound("t", 0, 900);
    script.complete("t", "Let me see.", 1).client(output("call_-7"));
    script.client(json!({"type": "response.create"}));
    script.trace();
    let turn = TurnId::parse("u").unwrap();
    script.input(Input::Event(Event::TurnBegan { turn })).delta("u", "Waves.");
    script.chunk("u", 0, 0).sound("u", 0, 300);
    let trace = script.trace();
    let told = trace.lines().skip_while(|line| *line != "> sound 0");
    let played: String = told.map(|line| format!("{line}\n")).collect();
    expect![[r#"
        > sound 0
          output_audio_buffer.stopped {"response_id":"resp_-4"}
          output_audio_buffer.started {"response_id":"resp_-9"}
          play 14400 bytes of 0
    "#]]
    .assert_eq(&played);
}

#[test]
fn what_is_no_function_or_belongs_to_no_call_is_refused() {
    let mut script = seaside();
    let update = |session: Value| json!({"type": "session.update", "session": session});
    script.client(update(json!({"tools": [{"type": "function"}]})));
    script.client(update(json!({"tools": ["look"]})));
    let long = json!({"type": "function", "name": "look", "description": "far ".repeat(9000)});
    script.client(update(json!({"tools": [long]})));
    script.client(update(json!({"tool_choice": "perhaps"})));
    script.client(output("call_-1"));
    let call =
        json!({"type": "function_call", "call_id": "mine", "name": "look", "arguments": "sea"});
    script.client(json!({"type": "conversation.item.create", "item": call}));
    expect![[r#"
        > session.update
          error {"error":{"type":"invalid_request_error","code":"missing_required_parameter","message":"Missing required parameter: 'session.tools[0].name'.","param":"session.tools[0].name","event_id":null}}
        > session.update
          error {"error":{"type":"invalid_request_error","code":"invalid_value","message":"Invalid 'session.tools[0]': expected an object.","param":"session.tools[0]","event_id":null}}
        > session.update
          error {"error":{"type":"invalid_request_error","code":"invalid_value","message":"Invalid 'session.tools': expected functions of at most 32 KiB together.","param":"session.tools","event_id":null}}
        > session.update
          error {"error":{"type":"invalid_request_error","code":"invalid_value","message":"Invalid 'session.tool_choice': expected one of 'auto', 'required', 'none'.","param":"session.tool_choice","event_id":null}}
        > conversation.item.create
          error {"error":{"type":"invalid_request_error","code":"invalid_tool_call_id","message":"Tool call ID 'call_-1' not found in conversation.","param":null,"event_id":null}}
        > conversation.item.create
          error {"error":{"type":"invalid_request_error","code":"invalid_value","message":"Invalid 'item.arguments': expected a JSON object as text.","param":"item.arguments","event_id":null}}
    "#]].assert_eq(&script.trace());
}

#[test]
fn a_call_that_a_client_remembers_is_told_to_the_model_with_its_end() {
    let mut script = seaside();
    let call = json!({"type": "function_call", "call_id": "mine", "name": "look", "arguments": "{\"at\":\"sea\"}"});
    script.client(json!({"type": "conversation.item.create", "item": call}));
    script.client(output("mine")).client(json!({"type": "response.create"}));
    let trace = script.trace();
    assert!(
        trace.contains(r#"say "" for resp_-5, Some(""), may look, look({"at":"sea"}) = "waves""#),
        "{trace}"
    );
}

#[test]
fn an_answer_that_is_as_long_as_it_may_be_is_incomplete() {
    let mut script = seaside();
    script.ask("And at sea?").begin("t", Some("resp_-4"), "And at sea?").delta("t", "The sea");
    script.trace();
    script.cut_short("t", "The sea", 1);
    expect![[r#"
        > turn t is cut short
          response.output_text.done {"response_id":"resp_-4","item_id":"item_-5","output_index":0,"content_index":0,"text":"The sea"}
          response.content_part.done {"response_id":"resp_-4","item_id":"item_-5","output_index":0,"content_index":0,"part":{"type":"text","text":"The sea"}}
          conversation.item.done {"previous_item_id":"item_-3","item":["item_-5","assistant","incomplete",[{"type":"output_text","text":"The sea"}]]}
          response.output_item.done {"response_id":"resp_-4","output_index":0,"item":["item_-5","assistant","incomplete",[{"type":"output_text","text":"The sea"}]]}
          response.done {"response":["resp_-4","incomplete",{"type":"incomplete","reason":"max_output_tokens"},[{"id":"item_-5","object":"realtime.item","type":"message","status":"incomplete","role":"assistant","content":[{"type":"output_text","text":"The sea"}]}]]}
    "#]].assert_eq(&script.trace());
}
