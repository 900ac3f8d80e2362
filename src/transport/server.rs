//! Serves a router on listeners until the process drains. It knows no route.

use std::time::Duration;

use futures_util::future::try_join_all;
use tokio::net::TcpListener;

use crate::app::App;

use super::http;

/// How long running turns have when the server goes down.
const GRACE: Duration = Duration::from_secs(10);

/// Serves until the drain begins, then gives running requests, sockets and turns some time to end.
///
/// # Errors
/// When a listener breaks.
pub async fn serve(app: App, listeners: Vec<TcpListener>) -> std::io::Result<()> {
    let shutdown = app.shutdown.clone();
    let router = http::router(app);
    let serving = listeners.into_iter().map(|listener| {
        let draining = shutdown.clone();
        let server = axum::serve(TcpNoDelay(listener), router.clone());
        async move { server.with_graceful_shutdown(async move { draining.draining().await }).await }
    });
    let served = try_join_all(serving);
    // Tasks such as the store's writer end with the last handle to what they serve.
    drop(router);
    let requests = async {
        let result = tokio::select! {
            result = served => result.map(drop),
            () = async { shutdown.draining().await; tokio::time::sleep(GRACE).await } => Ok(()),
        };
        shutdown.drain();
        result
    };
    let tasks = async {
        shutdown.draining().await;
        shutdown.finish(GRACE).await;
    };
    let (result, ()) = tokio::join!(requests, tasks);
    result
}

/// A frame is sent when it is written: waiting for more would cost more than it saves.
struct TcpNoDelay(TcpListener);

impl axum::serve::Listener for TcpNoDelay {
    type Io = tokio::net::TcpStream;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, address) = axum::serve::Listener::accept(&mut self.0).await;
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection was gone before it began");
        }
        (stream, address)
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.0.local_addr()
    }
}
