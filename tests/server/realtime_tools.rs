//! A Realtime client's functions: what the model hears of them, and what the conversation does.

use serde_json::{Value, json};

use super::realtime::{ask, call, count, tell};
use crate::support::{
    scripted_ollama::{Pulled, Script, ScriptedOllama, Step},
    server::{Server, Socket},
};

/// A server whose model can call functions.
async fn able_server() -> (ScriptedOllama, Server) {
    let model = ScriptedOllama::start().await;
    model.pull([Pulled::named("qwen3:8b").able_to(&["completion", "tools"])]);
    let server = Server::start(&model).await;
    (model, server)
}

/// A session of conversation `c` with a function `look`.
async fn seaside(server: &Server) -> Socket {
    let mut socket = call(server, "?conversation_id=c", &[]).await;
    let parameters = json!({"type": "object", "properties": {"at": {"type": "string"}}});
    let tool = json!({"type": "function", "name": "look", "description": "Looks.", "parameters": parameters});
    let session = json!({"type": "realtime", "tools": [tool]});
    tell(&mut socket, json!({"type": "session.update", "session": session})).await;
    socket.until("session.updated").await;
    socket
}

async fn response(socket: &mut Socket) -> Vec<Value> {
    socket.take_until(|frame| frame["type"] == "response.done").await
}

/// The app has looked, and wants an answer.
async fn looked(socket: &mut Socket, call: &Value, output: &str) {
    let item =
        json!({"type": "function_call_output", "call_id": call["call_id"], "output": output});
    tell(socket, json!({"type": "conversation.item.create", "item": item})).await;
    tell(socket, json!({"type": "response.create"})).await;
}

/// What the model was shown last, without its instructions; one message a line.
fn shown(model: &ScriptedOllama) -> String {
    let chats = model.requests("/api/chat");
    let messages = chats.last().unwrap().body["messages"].as_array().unwrap().clone();
    messages[1..].iter().map(|message| format!("{message}\n")).collect()
}

#[tokio::test]
async fn a_call_is_made_and_answered_and_who_listens_with_the_tutor_is_not_disturbed() {
    let (model, server) = able_server().await;
    let mut tutor = server.join("c").await;
    let mut call = seaside(&server).await;
    let mut other = seaside(&server).await;
    model.script(Script::call("[curious] Let me see.", "look", &json!({"at": "sea"})));
    ask(&mut call, "What is it like at sea?").await;
    let told = response(&mut call).await;
    let output = &told.last().unwrap()["response"]["output"];
    assert_eq!(output[0]["content"][0]["transcript"], "Let me see.");
    assert_eq!(
        (&output[1]["name"], &output[1]["arguments"]),
        (&json!("look"), &json!("{\"at\":\"sea\"}"))
    );
    assert_eq!(count(&told, "response.function_call_arguments.done"), 1);

    model.say("[happy] There are waves.");
    looked(&mut call, &output[1], "{\"waves\": [2, 3]}").await;
    let told = response(&mut call).await;
    assert_eq!(
        told.last().unwrap()["response"]["output"][0]["content"][0]["transcript"],
        "There are waves."
    );
    assert_eq!(
        shown(&model),
        [
            r#"{"role":"user","content":"What is it like at sea?"}"#,
            r#"{"role":"assistant","content":"[curious] Let me see.","tool_calls":[{"function":{"name":"look","arguments":{"at":"sea"}}}]}"#,
            r#"{"role":"tool","content":"{\"waves\": [2, 3]}","tool_name":"look"}"#,
            "",
        ]
        .join("\n")
    );

    let turns = [tutor.turn().await, tutor.turn().await].concat();
    let texts: Vec<&Value> = turns
        .iter()
        .filter(|frame| frame["type"] == "conversation-complete")
        .map(|frame| &frame["data"]["text"])
        .collect();
    assert_eq!(texts, ["Let me see.", "There are waves."]);
    for unknown in ["conversation-stopped", "playback-stopped", "notice", "error"] {
        assert_eq!(count(&turns, unknown), 0, "{unknown}");
    }
    // Another client of the same conversation hears both answers, and calls nothing.
    let heard = [response(&mut other).await, response(&mut other).await].concat();
    assert!(!format!("{heard:?}").contains("function_call"), "{heard:?}");
}

#[tokio::test]
async fn calls_without_words_leave_nothing_in_the_history_but_what_was_said() {
    let (model, server) = able_server().await;
    let mut tutor = server.join("c").await;
    let mut call = seaside(&server).await;
    model.script(Script::call("", "look", &json!({"at": "sea"})));
    ask(&mut call, "What is it like at sea?").await;
    let told = response(&mut call).await;
    let output = told.last().unwrap()["response"]["output"].clone();
    assert_eq!(output.as_array().unwrap().len(), 1);
    let end = tutor.turn().await.pop().unwrap();
    assert_eq!((&end["data"]["text"], &end["data"]["chunks"]), (&json!(""), &json!(0)));

    model.say("[happy] There are waves.");
    looked(&mut call, &output[0], "waves").await;
    response(&mut call).await;
    let turn = tutor.turn().await.pop().unwrap()["data"]["turnId"].take();
    tutor.send("played", json!({"turnId": turn, "chunkIndex": 0, "ms": 60_000})).await;
    // A learner without functions of their own goes on, and the model still knows of the call.
    tutor.send("chat", json!({"message": "Lovely."})).await;
    tutor.turn().await;
    let lines: Vec<String> = shown(&model).lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 5, "{lines:?}");
    assert!(lines[1].contains("tool_calls") && lines[2].contains("waves"), "{lines:?}");
    let chats = model.requests("/api/chat");
    assert!(chats.last().unwrap().body.get("tools").is_none());
    let texts: Vec<Value> =
        server.messages("c").await.into_iter().map(|message| message["text"].clone()).collect();
    assert_eq!(texts, ["What is it like at sea?", "There are waves.", "Lovely.", "Ciao!"]);
}

#[tokio::test]
async fn words_survive_a_restart_that_calls_do_not() {
    let (model, server) = able_server().await;
    let mut call = seaside(&server).await;
    model.script(Script::call("[curious] Let me see.", "look", &json!({"at": "sea"})));
    ask(&mut call, "What is it like at sea?").await;
    let told = response(&mut call).await;
    model.say("[happy] There are waves.");
    looked(&mut call, &told.last().unwrap()["response"]["output"][1], "waves").await;
    response(&mut call).await;
    let server = server.restart().await;
    let mut call = seaside(&server).await;
    ask(&mut call, "Lovely.").await;
    response(&mut call).await;
    let shown = shown(&model);
    assert!(
        !shown.contains("tool_calls")
            && shown.contains("Let me see.")
            && shown.contains("There are waves."),
        "{shown}"
    );
}

#[tokio::test]
async fn a_model_that_cannot_call_answers_without_and_it_is_logged_once() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    let mut call = seaside(&server).await;
    for _ in 0..2 {
        ask(&mut call, "What is it like at sea?").await;
        let told = response(&mut call).await;
        assert_eq!(told.last().unwrap()["response"]["status"], "completed");
    }
    let log = std::fs::read_to_string(server.folder().join("log")).unwrap();
    assert_eq!(log.matches("answers without functions").count(), 1, "{log}");
}

#[tokio::test]
async fn an_answer_that_is_as_long_as_it_may_be_is_incomplete_wherever_it_is_asked_for() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    let mut call = call(&server, "", &[]).await;
    model.always(Script::say("[happy] The sea is calm. The sea is blue. The sea is deep."));
    for (limit, conversation, expected) in [
        (json!(6), "auto", "incomplete"),
        (json!("inf"), "auto", "completed"),
        (json!(6), "none", "incomplete"),
        (json!(4096), "none", "completed"),
    ] {
        let item = json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Speak of it."}]});
        let wanted =
            json!({"max_output_tokens": limit, "conversation": conversation, "input": [item]});
        tell(&mut call, json!({"type": "response.create", "response": wanted})).await;
        let response = response(&mut call).await.pop().unwrap()["response"].take();
        assert_eq!(response["status"], expected, "{response}");
        let content = &response["output"][0]["content"][0];
        let text = content["transcript"].as_str().or(content["text"].as_str()).unwrap();
        assert!(text.starts_with("The sea is calm."), "{text}");
        let asked =
            model.requests("/api/chat").last().unwrap().body["options"]["num_predict"].clone();
        assert_eq!(asked, limit.as_u64().unwrap_or(4096));
        if expected == "incomplete" {
            let details = json!({"type": "incomplete", "reason": "max_output_tokens"});
            assert_eq!(response["status_details"], details);
            assert_eq!(response["output"][0]["status"], "incomplete");
        }
    }
}

#[tokio::test]
async fn a_call_in_a_cut_off_answer_is_never_made() {
    let (model, server) = able_server().await;
    let mut call = seaside(&server).await;
    let arguments = json!({"at": "sea"});
    model.script(Script::call_then("[curious] Let me see.", ("look", &arguments), Step::Cut));
    ask(&mut call, "What is it like at sea?").await;
    let told = response(&mut call).await;
    assert_eq!(told.last().unwrap()["response"]["status"], "failed");
    assert_eq!(count(&told, "response.function_call_arguments.done"), 0);
}
