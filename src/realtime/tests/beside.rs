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
    script.input(Input::WrittenOut { response, outcome: Ok(None) });
    expect![[r#"
        > response.create
          response.created {"response":["resp_-4","in_progress",null,[]]}
          rate_limits.updated {}
          Ask { response: "resp_-4", system: "Is it a yes?", messages: [ChatMessage { role: User, text: "sí", lesson: LessonKey { language: en, level: A1, scenario: None } }] }
          response.output_item.added {"response_id":"resp_-4","output_index":0,"item":["item_-5","assistant","in_progress",[]]}
          response.content_part.added {"response_id":"resp_-4","item_id":"item_-5","output_index":0,"content_index":0,"part":{"type":"text","text":""}}
          response.output_text.delta {"response_id":"resp_-4","item_id":"item_-5","output_index":0,"content_index":0,"delta":"Yes"}
          response.output_text.done {"response_id":"resp_-4","item_id":"item_-5","output_index":0,"content_index":0,"text":"Yes"}
          response.content_part.done {"response_id":"resp_-4","item_id":"item_-5","output_index":0,"content_index":0,"part":{"type":"text","text":"Yes"}}
          response.output_item.done {"response_id":"resp_-4","output_index":0,"item":["item_-5","assistant","completed",[{"type":"output_text","text":"Yes"}]]}
          response.done {"response":["resp_-4","completed",null,[{"id":"item_-5","object":"realtime.item","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Yes"}]}]]}
    "#]].assert_eq(&script.trace());
}
