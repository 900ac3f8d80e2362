//! Callers that vanish in the middle of a sentence: no goodbye, their packets just stop. What the server held for them
//! must be given back. `PARLA_TEST_CALLS` says how many there are.

use std::{
    io::Write,
    time::{Duration, Instant},
};

use anyhow::Context;
use futures_util::{StreamExt, TryStreamExt, stream};
use reqwest::Client;
use serde_json::json;
use tokio::time::sleep;

use crate::support::{
    caller::Caller,
    dice::given,
    scripted_ollama::{Script, ScriptedOllama},
    scripted_voice::{self, ScriptedVoice},
    server::{Server, Setup},
};

/// Callers that the server knows before it is looked at: by then all is warm.
const FIRST: u64 = 20;
const AT_ONCE: usize = 10;
/// How long each is on the line.
const CALL: Duration = Duration::from_secs(1);
/// Until the last one is given up.
const PATIENCE: Duration = Duration::from_secs(90);
/// Longer than a conversation stays awake that nobody listens to, and then between two counts of the server's tasks.
const ASLEEP: Duration = Duration::from_secs(165);
/// What may be more afterwards: KiB of memory, open files, threads, tasks.
const SLACK: [(&str, i64); 4] = [("memory", 24 * 1024), ("files", 8), ("threads", 4), ("tasks", 4)];
const VANISHED: &str = r#"parla_calls_ended_total{ending="vanished"}"#;
const STORY: &str = "This is a long story that nobody hears to its end. ";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the server is patient with callers: scripts/faults calls"]
async fn callers_that_vanish_leave_nothing_behind() {
    let model = ScriptedOllama::start().await;
    model.always(Script::say(&STORY.repeat(10)));
    let voice = ScriptedVoice::start(scripted_voice::Script::default()).await.unwrap();
    let server = Setup::new(&model).voice(&voice, "scripted");
    let server = server.environment("PARLA_LOG", "error,parla::app=debug").start().await;
    let count = given("PARLA_TEST_CALLS").unwrap_or(500);
    vanish(&server, FIRST).await;
    let before = held(&server).await;
    vanish(&server, count).await;
    let after = held(&server).await;
    drop(writeln!(std::io::stderr(), "{count} calls vanished: {before:?} and then {after:?}"));
    for (place, (what, slack)) in SLACK.into_iter().enumerate() {
        let (before, after) = (before[place], after[place]);
        assert!(after <= before + slack, "{what} grew from {before} to {after}");
    }
}

/// That many call, hear the tutor and are never heard of again, until the server has given all of them up.
async fn vanish(server: &Server, count: u64) {
    // No connection is used again: one may just be closing.
    let http = Client::builder().pool_max_idle_per_host(0).build().unwrap();
    let gone = server.metrics().await.value(VANISHED);
    let calls = stream::iter(0..count).map(|_| call(&http, server)).buffer_unordered(AT_ONCE);
    // Their ports stay taken, so that no later caller gets what is still sent to them.
    let _vanished: Vec<Caller> = calls.try_collect().await.unwrap();
    let began = Instant::now();
    while server.metrics().await.value("parla_calls") > 0.0 {
        assert!(began.elapsed() < PATIENCE, "calls go on without callers");
        sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(server.metrics().await.value(VANISHED) - gone, count as f64);
}

async fn call(http: &Client, server: &Server) -> anyhow::Result<Caller> {
    let mut caller = Caller::call(http, server.authority().parse()?).await?;
    let content = json!([{"type": "input_text", "text": "Tell me a story."}]);
    let item = json!({"type": "message", "role": "user", "content": content});
    caller.send(&json!({"type": "conversation.item.create", "item": item}))?;
    caller.send(&json!({"type": "response.create"}))?;
    caller.stay(CALL).await?;
    caller.heard.last().context("nothing was heard")?;
    Ok(caller)
}

/// In the order of [`SLACK`].
async fn held(server: &Server) -> [i64; 4] {
    sleep(ASLEEP).await;
    let tasks = server.tasks().last().copied().unwrap_or_default();
    [server.memory_kib().await, server.held("fd"), server.held("task"), tasks]
}
