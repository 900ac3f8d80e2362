//! Who is let in at all: pages by their origin, requests by the name they ask for, and what pages may do.

use crate::support::{
    scripted_ollama::ScriptedOllama,
    server::{Answer, Server, Setup},
};
use reqwest::Method;

#[tokio::test]
async fn a_page_from_elsewhere_gets_neither_a_socket_nor_an_answer() {
    let model = ScriptedOllama::start().await;
    let server = Setup::new(&model).environment("PARLA_ORIGINS", "https://tutor.example");
    let server = server.start().await;
    let own = format!("http://{}", server.authority());
    for origin in [&*own, "http://localhost:5173", "https://tutor.example"] {
        assert!(server.socket_with("/ws", &[("origin", origin)]).await.is_ok(), "{origin}");
    }
    let elsewhere = [
        "https://evil.example",
        "null",
        "https://tutor.example.evil.example",
        "http://tutor.example",
    ];
    for origin in elsewhere {
        assert_eq!(
            server.socket_with("/ws", &[("origin", origin)]).await.err(),
            Some(403),
            "{origin}"
        );
        let request = server.request(Method::GET, "/api/v1/conversations").header("origin", origin);
        let answer = Answer::of(request).await;
        assert_eq!(answer.refusal(), (403, "origin_refused".to_owned()), "{origin}");
        assert_eq!(answer.header("access-control-allow-origin"), "");
    }
}

#[tokio::test]
async fn a_rebound_name_is_misdirected() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    for (host, status) in [("evil.example", 421), ("localhost", 200), ("127.0.0.1:1", 200)] {
        let request = format!("GET /version HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        let answer = server.raw_answer(&request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{host}: {answer}");
    }
    assert_eq!(server.socket_with("/ws", &[("host", "evil.example")]).await.err(), Some(421));
}

#[tokio::test]
async fn the_page_runs_nothing_but_its_own_files() {
    let model = ScriptedOllama::start().await;
    let server = Server::start(&model).await;
    let page = server.get("/").await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    let policy = page.header("content-security-policy");
    let directives = [
        "default-src 'none'",
        "script-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data:",
        "object-src 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    ];
    for directive in directives {
        assert!(policy.split("; ").any(|part| part == directive), "{directive} in {policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    assert_eq!(page.header("referrer-policy"), "no-referrer");
    let html = String::from_utf8_lossy(&page.body).into_owned();
    assert!(!html.contains("<script>") && !html.contains(" onclick="), "{html}");
}
