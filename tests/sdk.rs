//! Clients that others have made against the real server, OpenAI's, Deepgram's and a second WebRTC: what they make of its
//! wires stands in `tests/sdk/`.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

// The formatter looks for modules of this file in the folder of its name: hence the path.
#[path = "support"]
mod support {
    pub mod scripted_ollama;
    pub mod serving;
}

use std::{path::Path, time::Duration};

use serde_json::json;
use support::{
    scripted_ollama::{Pulled, Request, Script, ScriptedOllama},
    serving::Serving,
};
use tokio::{process::Command, time::timeout};

/// Longer than any client takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// The Python client, with the versions of `tests/sdk/requirements.txt`.
#[tokio::test]
async fn openais_python_client_holds_a_conversation() {
    run("venv/bin/python", "openai_client.py", "none").await;
}

#[tokio::test]
async fn openais_agents_kit_holds_a_conversation() {
    run("node", "agents_client.js", "none").await;
}

#[tokio::test]
async fn deepgrams_python_client_hears() {
    run("venv/bin/python", "deepgram_client.py", "pocketsphinx").await;
}

#[tokio::test]
async fn deepgrams_kit_hears() {
    run("node", "deepgram_client.js", "pocketsphinx").await;
}

#[tokio::test]
async fn openais_python_client_has_its_functions_called() {
    have_functions_called("venv/bin/python", "openai_tools.py").await;
}

#[tokio::test]
async fn openais_agents_kit_has_its_functions_called() {
    have_functions_called("node", "agents_tools.js").await;
}

/// Chromium calls in `tests/server/calls.rs`; this is another implementation of WebRTC.
#[tokio::test]
async fn aiortc_calls_is_understood_and_hears() {
    run("venv/bin/python", "call_client.py", "pocketsphinx").await;
}

/// A model that calls a function, and is told what came of it.
async fn have_functions_called(program: &str, script: &str) {
    let model = ScriptedOllama::start().await;
    model.pull([Pulled::named("qwen3:8b").able_to(&["completion", "tools"])]);
    let call = Script::call("[curious] Let me see.", "look", &json!({"at": "sea"}));
    model.scene("What is it like at sea?", call);
    model.scene("waves of two metres", Script::say("[happy] There are waves."));
    model.always(Script::say("[happy] Goodbye!"));
    model.scene("Tell me of the sea.", Script::say(&"[calm] The sea is wide. ".repeat(9)));
    let environment = [("OLLAMA_HOST", model.base_url()), ("PARLA_STT", "none".to_owned())];
    let environment = environment.each_ref().map(|(name, value)| (*name, value.as_str()));
    let server = Serving::start("ollama", &environment).await;
    run_against(&server, program, script).await;
    let asked = model.requests("/api/chat");
    assert!(asked.iter().any(|chat| chat.body["tools"][0]["function"]["name"] == "look"));
    let is_answered = |chat: &Request| {
        let messages = chat.body["messages"].as_array().unwrap();
        messages.windows(2).any(|pair| {
            pair[0]["tool_calls"][0]["function"]["arguments"]["at"] == "sea"
                && pair[1]["role"] == "tool"
        })
    };
    assert!(asked.iter().any(is_answered), "{asked:?}");
}

async fn run(program: &str, script: &str, ears: &str) {
    let server = Serving::start("practice", &[("PARLA_STT", ears)]).await;
    run_against(&server, program, script).await;
}

/// The clients are there when `scripts/test` has run once.
async fn run_against(server: &Serving, program: &str, script: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk");
    let program = if program.contains('/') { folder.join(program) } else { program.into() };
    let mut client = Command::new(program);
    client.arg(script).current_dir(folder).env("PARLA_URL", &server.url).kill_on_drop(true);
    let status = timeout(PATIENCE, client.status()).await.expect("the client comes to an end");
    assert!(status.unwrap().success(), "the client's complaint stands above");
}
