//! Functions of an app, told to Ollama and called by it.

use expect_test::expect;
use parla::{
    domain::{Tool, ToolCall, ToolResult},
    providers::{ChatModel, ChatRequest},
};
use serde_json::{Map, Value, json};

use crate::support::{
    exchange::{CIAO, ollama, request, trace},
    scripted_ollama::{Pulled, Script, ScriptedOllama},
};

/// With a function to call, and what came of an earlier call.
fn with_tools() -> ChatRequest {
    let parameters = Map::from_iter([
        ("type".to_owned(), json!("object")),
        ("properties".to_owned(), json!({"at": {"type": "string"}})),
        ("required".to_owned(), json!(["at"])),
    ]);
    let name = || "look".to_owned();
    let tool = Tool { name: name(), description: "Looks.".to_owned(), parameters };
    let arguments = Map::from_iter([("at".to_owned(), json!("sea"))]);
    let call = ToolCall { name: name(), arguments };
    let mut request = ChatRequest { tools: vec![tool], ..request() };
    request.messages[1].results = vec![ToolResult { call, output: "waves".to_owned() }];
    request
}

#[tokio::test]
async fn tools_calls_and_their_ends_are_told_as_ollama_reads_them() {
    let server = ScriptedOllama::start().await;
    server.pull([Pulled::named("qwen3:8b").able_to(&["completion", "tools"])]);
    server.script(Script::call("Let me see. ", "look", &json!({"at": "beach"})));
    let answer = trace(ollama(&server.base_url(), None).reply(with_tools())).await;
    assert_eq!(answer, "Let me see. (call look {\"at\":\"beach\"})\n\n(done Some((26, 3)))\n");
    let body = &server.requests("/api/chat")[0].body;
    let told = [&body["messages"], &body["tools"]].into_iter().filter_map(Value::as_array);
    let told: String = told.flatten().map(|one| format!("{one}\n")).collect();
    expect![[r#"
        {"role":"system","content":"You are a tutor."}
        {"role":"user","content":"Hola"}
        {"role":"assistant","content":"¡Hola!","tool_calls":[{"function":{"name":"look","arguments":{"at":"sea"}}}]}
        {"role":"tool","content":"waves","tool_name":"look"}
        {"role":"user","content":"¿Qué tal?"}
        {"type":"function","function":{"name":"look","description":"Looks.","parameters":{"type":"object","properties":{"at":{"type":"string"}},"required":["at"]}}}
    "#]].assert_eq(&told);
}

#[tokio::test]
async fn a_model_that_cannot_call_is_asked_once_more_and_remembered() {
    let server = ScriptedOllama::start().await;
    let ollama = ollama(&server.base_url(), None);
    assert_eq!(trace(ollama.reply(with_tools())).await, CIAO);
    ollama.check().await.unwrap();
    assert_eq!(trace(ollama.reply(with_tools())).await, CIAO);
    assert_eq!(offers(&server), [true, false, false]);
}

#[tokio::test]
async fn tools_that_ollama_cannot_read_are_left_out_of_that_answer_only() {
    let server = ScriptedOllama::start().await;
    server.pull([Pulled::named("qwen3:8b").able_to(&["completion", "tools"])]);
    let ollama = ollama(&server.base_url(), None);
    let mut unreadable = with_tools();
    unreadable.tools[0].parameters.insert("required".to_owned(), json!("at"));
    assert_eq!(trace(ollama.reply(unreadable)).await, CIAO);
    assert_eq!(trace(ollama.reply(with_tools())).await, CIAO);
    assert_eq!(offers(&server), [true, false, true]);
}

/// Whether each question so far came with tools.
fn offers(server: &ScriptedOllama) -> Vec<bool> {
    let chats = server.requests("/api/chat");
    chats.iter().map(|chat| chat.body.get("tools").is_some()).collect()
}
