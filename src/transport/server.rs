//! Serves a router on listeners until the process drains. It knows no route.

use std::time::Duration;

use tokio::net::TcpListener;

use crate::app::App;

use super::http;

/// How long running turns have when the server goes down.
const GRACE: Duration = Duration::from_secs(10);

/// Serves until the drain begins, then gives running turns some time to end.
///
/// # Errors
/// When a listener breaks.
pub async fn serve(app: App, listeners: Vec<TcpListener>) -> std::io::Result<()> {
    let router = http::router(app.clone());
    let shutdown = app.shutdown.clone();
    let serving = listeners.into_iter().map(|listener| {
        let draining = shutdown.clone();
        let server = axum::serve(TcpNoDelay(listener), router.clone());
        async move { server.with_graceful_shutdown(async move { draining.draining().await }).await }
    });
    let served = futures_util::future::try_join_all(serving);
    tokio::select! {
        result = served => result.map(drop)?,
        () = async { shutdown.draining().await; tokio::time::sleep(GRACE).await } => {}
    }
    shutdown.finish(GRACE).await;
    Ok(())
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
