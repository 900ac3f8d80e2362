//! A server that others can reach: nobody comes in without its key, in whichever way the key is carried.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    scripted_ollama::ScriptedOllama,
    server::{Answer, Server, Setup, is_audible},
};

async fn closed_server(model: &ScriptedOllama) -> Server {
    Setup::new(model).environment("PARLA_LISTEN", "0.0.0.0:0").start().await
}

async fn with_header(server: &Server, name: &str, value: &str) -> u16 {
    let request = server.request(Method::GET, "/api/v1/conversations").header(name, value);
    Answer::of(request).await.status
}

#[tokio::test]
async fn the_link_at_the_start_is_swapped_for_a_cookie() {
    let model = ScriptedOllama::start().await;
    let server = closed_server(&model).await;
    let entered = server.get(&format!("/?key={}", server.key())).await;
    assert_eq!((entered.status, entered.header("location")), (303, "/"));
    let cookie = entered.header("set-cookie").to_owned();
    assert!(cookie.contains("; HttpOnly") && cookie.contains("; SameSite=Strict"), "{cookie}");
    let pair = cookie.split(';').next().unwrap();
    assert_eq!(with_header(&server, "cookie", pair).await, 200);
    let wrong = server.get("/?key=guess").await;
    assert_eq!((wrong.refusal().0, wrong.header("set-cookie")), (401, ""));
}

#[tokio::test]
async fn without_the_key_the_api_says_nothing() {
    let model = ScriptedOllama::start().await;
    let server = closed_server(&model).await;
    let bearer = format!("Bearer {}", server.key());
    assert_eq!(with_header(&server, "authorization", &bearer).await, 200);
    for wrong in ["Bearer guess", "Bearer ", "Basic Zm9vOmJhcg==", server.key()] {
        assert_eq!(with_header(&server, "authorization", wrong).await, 401, "{wrong}");
    }
    let paths = [
        "/api/v1/conversations",
        "/api/v1/conversations/c/messages",
        "/api/v1/conversations/c/events",
        "/api/v1/voices",
        "/api/v1/models",
        "/api/v1/scenarios",
        "/api/v1/audio/some-file",
    ];
    for path in paths {
        let answer = server.get(path).await;
        assert_eq!(answer.refusal(), (401, "unauthorized".to_owned()), "{path}");
        assert_eq!(answer.header("www-authenticate"), "Bearer", "{path}");
    }
    for path in ["/api/v1/chat", "/api/v1/tickets", "/api/v1/conversations/c/stop"] {
        assert_eq!(server.post(path, json!({})).await.status, 401, "{path}");
    }
    assert_eq!(server.get("/healthz").await.status, 200);
    // The key is the server's, not the process's.
    let key = server.key().to_owned();
    assert_eq!(server.restart().await.key(), key);
}

#[tokio::test]
async fn a_socket_signs_in_with_its_first_message() {
    let model = ScriptedOllama::start().await;
    let server = closed_server(&model).await;
    let mut socket = server.socket("/ws?conversationId=c").await;
    let connected = socket.next().await["data"].clone();
    let place = ["authRequired", "epoch", "seq"].map(|field| connected.get(field).unwrap());
    assert_eq!(json!(place), json!([true, null, null]));
    socket.send("ping", json!({})).await;
    assert_eq!(socket.next().await["type"], "pong");
    socket.send("auth", json!({"token": server.key()})).await;
    let signed_in = socket.next().await;
    assert_eq!(signed_in["type"], "authenticated");
    assert!(signed_in["data"]["userId"].is_string() && signed_in["data"]["epoch"].is_string());
    assert_eq!(signed_in["data"]["seq"], 0);
    socket.send("chat", json!({"message": "Hello"})).await;
    let chunks = socket.turn().await;
    let spoken = chunks.iter().find(|frame| frame["type"] == "chunk-complete").unwrap();
    audio_opens_by_its_link_alone(&server, &spoken["data"]["chunk"]).await;
}

async fn audio_opens_by_its_link_alone(server: &Server, chunk: &Value) {
    let url = chunk["audioUrl"].as_str().unwrap();
    let audio = server.get(url).await;
    assert!(audio.status == 200 && is_audible(&audio.body));
    let (path, query) = url.split_once('?').unwrap();
    let (until, signature) = query.split_once('&').unwrap();
    let hours: u64 = until.strip_prefix("until=").unwrap().parse().unwrap();
    let forged = [
        path.to_owned(),
        format!("{path}?until={}&{signature}", hours + 24),
        format!("{path}?{until}&signature=AAAAAAAAAAAAAAAAAAAAAA"),
        format!("{path}?{until}"),
        format!("/api/v1/audio/another-file?{query}"),
        format!("/api/v1/conversations?{query}"),
    ];
    for forged in forged {
        assert_eq!(server.get(&forged).await.status, 401, "{forged}");
    }
}

#[tokio::test]
async fn a_socket_without_a_good_token_is_closed() {
    let model = ScriptedOllama::start().await;
    let server = closed_server(&model).await;
    let mut silent = server.join("c").await;
    let began = Instant::now();
    let mut wrong = server.join("c").await;
    wrong.send("auth", json!({"token": "guess"})).await;
    assert_eq!(wrong.closed().await, (4001, "Invalid token".to_owned()));
    let mut hasty = server.join("c").await;
    hasty.send("chat", json!({"message": "Hello"})).await;
    assert_eq!(hasty.closed().await, (4001, "Authentication required".to_owned()));
    assert_eq!(silent.closed().await, (4001, "Authentication required".to_owned()));
    let waited = began.elapsed();
    assert!(waited.abs_diff(Duration::from_secs(10)) < Duration::from_secs(1), "{waited:?}");
    assert!(model.requests("/api/chat").is_empty());
}

#[tokio::test]
async fn a_socket_may_bring_its_token_in_a_header_a_subprotocol_or_a_ticket() {
    let model = ScriptedOllama::start().await;
    let server = closed_server(&model).await;
    let (bearer, protocol) =
        (format!("Bearer {}", server.key()), format!("parla.bearer.{}", server.key()));
    let is_in = async |path: &str, headers: &[(&'static str, &str)]| {
        let mut socket = server.socket_with(path, headers).await.unwrap();
        let connected = socket.next().await["data"].clone();
        (connected["authRequired"] == false, socket.protocol)
    };
    assert_eq!(is_in("/ws", &[("authorization", &*bearer)]).await, (true, None));
    let cookie = format!("theme=dark; parla_key={}", server.key());
    assert_eq!(is_in("/ws", &[("cookie", &*cookie)]).await, (true, None));
    // A page from elsewhere makes the browser send the cookie along.
    let foreign = [("cookie", &*cookie), ("origin", "https://evil.example")];
    assert_eq!(server.socket_with("/ws", &foreign).await.err(), Some(403));
    let offered = is_in("/ws", &[("sec-websocket-protocol", &*protocol)]).await;
    assert_eq!(offered, (true, Some(protocol.clone())));

    let request = server.request(Method::POST, "/api/v1/tickets").header("authorization", &bearer);
    let ticket = Answer::of(request).await.json()["ticket"].as_str().unwrap().to_owned();
    let path = format!("/ws?ticket={ticket}");
    assert_eq!(is_in(&path, &[]).await, (true, None));
    assert_eq!(is_in(&path, &[]).await, (false, None));
}
