//! Keys and tokens go where they belong and nowhere else, whatever fails. Canaries stand for them, and all that leaves
//! the server is searched.

use std::{path::Path, process::Stdio, time::Duration};

use axum::{Json, Router, http::HeaderMap, http::StatusCode, routing::any};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinSet};

use crate::support::{
    scripted_ollama::{Script, ScriptedOllama},
    server::{Answer, Server, Setup, signal},
};

/// None of them looks like the keys of a well-known service.
const IN_FILE: &str = "canary-in-the-file-8d1f";
const IN_ENVIRONMENT: &str = "canary-in-the-environment-77a0";
const IN_HEADERS: &str = "canary-in-the-headers-52cc";
const OF_A_LEARNER: &str = "canary-of-a-learner-e01b";

/// A service that refuses every key and repeats it, in the middle and at the place where excerpts are cut.
struct Gossip {
    address: String,
    _server: JoinSet<()>,
}

impl Gossip {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let refuse = async |headers: HeaderMap| {
            let key = headers.get("authorization").map_or("", |key| key.to_str().unwrap());
            let key = key.trim_start_matches("Bearer ");
            let said = format!("Incorrect key provided: {key}. {}{key}", "x".repeat(130));
            (StatusCode::UNAUTHORIZED, Json(json!({"error": {"message": said}})))
        };
        let router: Router = Router::new().fallback(any(refuse));
        let mut server = JoinSet::new();
        server.spawn(async { axum::serve(listener, router).await.unwrap() });
        Self { address, _server: server }
    }
}

fn setup(model: &ScriptedOllama, gossip: &Gossip) -> Setup {
    let Gossip { address, .. } = gossip;
    let settings = format!(
        "[providers.named]\nurl = \"{address}\"\nkey = \"{IN_FILE}\"\nmodel = \"m\"\nvoice = \"v\"\n\
         [providers.openai]\nmodel = \"m\"\nvoice = \"v\"\n"
    );
    Setup::new(model)
        .settings(&settings)
        .environment("PARLA_TTS", "named,openai")
        .environment("PARLA_LISTEN", "0.0.0.0:0")
        .environment("PARLA_MANAGEMENT_LISTEN", "0.0.0.0:0")
        .environment("PARLA_LOG", "trace")
        .environment("OPENAI_BASE_URL", address.clone())
        .environment("OPENAI_API_KEY", IN_ENVIRONMENT)
        .environment("OTEL_EXPORTER_OTLP_ENDPOINT", address.clone())
        .environment("OTEL_EXPORTER_OTLP_HEADERS", format!("authorization=Bearer {IN_HEADERS}"))
}

/// A turn in which both voices refuse, a failing model, wrong tokens in every place for one: all that was answered.
async fn live_through_failures(server: &Server, model: &ScriptedOllama) -> String {
    let key = server.key().to_owned();
    let with_key = |method, path: &str| server.request(method, path).bearer_auth(&key);
    let mut heard = String::new();
    for script in [Script::say("This is a sentence."), Script::refusal(401, &[], "no key")] {
        model.script(script);
        let body = json!({"message": "Hello", "conversationId": "c"});
        let answer = Answer::of(with_key(Method::POST, "/api/v1/chat").json(&body)).await;
        heard += &format!("{answer:?}");
    }
    for path in ["/readyz", "/openapi.json", "/api/v1/voices", "/api/v1/conversations/c/messages"] {
        heard += &format!("{:?}", Answer::of(with_key(Method::GET, path)).await);
    }
    for path in ["/api/v1/models", "/?key=", "/api/v1/models?ticket=", "/nothing/"] {
        let path = format!("{path}{OF_A_LEARNER}");
        let request = server.request(Method::GET, &path).bearer_auth(OF_A_LEARNER);
        let answer =
            Answer::of(request.header("cookie", format!("parla_key={OF_A_LEARNER}"))).await;
        heard += &format!("{answer:?}");
    }
    let mut socket = server.socket("/ws?conversationId=c").await;
    socket.send("auth", json!({"token": key})).await;
    heard += &socket.until("authenticated").await.to_string();
    socket.send("auth", json!({"token": [OF_A_LEARNER]})).await;
    heard += &socket.until("error").await.to_string();
    socket.send("chat", json!({"message": "Hello", "stream": true})).await;
    heard += &Value::from(socket.turn().await).to_string();
    socket.send("auth", json!({"token": OF_A_LEARNER})).await;
    heard + &format!("{:?}", socket.closed().await)
}

/// Everything in the folder but the settings and the server's own secret.
fn left_on_disk(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            left_on_disk(&path, found);
        } else if name != "parla.toml" && name != "secret" {
            found.push((name, std::fs::read(&path).unwrap()));
        }
    }
}

fn assert_no_canary(place: &str, bytes: &[u8], secrets: &[&str]) {
    for secret in secrets {
        // Half a key is too much, too.
        let (start, end) = secret.as_bytes().split_at(secret.len() / 2);
        for half in [start, end] {
            let is_there = bytes.windows(half.len()).any(|window| window == half);
            assert!(!is_there, "{secret} in {place}: {}", String::from_utf8_lossy(bytes));
        }
    }
}

#[tokio::test]
async fn no_key_and_no_token_leaves_the_server_whatever_fails() {
    let (model, gossip) = (ScriptedOllama::start().await, Gossip::start().await);
    let server = setup(&model, &gossip).start().await;
    let heard = live_through_failures(&server, &model).await;
    assert!(heard.contains("TTS refused the text"), "the voices were asked: {heard}");
    let (key, operators) = (server.key().to_owned(), server.operators().1.unwrap().to_owned());
    let metrics = server.metrics().await.0;
    // The exporter of traces has had its refusal.
    tokio::time::sleep(Duration::from_millis(800)).await;
    let canaries = [IN_FILE, IN_ENVIRONMENT, IN_HEADERS, OF_A_LEARNER];
    assert_no_canary("answers and frames", heard.as_bytes(), &canaries);
    let all = [&canaries[..], &[&key, &operators]].concat();
    assert_no_canary("metrics", metrics.as_bytes(), &all);
    // A crash leaves everything as it stands.
    signal("-ABRT", &server.process_id().to_string()).await;
    let setup = server.kill().await;
    let mut files = Vec::new();
    left_on_disk(setup.folder(), &mut files);
    let log = files.iter().find(|(name, _)| name == "log").unwrap();
    let log = String::from_utf8_lossy(&log.1).into_owned();
    for told in ["Incorrect key provided: [key].", "traces_unavailable"] {
        assert!(log.contains(told), "{told}: {log}");
    }
    assert!(files.iter().any(|(name, _)| name == "parla.db"), "{:?}", files.len());
    for (name, bytes) in &files {
        assert_no_canary(name, bytes, &all);
    }
}

#[tokio::test]
async fn the_settings_in_force_are_shown_without_keys() {
    let (model, gossip) = (ScriptedOllama::start().await, Gossip::start().await);
    let setup = setup(&model, &gossip);
    let shown = setup.command("config").stderr(Stdio::piped()).output().await.unwrap();
    assert!(shown.status.success(), "{shown:?}");
    let text = String::from_utf8(shown.stdout).unwrap();
    assert!(text.contains("[providers.named]"), "{text}");
    let canaries = [IN_FILE, IN_ENVIRONMENT, IN_HEADERS];
    assert_no_canary("standard output", text.as_bytes(), &canaries);
    assert_no_canary("standard error", &shown.stderr, &canaries);
    // A setting that cannot be used is named, and its value may be a key in the wrong place.
    let broken = setup.environment("OTEL_EXPORTER_OTLP_HEADERS", OF_A_LEARNER);
    let refused = broken.command("config").output().await.unwrap();
    assert!(!refused.status.success());
    assert_no_canary("the complaint", &refused.stderr, &[OF_A_LEARNER]);
}

#[tokio::test]
async fn every_line_of_the_log_is_one_event_whatever_clients_and_services_say() {
    let model = ScriptedOllama::start().await;
    let forged = "a\n{\"level\":\"ERROR\",\"message\":\"forged\"}\u{1b}[2J";
    model.script(Script::refusal(500, &[], forged));
    let server = Setup::new(&model).environment("PARLA_LOG", "trace").start().await;
    server.chat(json!({"message": forged, "scenario": "x", "conversationId": "c"})).await;
    let mut socket = server.join("c").await;
    socket.send(forged, json!({forged: "x".repeat(60_000)})).await;
    socket.until("error").await;
    drop(socket);
    server.get("/%0a%1b%5b31m").await;
    let log = std::fs::read_to_string(server.folder().join("log")).unwrap();
    assert!(log.lines().count() > 10, "{log}");
    for line in log.lines() {
        let event: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_ne!(event["message"], "forged");
        assert!(!line.contains(char::is_control), "{line:?}");
        for (name, value) in event.as_object().unwrap() {
            assert!(value.as_str().is_none_or(|text| text.len() <= 2048), "{name}: {line}");
        }
    }
}
