//! Counts every answer, and keeps a panic in a handler from being anybody else's trouble. It changes no other answer.

use std::panic::AssertUnwindSafe;

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;

use crate::telemetry::metrics::WireMetrics;

use super::error::{Problem, RefusalCode};

pub(super) async fn watch(
    State(wire): State<WireMetrics>,
    request: Request,
    next: Next,
) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    // What a handler holds is its own: others see it only by locks, which outlive a panic.
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    let response = answer.unwrap_or_else(|_| Problem::internal().into_response());
    wire.answered(route.as_ref().map(MatchedPath::as_str), response.status().as_u16());
    if let Some(RefusalCode(code)) = response.extensions().get::<RefusalCode>() {
        wire.refused(code.clone());
    }
    response
}

#[cfg(test)]
mod tests {
    use axum::{Router, middleware, routing::get};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
    };

    use super::*;
    use crate::{shutdown::Shutdown, telemetry::metrics::Metrics};

    async fn ask(connection: &mut TcpStream, path: &str) -> String {
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut answer = vec![0; 4096];
        let length = connection.read(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer[..length]).into_owned()
    }

    #[tokio::test]
    async fn a_panic_in_a_handler_is_one_refusal_and_the_connection_goes_on() {
        let metrics = Metrics::default();
        let router: Router = Router::new()
            .route("/breaks", get(async || -> &str { panic!("a fault") }))
            .route("/works", get(async || "well"))
            .layer(middleware::from_fn_with_state(metrics.wire.clone(), watch));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut connection = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let shutdown = Shutdown::new();
        drop(shutdown.spawn("server", async { axum::serve(listener, router).await.unwrap() }));
        let broken = ask(&mut connection, "/breaks").await;
        assert!(
            broken.starts_with("HTTP/1.1 500") && broken.contains("internal_error"),
            "{broken}"
        );
        assert!(!broken.contains("a fault"), "{broken}");
        let works = ask(&mut connection, "/works").await;
        assert!(works.starts_with("HTTP/1.1 200") && works.ends_with("well"), "{works}");
        let text = metrics.text();
        for series in [
            r#"parla_http_requests_total{route="/breaks",status="500"} 1"#,
            r#"parla_refusals_total{code="internal_error"} 1"#,
        ] {
            assert!(text.contains(series), "{text}");
        }
    }
}
