//! A client for large answers from this machine or the next one, without TLS. It keeps no large buffer for a connection,
//! and does not take in more answers at once than it gets on with.

use std::{pin::pin, sync::Arc, time::Duration};

use bytes::Bytes;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use reqwest::{Body, RequestBuilder, Response, header};
use tokio::{sync::Semaphore, time::timeout};

use super::{CONNECT_TIMEOUT, IDLE_CONNECTIONS, USER_AGENT, root_cause};
use crate::providers::{ProviderError, Urgency};

/// What is read at once, in bytes. The usual client reads ever more at once from a server that sends fast, and keeps up
/// to 400 KB of buffer for each connection, idle ones too.
const READ_BYTES: usize = 32 * 1024;
const IDLE_TIME: Duration = Duration::from_secs(30);
/// Finished answers that are taken in at once, beside those that a listener in silence waits for. All at once, each would
/// be held in part for as long as all need together: when the processor is the bottleneck, that is where a server's
/// memory goes, and its time, while others hear nothing yet. What waits is with its sender.
const TAKEN_AT_ONCE: usize = 16;
/// How long one of them may keep others waiting: what is not whole by then is held up by its sender.
const TURN: Duration = Duration::from_secs(1);

/// Asks `http://` addresses; clones share their connections.
#[derive(Clone)]
pub struct PlainClient {
    client: Client<HttpConnector, Body>,
    turns: Arc<Semaphore>,
}

impl Default for PlainClient {
    fn default() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let mut builder = Client::builder(TokioExecutor::new());
        builder
            .http1_read_buf_exact_size(READ_BYTES)
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIME)
            .pool_max_idle_per_host(IDLE_CONNECTIONS);
        let turns = Arc::new(Semaphore::new(TAKEN_AT_ONCE));
        Self { client: builder.build(connector), turns }
    }
}

impl PlainClient {
    /// Sends what reqwest has written; how long that may take is the caller's to bound.
    ///
    /// # Errors
    /// When there is nobody, or the exchange is cut before its answer.
    pub async fn send(
        &self,
        provider: &str,
        request: RequestBuilder,
    ) -> Result<Response, ProviderError> {
        let unreachable =
            |reason: String| ProviderError::Unreachable { provider: provider.to_owned(), reason };
        let request = request.build().map_err(|error| unreachable(root_cause(&error)))?;
        let mut request = hyper::Request::<Body>::try_from(request)
            .map_err(|error| unreachable(root_cause(&error)))?;
        let agent = header::HeaderValue::from_static(USER_AGENT);
        request.headers_mut().insert(header::USER_AGENT, agent);
        match self.client.request(request).await {
            Ok(response) => Ok(response.map(Body::wrap).into()),
            Err(error) if error.is_connect() => Err(unreachable(root_cause(&error))),
            Err(error) => {
                let (provider, reason) = (provider.to_owned(), root_cause(&error));
                Err(ProviderError::Cut { provider, reason })
            }
        }
    }

    /// The whole body, as [`super::body`] takes it. One that is wanted later and whose length is announced waits for its
    /// turn: it is finished, and comes as fast as it is read. Others come as they are made.
    ///
    /// # Errors
    /// When it is longer than `most` bytes or cut off.
    pub async fn body(
        &self,
        provider: &str,
        (response, urgency): (Response, Urgency),
        most: usize,
    ) -> Result<Bytes, ProviderError> {
        let may_wait = urgency == Urgency::Later && response.content_length().is_some();
        let mut body = pin!(super::body(provider, response, most));
        if may_wait {
            let _turn = self.turns.acquire().await;
            if let Ok(body) = timeout(TURN, &mut body).await {
                return body;
            }
        }
        body.await
    }
}
