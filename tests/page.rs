//! The page in a real Chromium against the real server; only the model is played. What is expected stands in
//! `tests/browser/`.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support {
    pub mod scripted_ollama;
}

use std::{
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::Value;
use support::scripted_ollama::{Script, ScriptedOllama};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Child,
};

/// The model takes its time for the first word, as a real one does.
const FIRST_WORD: Duration = Duration::from_millis(50);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_learner_in_a_browser_reads_hears_and_loses_nothing() {
    let model = ScriptedOllama::start().await;
    for scene in scenes() {
        let said = |name: &str| scene[name].as_str().unwrap().to_owned();
        let delay = Duration::from_millis(scene["pieceDelayMs"].as_u64().unwrap());
        model.scene(&said("learner"), Script::say(&said("model")).paced(FIRST_WORD, delay));
    }
    let (_server, _folder, url) = start("ollama", &model.base_url()).await;
    let (_lessons, _folder_of_lessons, lessons) = start("practice", "127.0.0.1:9").await;
    let passed = tokio::task::spawn_blocking(move || browser_tests(&url, &lessons)).await.unwrap();
    assert!(passed, "the browser tests have failed; their output stands above");
}

/// A server in a folder of its own, and its address.
async fn start(model: &str, ollama: &str) -> (Child, TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let mut server = tokio::process::Command::new(env!("CARGO_BIN_EXE_parla"))
        .args(["serve", "--listen", "127.0.0.1:0", "--model", model])
        .current_dir(folder.path())
        .env("OLLAMA_HOST", ollama)
        .env("PARLA_STT", "pocketsphinx")
        .env("PARLA_MANAGEMENT_LISTEN", "off")
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let line = lines.next_line().await.unwrap().unwrap();
    let url = line.strip_prefix("parla is listening: ").unwrap().to_owned();
    (server, folder, url)
}

fn scenes() -> Vec<Value> {
    let file: Value = serde_json::from_str(include_str!("browser/scenes.json")).unwrap();
    file["scenes"].as_object().unwrap().values().cloned().collect()
}

/// Chromium and the two packages are there when `scripts/test` has run once.
fn browser_tests(url: &str, lessons: &str) -> bool {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    let mut tests = Command::new("npm");
    tests.args(["test", "--silent"]).current_dir(folder).env("PARLA_URL", url);
    tests.env("PARLA_LESSONS_URL", lessons);
    tests.status().unwrap().success()
}
