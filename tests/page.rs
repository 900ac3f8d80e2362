//! The page in a real Chromium against the real server; only the model is played. What is expected stands in
//! `tests/browser/`.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support {
    pub mod scripted_ollama;
    pub mod serving;
}

use std::{path::Path, process::Command, time::Duration};

use serde_json::Value;
use support::{
    scripted_ollama::{Script, ScriptedOllama},
    serving::Serving,
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
    let ears = ("PARLA_STT", "pocketsphinx");
    let server = Serving::start("ollama", &[("OLLAMA_HOST", &model.base_url()), ears]).await;
    let lessons = Serving::start("practice", &[ears]).await;
    let (url, lessons_url) = (server.url.clone(), lessons.url.clone());
    let testing = tokio::task::spawn_blocking(move || browser_tests(&url, &lessons_url));
    let passed = testing.await.unwrap();
    assert!(passed, "the browser tests have failed; their output stands above");
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
