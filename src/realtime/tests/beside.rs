//! Responses beside the conversation.

use expect_test::expect;

use super::*;

#[test]
fn the_model_is_asked_and_the_conversation_hears_nothing_of_it() {
    let mut script = Script::new();
    let input = json!([{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "sí"}]}]);
    let response = json!({
        "conversation": "none", "instructions": "Is it a yes?", "output_modalities": ["text"],
        "metadata": {"topic": "mood"}, "input": input,
    });
    script.client(json!({"type": "response.create", "response": response}));
    let response = "resp_-4".to_owned();
    script.input(Input::Written { response: response.clone(), text: "Yes".into() });
    script.input(Input::WrittenOut { response, outcome: Ok(Ending::default()) });
    expect![[r#"
        > response.create
          response.created {"response":["resp_-4","in_progress",null,[]]}
          rate_limits.updated {}
          Ask { response: "resp_-4", request: ChatRequest { model: None, system: "Is it a yes?", messages: [ChatMessage { role: User, text: "sí", lesson: LessonKey { language: en, level: A1, scenario: None }, results: [] }], lesson: LessonKey { language: en, level: A1, scenario: None }, tools: [], max_tokens: None } }
          response.output_item.added {"response_id":"resp_-4","output_index":0,"item":["item_-5","assistant","in_progress",[]]}
          response.content_part.added {"response_id":"resp_-4","item_id":"item_-5","output_index":0,"content_index":0,"part":{"type":"text","text":""}}
          response.output_text.delta {"response_id":"resp_-4","item_id":"item_-5","output_index":0,"content_index":0,"delta":"Yes"}
          response.output_text.done {"response_id":"resp_-4","item_id":"item_-5","output_index":0,"content_index":0,"text":"Yes"}
          response.content_part.done {"response_id":"resp_-4","item_id":"item_-5","output_index":0,"content_index":0,"part":{"type":"text","text":"Yes"}}
          response.output_item.done {"response_id":"resp_-4","output_index":0,"item":["item_-5","assistant","completed",[{"type":"output_text","text":"Yes"}]]}
          response.done {"response":["resp_-4","completed",null,[{"id":"item_-5","object":"realtime.item","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Yes"}]}]]}
    "#]].assert_eq(&script.trace());
}

#[test]
fn neither_tags_nor_corrections_are_shown_beside_the_conversation() {
    let mut script = Script::new();
    let response =
        json!({"conversation": "none", "instructions": "Praise.", "max_output_tokens": 9});
    script.client(json!({"type": "response.create", "response": response}));
    for text in ["[hap", "py] Well", " done! [fix: I goed -> I went | past]", " [pause:400] Go on"]
    {
        script.input(Input::Written { response: "resp_-3".into(), text: text.into() });
    }
    let ending = Ending { usage: None, cut_short: true };
    script.input(Input::WrittenOut { response: "resp_-3".into(), outcome: Ok(ending) });
    expect![[r#"
        > response.create
          response.created {"response":["resp_-3","in_progress",null,[]]}
          rate_limits.updated {}
          Ask { response: "resp_-3", request: ChatRequest { model: None, system: "Praise.", messages: [], lesson: LessonKey { language: en, level: A1, scenario: None }, tools: [], max_tokens: Some(9) } }
          response.output_item.added {"response_id":"resp_-3","output_index":0,"item":["item_-4","assistant","in_progress",[]]}
          response.content_part.added {"response_id":"resp_-3","item_id":"item_-4","output_index":0,"content_index":0,"part":{"type":"text","text":""}}
          response.output_text.delta {"response_id":"resp_-3","item_id":"item_-4","output_index":0,"content_index":0,"delta":"Well"}
          response.output_text.delta {"response_id":"resp_-3","item_id":"item_-4","output_index":0,"content_index":0,"delta":" done!"}
          response.output_text.delta {"response_id":"resp_-3","item_id":"item_-4","output_index":0,"content_index":0,"delta":" Go on"}
          response.output_text.done {"response_id":"resp_-3","item_id":"item_-4","output_index":0,"content_index":0,"text":"Well done! Go on"}
          response.content_part.done {"response_id":"resp_-3","item_id":"item_-4","output_index":0,"content_index":0,"part":{"type":"text","text":"Well done! Go on"}}
          response.output_item.done {"response_id":"resp_-3","output_index":0,"item":["item_-4","assistant","incomplete",[{"type":"output_text","text":"Well done! Go on"}]]}
          response.done {"response":["resp_-3","incomplete",{"type":"incomplete","reason":"max_output_tokens"},[{"id":"item_-4","object":"realtime.item","type":"message","status":"incomplete","role":"assistant","content":[{"type":"output_text","text":"Well done! Go on"}]}]]}
    "#]].assert_eq(&script.trace());
}

#[test]
fn an_answer_of_another_shape_stays_as_it_is() {
    for written in [r#"{"topic": "sea", "sure": true}"#, "[\"sea\", 1]", "*wet*, a < b"] {
        let mut script = Script::new();
        let response = json!({"conversation": "none", "instructions": "In JSON."});
        script.client(json!({"type": "response.create", "response": response}));
        for text in written.split_inclusive(' ') {
            script.input(Input::Written { response: "resp_-3".into(), text: text.into() });
        }
        let outcome = Ok(Ending::default());
        script.input(Input::WrittenOut { response: "resp_-3".into(), outcome });
        let whole = format!("{}", json!([{"type": "output_text", "text": written}]));
        let trace = script.trace();
        assert!(trace.contains(&whole), "{trace}");
    }
}

#[test]
fn a_model_beside_the_conversation_calls_functions_too() {
    let mut script = Script::new();
    let tools = json!([{"type": "function", "name": "look"}]);
    let item = json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": "And at sea?"}]});
    let call = json!({"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"});
    let output = json!({"type": "function_call_output", "call_id": "c", "output": "waves"});
    let response = json!({"conversation": "none", "tools": tools, "input": [item, call, output]});
    script.client(json!({"type": "response.create", "response": response}));
    let call = ToolCall { name: "look".into(), arguments: Map::new() };
    script.input(Input::Called { response: "resp_-6".into(), call });
    let outcome = Ok(Ending::default());
    script.input(Input::WrittenOut { response: "resp_-6".into(), outcome });
    expect![[r#"
        > response.create
          response.created {"response":["resp_-6","in_progress",null,[]]}
          rate_limits.updated {}
          Ask { response: "resp_-6", request: ChatRequest { model: None, system: "", messages: [ChatMessage { role: User, text: "And at sea?", lesson: LessonKey { language: en, level: A1, scenario: None }, results: [] }, ChatMessage { role: Assistant, text: "", lesson: LessonKey { language: en, level: A1, scenario: None }, results: [ToolResult { call: ToolCall { name: "look", arguments: {} }, output: "waves" }] }], lesson: LessonKey { language: en, level: A1, scenario: None }, tools: [Tool { name: "look", description: "", parameters: {"type": String("object")} }], max_tokens: None } }
          response.output_item.added {"response_id":"resp_-6","output_index":0,"item":["item_-8","call_-9","look","in_progress",""]}
          response.function_call_arguments.delta {"response_id":"resp_-6","item_id":"item_-8","output_index":0,"call_id":"call_-9","delta":"{}"}
          response.function_call_arguments.done {"response_id":"resp_-6","item_id":"item_-8","output_index":0,"call_id":"call_-9","arguments":"{}","name":"look"}
          response.output_item.done {"response_id":"resp_-6","output_index":0,"item":["item_-8","call_-9","look","completed","{}"]}
          response.done {"response":["resp_-6","completed",null,[{"id":"item_-8","object":"realtime.item","type":"function_call","status":"completed","call_id":"call_-9","name":"look","arguments":"{}"}]]}
    "#]].assert_eq(&script.trace());
}
