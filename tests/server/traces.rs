//! What a collector of traces gets: every stage of a real turn, nested and in order. One that fails costs no learner
//! anything.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use axum::{Json, Router, http::HeaderMap, routing::post};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::mpsc, task::JoinSet};

use crate::support::{
    scripted_ollama::{Script, ScriptedOllama},
    server::{Server, Setup},
};

/// A collector on a real socket; dropping it ends it.
struct Collector {
    address: String,
    requests: mpsc::Receiver<(HeaderMap, Value)>,
    _server: JoinSet<()>,
}

impl Collector {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (take, requests) = mpsc::channel(16);
        let collect = async move |headers: HeaderMap, Json(body): Json<Value>| {
            take.send((headers, body)).await.unwrap();
            Json(json!({}))
        };
        let router: Router = Router::new().route("/v1/traces", post(collect));
        let mut server = JoinSet::new();
        server.spawn(async { axum::serve(listener, router).await.unwrap() });
        Self { address, requests, _server: server }
    }

    /// The spans of the next request.
    async fn spans(&mut self) -> (HeaderMap, Vec<Span>) {
        let patience = Duration::from_secs(10);
        let next = tokio::time::timeout(patience, self.requests.recv());
        let (headers, body) = next.await.expect("traces come in time").unwrap();
        let resource = &body["resourceSpans"][0];
        assert_eq!(resource["resource"]["attributes"][0]["value"]["stringValue"], "tutor-1");
        let spans = resource["scopeSpans"][0]["spans"].as_array().unwrap();
        (headers, spans.iter().map(Span::read).collect())
    }
}

#[derive(Clone, Debug)]
struct Span {
    trace: String,
    id: String,
    parent: String,
    name: String,
    start: u128,
    end: u128,
    attributes: BTreeMap<String, Value>,
    status: Value,
}

impl Span {
    fn read(span: &Value) -> Self {
        let text = |name: &str| span[name].as_str().unwrap().to_owned();
        let attributes = span["attributes"].as_array().unwrap().iter();
        Self {
            trace: text("traceId"),
            id: text("spanId"),
            parent: text("parentSpanId"),
            name: text("name"),
            start: text("startTimeUnixNano").parse().unwrap(),
            end: text("endTimeUnixNano").parse().unwrap(),
            attributes: attributes
                .map(|pair| (pair["key"].as_str().unwrap().to_owned(), pair["value"].clone()))
                .collect(),
            status: span["status"].clone(),
        }
    }
}

async fn server(model: &ScriptedOllama, collector: &str) -> Server {
    let setup = Setup::new(model)
        .environment("OTEL_EXPORTER_OTLP_ENDPOINT", collector)
        .environment("OTEL_EXPORTER_OTLP_HEADERS", "x-key=secret-of-the-collector")
        .environment("OTEL_SERVICE_NAME", "tutor-1");
    setup.start().await
}

/// `parent/name` for each span, in the order of their beginnings.
fn tree(spans: &[Span]) -> Vec<String> {
    let mut spans = spans.to_vec();
    spans.sort_by_key(|span| span.start);
    let name_of = |id: &str| spans.iter().find(|span| span.id == id).map_or("", |span| &span.name);
    spans.iter().map(|span| format!("{}/{}", name_of(&span.parent), span.name)).collect()
}

#[tokio::test]
async fn a_turn_is_one_trace_of_its_stages() {
    let model = ScriptedOllama::start().await;
    let mut collector = Collector::start().await;
    let server = server(&model, &collector.address).await;
    let slow = Duration::from_millis(100);
    let said = "This is one sentence. Here is another one.";
    model.script(Script::say(said).paced(slow, Duration::from_millis(2)));
    let turn = server.chat(json!({"message": "a secret of the learner's"})).await.json();
    let (headers, spans) = collector.spans().await;
    assert_eq!(headers["x-key"], "secret-of-the-collector");
    let mut stages = tree(&spans);
    assert_eq!(stages.remove(0), "/turn");
    assert_eq!(stages.pop().unwrap(), "turn/storage end");
    stages.sort();
    let expected = [
        "chunk/queue",
        "chunk/queue",
        "chunk/synthesis",
        "chunk/synthesis",
        "model/first token",
        "model/writing",
        "turn/chunk",
        "turn/chunk",
        "turn/model",
        "turn/storage begin",
    ];
    assert_eq!(stages, expected);
    let find = |name: &str| spans.iter().find(|span| span.name == name).unwrap();
    for span in &spans {
        assert!(span.trace == spans[0].trace && span.trace.len() == 32 && span.id.len() == 16);
        assert!(span.start <= span.end, "{span:?}");
        let parent = spans.iter().find(|parent| parent.id == span.parent);
        assert!(
            parent.is_none_or(|parent| parent.start <= span.start && span.end <= parent.end),
            "{span:?} is not inside {parent:?}"
        );
    }
    let (first, writing) = (find("first token"), find("writing"));
    assert!(first.end - first.start >= slow.as_nanos(), "{first:?}");
    assert!(first.end <= writing.start && find("chunk").start >= first.end);
    let whole = find("turn");
    assert_eq!(whole.attributes["parla.turn"]["stringValue"], turn["turnId"]);
    assert_eq!(whole.attributes["parla.outcome"]["stringValue"], "complete");
    assert!(!format!("{spans:?}").contains("sentence"), "what people say is in no trace");
}

#[tokio::test]
async fn a_turn_that_fails_says_so_in_its_trace() {
    let model = ScriptedOllama::start().await;
    let mut collector = Collector::start().await;
    let server = server(&model, &collector.address).await;
    model.script(Script::refusal(403, &[], "not for you"));
    server.chat(json!({"message": "Hello"})).await;
    let (_, spans) = collector.spans().await;
    let whole = spans.iter().find(|span| span.name == "turn").unwrap();
    assert_eq!(whole.status, json!({"code": 2, "message": "llm_rejected"}));
}

#[tokio::test]
async fn a_collector_that_is_gone_or_hangs_delays_no_turn_and_its_key_is_not_logged() {
    // It takes connections and never answers.
    let hanging = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hangs = format!("http://{}", hanging.local_addr().unwrap());
    for collector in [hangs.as_str(), "http://127.0.0.1:1"] {
        let model = ScriptedOllama::start().await;
        let mut server = server(&model, collector).await;
        let began = Instant::now();
        for _ in 0..2 {
            assert_eq!(server.chat(json!({"message": "Hello"})).await.status, 200);
            // The exporter has had time to get stuck.
            tokio::time::sleep(Duration::from_millis(600)).await;
        }
        assert!(began.elapsed() < Duration::from_secs(3), "{collector}: {:?}", began.elapsed());
        let log = std::fs::read_to_string(server.folder().join("log")).unwrap();
        assert!(!log.contains("secret-of-the-collector"), "{log}");
        server.terminate().await;
        assert!(server.ended().await.success(), "the server ends all the same");
    }
}
