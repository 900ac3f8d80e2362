//! The requests of one connection, one after the other. A client that is slow to ask is not waited for.

use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::pin,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use axum::{
    Router,
    extract::ConnectInfo,
    http::{HeaderValue, header},
};
use hyper::{
    Request,
    body::Incoming,
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};

use crate::shutdown::Shutdown;

use super::stream::PatientStream;

/// How long a request's head may take, and how long a connection may wait for its next request.
const HEAD_PATIENCE: Duration = Duration::from_secs(10);
/// What a connection may hold unread and unsent, in bytes. A longer head is refused.
const BUFFER: usize = 128 * 1024;

/// A mark on a request of which one reader may see another end than the next.
#[derive(Clone, Copy, Debug)]
pub(in crate::transport) struct TwoLengths;

/// Carries a connection to its end, which is near when the server drains.
pub(super) async fn carry(
    stream: PatientStream,
    peer: SocketAddr,
    router: Router,
    shutdown: Shutdown,
) {
    let router = TowerToHyperService::new(router);
    let has_asked = AtomicBool::new(false);
    let is_ambiguous = stream.heads().is_ambiguous();
    let service = service_fn(|mut request: Request<Incoming>| {
        has_asked.store(true, Ordering::Relaxed);
        let is_last = request.headers().contains_key(header::TRANSFER_ENCODING);
        request.extensions_mut().insert(ConnectInfo(peer));
        if is_ambiguous.load(Ordering::Relaxed) {
            request.extensions_mut().insert(TwoLengths);
        }
        let answer = router.call(request);
        async move {
            let mut answer = answer.await.unwrap_or_else(|never| match never {});
            if is_last {
                answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(answer)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = shutdown.draining() => {
            // The library waits for the rest of a first request that has begun to arrive.
            if !has_asked.load(Ordering::Relaxed) {
                return;
            }
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%peer, %error, "a connection broke");
    }
}
