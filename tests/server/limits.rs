//! How much one may have: connections, commands, turns. The one user of an open server is not held to a person's share.

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use crate::support::{
    scripted_ollama::{Script, ScriptedOllama},
    server::{Answer, Server, Setup, Socket},
};

async fn closed_server(model: &ScriptedOllama) -> Server {
    Setup::new(model).environment("PARLA_LISTEN", "0.0.0.0:0").start().await
}

/// As the holder of the key.
async fn post(server: &Server, path: &str, body: serde_json::Value) -> Answer {
    let request = server.request(Method::POST, path).bearer_auth(server.key()).json(&body);
    Answer::of(request).await
}

async fn sockets(server: &Server, count: usize, token: Option<&str>) -> Vec<Result<Socket, u16>> {
    let bearer = token.map(|token| format!("Bearer {token}"));
    let headers: Vec<_> = bearer.iter().map(|bearer| ("authorization", bearer.as_str())).collect();
    let headers = &headers[..];
    join_all((0..count).map(|_| server.socket_with("/ws", headers))).await
}

#[tokio::test]
async fn there_are_no_more_connections_than_the_setting_says() {
    let model = ScriptedOllama::start().await;
    let server = Setup::new(&model).environment("PARLA_MAX_CONNECTIONS", "3").start().await;
    let _stream = server.event_stream("/api/v1/conversations/c/events", None).await;
    let held = sockets(&server, 2, None).await;
    assert!(held.iter().all(Result::is_ok));
    assert_eq!(server.socket_with("/ws", &[]).await.err(), Some(503));
    let refused = server.get("/api/v1/conversations/c/events").await;
    assert_eq!(refused.refusal(), (503, "at_capacity".to_owned()));
    assert_eq!(refused.header("retry-after"), "5");
    assert_eq!(server.get("/healthz").await.status, 200);
    drop(held);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(server.socket_with("/ws", &[]).await.is_ok());
}

#[tokio::test]
async fn a_user_has_32_connections_and_strangers_of_one_address_64() {
    let model = ScriptedOllama::start().await;
    let server = closed_server(&model).await;
    let strangers = sockets(&server, 70, None).await;
    assert_eq!(strangers.iter().filter(|socket| socket.is_ok()).count(), 64);
    assert!(strangers.iter().all(|socket| !matches!(socket, Err(status) if *status != 503)));
    let own = sockets(&server, 34, Some(server.key())).await;
    assert_eq!(own.iter().filter(|socket| socket.is_ok()).count(), 32);
    let mut late = strangers.into_iter().find_map(Result::ok).unwrap();
    late.send("auth", json!({"token": server.key()})).await;
    assert_eq!(late.closed().await, (1013, "at capacity".to_owned()));
}

#[tokio::test]
async fn the_user_of_an_open_server_has_as_many_connections_as_there_are() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    let held = sockets(&server, 100, None).await;
    assert!(held.iter().all(Result::is_ok));
}

#[tokio::test]
async fn a_users_commands_are_counted_over_all_connections() {
    let model = ScriptedOllama::start().await;
    let server = closed_server(&model).await;
    let stop = "/api/v1/conversations/c/stop";
    let answers = join_all((0..400).map(|_| post(&server, stop, json!({})))).await;
    let refused: Vec<&Answer> = answers.iter().filter(|answer| answer.status != 204).collect();
    assert!((50..=144).contains(&refused.len()), "{}", refused.len());
    for answer in refused {
        assert_eq!(answer.refusal(), (429, "rate_limited".to_owned()));
        assert_eq!(answer.header("retry-after"), "1");
    }
    let bearer = format!("Bearer {}", server.key());
    let mut socket = server.socket_with("/ws", &[("authorization", &*bearer)]).await.unwrap();
    join_all((0..100).map(|_| post(&server, stop, json!({})))).await;
    socket.send("stop", json!({})).await;
    // More than can have come back meanwhile, and fewer than the socket itself may send.
    for _ in 0..100 {
        socket.send("chat", json!({"message": ""})).await;
    }
    let is_refused = |frame: &serde_json::Value| frame["data"]["code"] == "rate_limited";
    socket.take_until(is_refused).await;
    let read = server.request(Method::GET, "/api/v1/conversations").bearer_auth(server.key());
    assert_eq!(Answer::of(read).await.status, 200);
}

#[tokio::test]
async fn the_commands_of_an_open_servers_user_are_not_counted_as_one_persons() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    let stop = "/api/v1/conversations/c/stop";
    let answers = join_all((0..400).map(|_| server.post(stop, json!({})))).await;
    assert!(answers.iter().all(|answer| answer.status == 204));
}

#[tokio::test]
async fn a_user_has_four_turns_made_at_once() {
    let model = ScriptedOllama::start().await;
    model.always(Script::silence());
    let server = closed_server(&model).await;
    let chat = async |conversation: &str| {
        let body =
            json!({"message": "Hello", "conversationId": conversation, "useWebSocket": true});
        post(&server, "/api/v1/chat", body).await
    };
    for conversation in ["c-1", "c-2", "c-3", "c-4", "c-4"] {
        assert_eq!(chat(conversation).await.status, 202, "{conversation}");
    }
    let refused = chat("c-5").await;
    assert_eq!(refused.refusal(), (503, "at_capacity".to_owned()));
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(post(&server, "/api/v1/conversations/c-1/stop", json!({})).await.status, 204);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(chat("c-5").await.status, 202);
}

#[tokio::test]
async fn a_ticket_buys_no_other_ticket() {
    let model = ScriptedOllama::start().await;
    let server = closed_server(&model).await;
    let ticket = async || {
        let answer = post(&server, "/api/v1/tickets", json!({})).await;
        answer.json()["ticket"].as_str().unwrap().to_owned()
    };
    let (first, second) = (ticket().await, ticket().await);
    let by_query = server.post(&format!("/api/v1/tickets?ticket={first}"), json!({})).await;
    assert_eq!(by_query.refusal(), (401, "unauthorized".to_owned()));
    let by_header = server.request(Method::POST, "/api/v1/tickets").bearer_auth(&second);
    assert_eq!(Answer::of(by_header).await.status, 401);
    let path = format!("/api/v1/conversations?ticket={first}");
    assert_eq!(server.get(&path).await.status, 200, "it still opens what it is for");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_system_without_further_connections_is_waited_for() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    let mut socket = server.join("c").await;
    server.limit_open_files(server.held("fd") + 8).await;
    let held = join_all((0..30).map(|_| server.raw())).await;
    tokio::time::sleep(Duration::from_millis(2500)).await;
    socket.send("ping", json!({})).await;
    assert_eq!(socket.next().await["type"], "pong");
    let told = server.log().matches("accept_failed").count();
    assert!((2..=4).contains(&told), "{told} lines");
    drop(held);
    assert_eq!(server.get("/healthz").await.status, 200);
}
