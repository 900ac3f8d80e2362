//! Clients that others have made against the real server, OpenAI's, Deepgram's and a second WebRTC: what they make of its
//! wires stands in `tests/sdk/`.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

// The formatter looks for modules of this file in the folder of its name: hence the path.
#[path = "support"]
mod support {
    pub mod serving;
}

use std::{path::Path, time::Duration};

use support::serving::Serving;
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

/// Chromium calls in `tests/server/calls.rs`; this is another implementation of WebRTC.
#[tokio::test]
async fn aiortc_calls_is_understood_and_hears() {
    run("venv/bin/python", "call_client.py", "pocketsphinx").await;
}

/// The clients are there when `scripts/test` has run once.
async fn run(program: &str, script: &str, ears: &str) {
    let server = Serving::start("practice", &[("PARLA_STT", ears)]).await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk");
    let program = if program.contains('/') { folder.join(program) } else { program.into() };
    let mut client = Command::new(program);
    client.arg(script).current_dir(folder).env("PARLA_URL", &server.url).kill_on_drop(true);
    let status = timeout(PATIENCE, client.status()).await.expect("the client comes to an end");
    assert!(status.unwrap().success(), "the client's complaint stands above");
}
