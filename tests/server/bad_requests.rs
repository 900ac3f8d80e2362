//! Requests that no good client sends: each gets a status and a stable code, none gets more.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    scripted_ollama::ScriptedOllama,
    server::{Answer, Server},
};

async fn server() -> (Server, ScriptedOllama) {
    let model = ScriptedOllama::start().await;
    (Server::start(&model).await, model)
}

async fn refusal_of(server: &Server, body: impl Into<reqwest::Body>) -> (u16, String) {
    let request = server.request(Method::POST, "/api/v1/chat").body(body);
    Answer::of(request.header("content-type", "application/json")).await.refusal()
}

#[tokio::test]
async fn a_body_that_is_no_message_is_refused_by_name() {
    let (server, model) = server().await;
    let deep = "[".repeat(10_000);
    let cases = [
        ("{\"message\":", 400, "bad_json"),
        ("", 422, "empty_message"),
        ("[]", 400, "bad_json"),
        ("{\"message\": \"\\ud800\"}", 400, "bad_json"),
        ("{\"message\": 1e400}", 400, "bad_json"),
        (&*deep, 400, "too_deep"),
        ("{\"message\": 42}", 422, "invalid_field"),
        ("{\"message\": \"a\", \"conversationId\": {}}", 422, "invalid_field"),
        ("{\"message\": \"a\", \"conversationId\": \"../etc\"}", 422, "invalid_field"),
        ("{\"message\": \"a\", \"conversationId\": \"\"}", 422, "invalid_field"),
        ("{\"message\": \"a\", \"useWebSocket\": \"yes\"}", 422, "invalid_field"),
        ("{\"message\": \"a\", \"level\": \"Z9\"}", 422, "invalid_field"),
        ("{\"message\": \"a\", \"language\": \"klingon!\"}", 422, "invalid_field"),
        ("{\"message\": \"a\", \"clientId\": 18446744073709551616}", 422, "invalid_field"),
        ("{}", 422, "empty_message"),
        ("{\"message\": \" \\n \"}", 422, "empty_message"),
    ];
    for (body, status, code) in cases {
        let refusal = refusal_of(&server, body.to_owned()).await;
        assert_eq!(refusal, (status, code.to_owned()), "{body:.60}");
    }
    let named = server.chat(json!({"message": "a", "level": "Z9"})).await.json();
    assert!(named["detail"].as_str().unwrap().starts_with("level: "), "{named}");
    assert!(model.requests("/api/chat").is_empty());
    assert_eq!(server.get("/api/v1/conversations").await.json()["items"], json!([]));
}

#[tokio::test]
async fn of_a_key_that_stands_twice_the_last_one_counts_and_unknown_ones_are_left_alone() {
    let (server, _model) = server().await;
    let body = "{\"message\": \"one\", \"message\": \"two\", \"conversationId\": \"c\", \"x\": -0}";
    let request = server.request(Method::POST, "/api/v1/chat").body(body);
    let answer = Answer::of(request.header("content-type", "application/json")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(server.messages("c").await[0]["text"], "two");
}

#[tokio::test]
async fn a_long_message_is_taken_up_to_its_limit_and_a_large_body_is_not_read() {
    let (server, _model) = server().await;
    let say = |text: String| json!({"message": text, "conversationId": "c", "useWebSocket": true});
    let limit = "é".repeat(8000);
    assert_eq!(server.chat(say(limit.clone())).await.status, 202);
    let too_long = server.chat(say(limit + "é")).await.refusal();
    assert_eq!(too_long, (413, "MESSAGE_TOO_LONG".to_owned()));
    let large = refusal_of(&server, vec![b' '; 64 * 1024 + 1]).await;
    assert_eq!(large, (413, "body_too_large".to_owned()));
    // Announced and never sent: the answer does not wait for it.
    let announced = "POST /api/v1/chat HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
                     content-type: application/json\r\ncontent-length: 10000000\r\n\r\n";
    let answer = server.raw_answer(announced).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    let stored = server.messages("c").await;
    assert_eq!(stored.iter().filter(|message| message["role"] == "user").count(), 1);
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_given_up() {
    let (server, _model) = server().await;
    let begun = "POST /api/v1/chat HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
                 content-type: application/json\r\ncontent-length: 100\r\n\r\n{\"message\":";
    let answer = server.raw_answer(begun).await;
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("\"body_too_slow\""), "{answer}");
}

#[tokio::test]
async fn wrong_methods_types_and_addresses_have_codes_of_their_own() {
    let (server, _model) = server().await;
    let wrong_method = server.get("/api/v1/chat").await;
    assert_eq!(wrong_method.refusal(), (405, "method_not_allowed".to_owned()));
    assert_eq!(wrong_method.header("allow"), "POST");
    let request = server.request(Method::POST, "/api/v1/chat").body("message=Hello");
    let form = request.header("content-type", "application/x-www-form-urlencoded");
    let refusal = Answer::of(form).await.refusal();
    assert_eq!(refusal, (415, "unsupported_media_type".to_owned()));
    let nothing = (404, "not_found".to_owned());
    let paths = [
        "/nothing-here",
        "/api/v1/nothing-here",
        "/api/v1/conversations/b%C3%A4d/messages",
        "/api/v1/conversations/%ff/messages",
        "/api/v1/audio/%ff",
        "/%ff",
    ];
    for path in paths {
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        let answer = server.raw_answer(&request).await;
        assert!(answer.starts_with("HTTP/1.1 404") && answer.contains("\"not_found\""), "{answer}");
    }
    assert_eq!(server.post("/api/v1/nothing-here", json!({})).await.refusal(), nothing);
    for query in ["limit=many", "cursor=%ff", "limit=-1"] {
        let answer = server.get(&format!("/api/v1/conversations?{query}")).await;
        assert_eq!(answer.refusal(), (422, "invalid_field".to_owned()), "{query}");
    }
    let played = server.post("/api/v1/conversations/c/played", json!({"turnId": "t"})).await;
    assert_eq!(played.refusal(), (422, "invalid_field".to_owned()));
}

#[tokio::test]
async fn lists_are_read_page_by_page() {
    let (server, _model) = server().await;
    for message in ["one", "two", "three"] {
        server.chat(json!({"message": message, "conversationId": "c"})).await;
    }
    let mut texts: Vec<Value> = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/api/v1/conversations/c/messages?limit=2{cursor}");
        let page = server.get(&path).await.json();
        let items = page["items"].as_array().unwrap().iter().map(|item| item["text"].clone());
        texts.extend(items);
        let Some(next) = page["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(texts, ["Ciao!", "three", "Ciao!", "two", "Ciao!", "one"]);
}

#[tokio::test]
async fn a_socket_that_is_not_asked_for_properly_is_refused_before_it_opens() {
    let (server, _model) = server().await;
    let whole = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                 sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let without =
        |line: &str| whole.split_inclusive("\r\n").filter(|l| !l.starts_with(line)).collect();
    let version_8 = whole.replace("version: 13", "version: 8");
    let cases: [(&str, &str, String, u16); 6] = [
        ("/ws", "HTTP/1.1", without("sec-websocket-key"), 400),
        ("/ws", "HTTP/1.1", version_8, 426),
        ("/ws", "HTTP/1.1", without("upgrade"), 426),
        ("/ws", "HTTP/1.0", whole.to_owned(), 400),
        ("/ws?conversationId=a.b", "HTTP/1.1", whole.to_owned(), 422),
        ("/wss", "HTTP/1.1", whole.to_owned(), 404),
    ];
    for (path, version, headers, status) in cases {
        // Last, since only the first `connection` line of two would count.
        let request = format!("GET {path} {version}\r\nhost: localhost\r\n{headers}\r\n");
        let answer = server.raw_head(&request).await;
        assert!(answer.starts_with(&format!("{version} {status}")), "{request}{answer}");
        assert_eq!(answer.contains("sec-websocket-version: 13"), status == 426, "{answer}");
    }
}
