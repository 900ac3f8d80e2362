//! What an operator sees: metrics, their documents, health. The numbers are those of turns that were really made.

use std::{collections::BTreeSet, time::Duration};

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    scripted_ollama::{Script, ScriptedOllama},
    scripted_voice::{Fault, Script as VoiceScript, ScriptedVoice, When},
    server::{Answer, Metrics, Server, Setup},
};

const DOCUMENT: &str = include_str!("../../docs/OPERATING.md");
const DASHBOARD: &str = include_str!("../../docs/grafana.json");

/// The metrics once a series has reached the value; what is counted behind an answer takes a moment.
async fn metrics_with(server: &Server, series: &str, value: f64) -> Metrics {
    let reached = async {
        loop {
            let metrics = server.metrics().await;
            if metrics.value(series) >= value {
                return metrics;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let patience = Duration::from_secs(10);
    tokio::time::timeout(patience, reached)
        .await
        .unwrap_or_else(|_| panic!("{series} stays below {value}"))
}

#[tokio::test]
async fn a_turn_is_seen_in_the_metrics() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    let mut socket = server.join("c").await;
    model.say("This is one sentence. Here is another one.");
    socket.send("chat", json!({"message": "Hello", "stream": true})).await;
    let frames = socket.turn().await;
    let metrics = metrics_with(&server, "parla_storage_write_seconds_count", 2.0).await;
    let once = [
        r#"parla_connections{dialect="tutor",carrier="socket"}"#,
        r#"parla_connections_opened_total{dialect="tutor",carrier="socket"}"#,
        r#"parla_messages_received_total{type="chat"}"#,
        r#"parla_messages_sent_total{type="conversation-complete"}"#,
        r#"parla_http_requests_total{route="/ws",status="101"}"#,
        r#"parla_turns_total{outcome="complete"}"#,
        "parla_turn_first_token_seconds_count",
        "parla_turn_first_chunk_seconds_count",
        "parla_turn_first_audio_seconds_count",
        "parla_turn_seconds_count",
        "parla_conversations_awake",
        r#"parla_speech_slots{engine="espeak"}"#,
    ];
    for series in once {
        assert!((metrics.value(series) - 1.0).abs() < f64::EPSILON, "{series}: {}", metrics.0);
    }
    let updates = frames.iter().filter(|frame| frame["type"] == "chunk-update").count();
    let sent = metrics.value(r#"parla_messages_sent_total{type="chunk-update"}"#);
    assert!((sent - updates as f64).abs() < f64::EPSILON, "{sent} of {updates}");
    for series in [
        r#"parla_speech_wait_seconds_count{engine="espeak"}"#,
        r#"parla_speech_synthesis_seconds_count{engine="espeak"}"#,
        r#"parla_audio_cache_lookups_total{found="nowhere"}"#,
    ] {
        assert!((metrics.value(series) - 2.0).abs() < f64::EPSILON, "{series}: {}", metrics.0);
    }
    assert!(metrics.value(r#"parla_audio_cache_bytes{place="memory"}"#) > 10_000.0);
    assert!(metrics.value("process_resident_memory_bytes") > 1e6);
    assert!(metrics.value("process_open_fds") > 5.0);
    assert!(metrics.value("parla_panics_total").abs() < f64::EPSILON);
    drop(socket);
    let gone = r#"parla_socket_closes_total{code="gone"}"#;
    let metrics = metrics_with(&server, gone, 1.0).await;
    assert!(metrics.value(once[0]).abs() < f64::EPSILON, "{}", metrics.0);
}

#[tokio::test]
async fn a_stream_of_events_counts_as_open_until_its_reader_has_gone() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    let mut events = server.event_stream("/api/v1/conversations/c/events", None).await;
    events.until("connected").await;
    server.say("c", "Hello").await;
    events.until("conversation-complete").await;
    let sent = r#"parla_messages_sent_total{type="conversation-complete"}"#;
    let open = r#"parla_connections{dialect="tutor",carrier="events"}"#;
    assert!((metrics_with(&server, sent, 1.0).await.value(open) - 1.0).abs() < f64::EPSILON);
    drop(events);
    while server.metrics().await.value(open) > 0.0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// With an ear that nobody speaks to.
fn hearing(setup: Setup) -> Setup {
    setup.environment("PARLA_STT", "deepgram").environment("DEEPGRAM_API_KEY", "key")
}

/// A server in which everything that is counted has happened.
async fn busy_server(model: &ScriptedOllama, voice: &ScriptedVoice) -> Server {
    let setup = Setup::new(model).voice(voice, "scripted,espeak");
    let server = hearing(setup).start().await;
    server.chat(json!({"message": "Hello"})).await;
    model.script(Script::refusal(403, &[], "not for you"));
    server.chat(json!({"message": "Hello"})).await;
    let mut socket = server.join("canary-conversation").await;
    socket.send("canary-type", json!({})).await;
    socket.until("error").await;
    socket.send("canary-type", json!({"canary-field": "canary"})).await;
    socket.until("error").await;
    server.get("/canary-path").await;
    server.get("/api/v1/conversations/canary-name/messages?limit=canary").await;
    let request = server.request(Method::GET, "/").header("origin", "https://canary.example");
    Answer::of(request).await;
    server
}

#[tokio::test]
async fn every_metric_is_documented_and_no_label_is_a_clients_word() {
    let (model, voice) = (ScriptedOllama::start().await, broken_voice().await);
    let metrics = busy_server(&model, &voice).await.metrics().await;
    let told: BTreeSet<String> = metrics.names().into_iter().collect();
    let (_, section) = DOCUMENT.split_once("\n## Metrics\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    let documented: BTreeSet<String> =
        rows.map(|row| row.split('`').next().unwrap().to_owned()).collect();
    assert_eq!(told, documented);
    assert!(!metrics.0.contains("canary"), "{}", metrics.0);
    let refused = r#"parla_refusals_total{code="unknown_type"}"#;
    assert!((metrics.value(refused) - 2.0).abs() < f64::EPSILON, "{}", metrics.0);
    for series in [
        r#"parla_refusals_total{code="origin_refused"}"#,
        r#"parla_http_requests_total{route="other",status="404"}"#,
        r#"parla_turn_failures_total{code="llm_rejected"}"#,
        r#"parla_speech_failures_total{engine="scripted"}"#,
    ] {
        assert!(metrics.value(series) > 0.0, "{series}: {}", metrics.0);
    }
}

#[tokio::test]
async fn the_dashboard_asks_for_metrics_that_there_are() {
    let (model, voice) = (ScriptedOllama::start().await, broken_voice().await);
    let told = busy_server(&model, &voice).await.metrics().await.names();
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let mut asked = BTreeSet::new();
    for query in targets.map(|target| target["expr"].as_str().unwrap()) {
        let words = query.split(|char: char| !char.is_alphanumeric() && char != '_');
        asked.extend(
            words.filter(|word| word.starts_with("parla_") || word.starts_with("process_")),
        );
    }
    assert!(asked.len() > 20, "the queries were not found");
    for name in asked {
        let of_histogram = name.strip_suffix("_bucket").or_else(|| name.strip_suffix("_sum"));
        let is_told = |name: &str| told.iter().any(|told| told == name);
        assert!(is_told(name) || of_histogram.is_some_and(is_told), "{name} is not in /metrics");
    }
}

async fn broken_voice() -> ScriptedVoice {
    let faults = vec![(When::Always, Fault::Status(500))];
    ScriptedVoice::start(VoiceScript { faults, ..VoiceScript::default() }).await.unwrap()
}

#[tokio::test]
async fn away_from_loopback_metrics_want_a_key_that_learners_do_not_have() {
    let model = ScriptedOllama::start().await;
    let setup = Setup::new(&model).environment("PARLA_MANAGEMENT_LISTEN", "0.0.0.0:0");
    let server = setup.environment("PARLA_LISTEN", "0.0.0.0:0").start().await;
    let (_, key) = server.operators();
    assert_ne!(key.unwrap(), server.key());
    for (token, status) in [(None, 401), (Some(server.key()), 401), (key, 200)] {
        assert_eq!(server.ask_operators("/metrics", token).await.status, status);
    }
    assert_eq!(server.ask_operators("/healthz", None).await.status, 200);
    assert_eq!(server.ask_operators("/readyz", None).await.status, 200);
    assert_eq!(server.ask_operators("/api/v1/models", key).await.status, 404);
    let learner = server.request(Method::GET, "/api/v1/models").bearer_auth(key.unwrap());
    assert_eq!(Answer::of(learner).await.status, 401);
}

#[tokio::test]
async fn a_second_server_starts_though_the_operators_port_is_taken() {
    let model = ScriptedOllama::start().await;
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    // The other address tells the test that all have been tried.
    let setup =
        Setup::new(&model).environment("PARLA_MANAGEMENT_LISTEN", format!("{address},127.0.0.1:0"));
    let server = setup.start().await;
    assert_eq!(server.get("/healthz").await.status, 200);
    let log = std::fs::read_to_string(server.folder().join("log")).unwrap();
    assert!(log.contains(&format!("no metrics at {address}")), "{log}");
}

#[tokio::test]
async fn readiness_names_every_dependency_and_needs_only_what_a_turn_needs() {
    let model = ScriptedOllama::start().await;
    let setup = Setup::new(&model).environment("PARLA_AUDIO_CACHE", "in-the-way/cache");
    std::fs::write(setup.folder().join("in-the-way"), "no folder").unwrap();
    let server = setup.start().await;
    server.chat(json!({"message": "Hello"})).await;
    let ready = server.ask_operators("/readyz", None).await;
    let told = ready.json();
    assert_eq!(ready.status, 200, "{told}");
    let health = ["model", "storage", "audioCache"].map(|name| told[name]["ok"].clone());
    assert_eq!(health, [true, true, false].map(Value::from), "{told}");
    assert!(told["audioCache"]["reason"].as_str().unwrap().contains("directory"), "{told}");
    assert!(told["storage"]["ms"].is_u64() && told["voices"][0]["ok"] == true, "{told}");
    model.stop().await;
    let ready = server.ask_operators("/readyz", None).await;
    assert_eq!((ready.status, ready.json()["model"]["ok"].clone()), (503, json!(false)));
    assert_eq!(server.ask_operators("/healthz", None).await.status, 200);
}

#[tokio::test]
async fn the_ears_are_named_where_the_server_says_that_it_is_ready() {
    let model = ScriptedOllama::start().await;
    let server = hearing(Setup::new(&model)).start().await;
    let told = server.get("/readyz").await.json();
    assert_eq!(told["ears"], json!([{"name": "deepgram", "ok": true, "reason": null}]));
}
