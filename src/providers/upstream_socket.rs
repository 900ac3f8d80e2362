//! A WebSocket to a service: connecting, limits, clocks, and what its end means. It knows no service's words.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use reqwest::Url;
use tokio::{
    net::TcpStream,
    time::{Instant, timeout},
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async_with_config,
    tungstenite::{
        Error, Message, Utf8Bytes,
        client::IntoClientRequest,
        error::ProtocolError,
        handshake::client::Request,
        http::{HeaderValue, header},
        protocol::{CloseFrame, WebSocketConfig},
    },
};

use super::{
    ProviderError,
    http::{self, USER_AGENT},
};

/// Name, connection, TLS and the answer to the handshake; after that it is not there.
const CONNECT_TIMEOUT: Duration = http::CONNECT_TIMEOUT.saturating_mul(2);
/// A service that takes nothing for as long does not read.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a service may say nothing before it is asked whether it is there, and then again.
const PING_AFTER: Duration = Duration::from_secs(5);
/// A few hundred words with their times are 50 KB.
const MAX_MESSAGE_BYTES: usize = 1 << 20;
/// Small, because there is a socket for each learner who speaks.
const BUFFER_BYTES: usize = 8 << 10;

/// Where to connect, and as whom. It has no `Debug`: the key is not to be printed.
#[derive(Clone)]
pub struct Address {
    /// The engine's name.
    pub provider: String,
    /// `ws://` or `wss://`, with its query.
    pub url: String,
    /// What the service wants as `Authorization`.
    pub authorization: Option<String>,
    /// Taken out of all that the service says.
    pub key: Option<String>,
}

/// An open connection; dropping it ends it.
pub struct UpstreamSocket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    address: Address,
    /// When the service was heard of last, and when it was asked whether it is there.
    heard_at: Instant,
    pinged_at: Option<Instant>,
}

/// What comes from a service.
#[derive(Debug)]
pub enum Incoming {
    Text(Utf8Bytes),
    /// It is there, and says nothing.
    Sign,
    /// No more comes.
    Closed {
        /// 1005 when it gives none, 1006 when the connection just ended.
        code: u16,
        reason: String,
    },
}

impl UpstreamSocket {
    /// Connects.
    ///
    /// # Errors
    /// `Unreachable`, `TimedOut`, or what the refusal means.
    pub async fn connect(address: Address) -> Result<Self, ProviderError> {
        let request = address.request()?;
        // What a handshake needs is large, and would lie in the stream for as long as somebody speaks.
        let connecting = Box::pin(connect_async_with_config(request, Some(limits()), true));
        let late = |_| ProviderError::TimedOut { provider: address.provider.clone() };
        let connected = timeout(CONNECT_TIMEOUT, connecting).await.map_err(late)?;
        let (stream, _) = connected.map_err(|error| address.unconnected(error))?;
        Ok(Self { stream, address, heard_at: Instant::now(), pinged_at: None })
    }

    /// What comes next; it may be given up and asked for again.
    ///
    /// # Errors
    /// When the connection breaks or carries what no service says.
    pub async fn next(&mut self) -> Result<Incoming, ProviderError> {
        let message = self.stream.next().await;
        self.heard_at = Instant::now();
        self.pinged_at = None;
        match message {
            Some(Ok(Message::Text(text))) => Ok(Incoming::Text(self.address.without_key(text))),
            Some(Ok(Message::Binary(_))) => Err(self.address.broken("a binary frame")),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Ok(Incoming::Sign),
            Some(Ok(Message::Close(frame))) => Ok(self.address.closed(frame)),
            Some(Err(error)) => self.address.ended(error),
            None => Ok(Incoming::abnormal()),
        }
    }

    /// # Errors
    /// When the connection is broken or the service takes nothing.
    pub async fn send_text(&mut self, text: String) -> Result<(), ProviderError> {
        self.send(Message::text(text)).await
    }

    /// # Errors
    /// When the connection is broken or the service takes nothing.
    pub async fn send_binary(&mut self, bytes: Bytes) -> Result<(), ProviderError> {
        self.send(Message::Binary(bytes)).await
    }

    /// When [`Self::check_on`] has something to do.
    #[must_use]
    pub fn check_at(&self) -> Instant {
        self.pinged_at.unwrap_or(self.heard_at) + PING_AFTER
    }

    /// Asks a silent service whether it is there.
    ///
    /// # Errors
    /// When it was asked before and is silent still.
    pub async fn check_on(&mut self) -> Result<(), ProviderError> {
        if Instant::now() < self.check_at() {
            return Ok(());
        }
        if self.pinged_at.is_some() {
            return Err(self.stalled());
        }
        self.pinged_at = Some(Instant::now());
        self.send(Message::Ping(Bytes::new())).await
    }

    #[must_use]
    pub fn stalled(&self) -> ProviderError {
        ProviderError::Stalled { provider: self.address.provider.clone() }
    }

    async fn send(&mut self, message: Message) -> Result<(), ProviderError> {
        match timeout(WRITE_TIMEOUT, self.stream.send(message)).await {
            Err(_) => Err(self.stalled()),
            Ok(Ok(()) | Err(Error::Protocol(ProtocolError::SendAfterClosing))) => Ok(()),
            // Why it is gone stands in what is still to be read.
            Ok(Err(error)) => self.address.ended(error).map(drop),
        }
    }
}

impl Incoming {
    fn abnormal() -> Self {
        Self::Closed { code: 1006, reason: "the connection ended".to_owned() }
    }
}

impl Address {
    fn request(&self) -> Result<Request, ProviderError> {
        let unusable = |reason: &str| ProviderError::Unreachable {
            provider: self.provider.clone(),
            reason: reason.to_owned(),
        };
        let url = self.url.as_str();
        let mut request = url.into_client_request().map_err(|_| unusable("no such address"))?;
        let headers = request.headers_mut();
        headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        if let Some(authorization) = &self.authorization {
            let value = HeaderValue::from_str(authorization);
            let mut value = value.map_err(|_| unusable("its key cannot stand in a header"))?;
            value.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, value);
        }
        Ok(request)
    }

    fn unconnected(&self, error: Error) -> ProviderError {
        let provider = self.provider.clone();
        match error {
            Error::Http(answer) => {
                let body = answer.body().as_deref().unwrap_or_default();
                let head = (answer.status(), answer.headers());
                http::refused(&self.provider, head, body, self.key.as_deref())
            }
            Error::Io(error) => ProviderError::Unreachable { provider, reason: error.to_string() },
            Error::Tls(_) | Error::Url(_) => {
                ProviderError::Unreachable { provider, reason: self.printable(&error.to_string()) }
            }
            error => self.broken(&error.to_string()),
        }
    }

    fn ended(&self, error: Error) -> Result<Incoming, ProviderError> {
        match error {
            Error::ConnectionClosed
            | Error::AlreadyClosed
            | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)
            | Error::Io(_) => Ok(Incoming::abnormal()),
            error => Err(self.broken(&error.to_string())),
        }
    }

    fn closed(&self, frame: Option<CloseFrame>) -> Incoming {
        let (code, reason) = frame
            .map_or((1005, String::new()), |frame| (frame.code.into(), frame.reason.to_string()));
        Incoming::Closed { code, reason: self.printable(&reason) }
    }

    fn broken(&self, reason: &str) -> ProviderError {
        ProviderError::Broken { provider: self.provider.clone(), reason: self.printable(reason) }
    }

    fn without_key(&self, text: Utf8Bytes) -> Utf8Bytes {
        match &self.key {
            Some(key) if !key.is_empty() && text.contains(key) => text.replace(key, "[key]").into(),
            _ => text,
        }
    }

    fn printable(&self, text: &str) -> String {
        http::printable(text, self.key.as_deref())
    }
}

/// The address of what stands at `{base}/{version}/{path}`; `base` may have the version, and `http` for `ws`.
#[must_use]
pub fn url<'a>(
    base: &str,
    version: &str,
    path: &str,
    query: impl Iterator<Item = (&'a str, &'a str)>,
) -> String {
    let base = base.trim_end_matches('/');
    let base = base.strip_suffix(version).unwrap_or(base).trim_end_matches('/');
    let base = base.strip_prefix("http").map_or(base.to_owned(), |rest| format!("ws{rest}"));
    let url = format!("{base}/{version}/{path}");
    // What is no address is refused where it is connected to.
    Url::parse_with_params(&url, query).map_or(url, Into::into)
}

fn limits() -> WebSocketConfig {
    WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE_BYTES))
        .max_frame_size(Some(MAX_MESSAGE_BYTES))
        .read_buffer_size(BUFFER_BYTES)
        .write_buffer_size(BUFFER_BYTES)
}
