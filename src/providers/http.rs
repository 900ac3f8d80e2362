//! What every HTTP adapter shares: one way to build a client, one way to read a failure. No retry, no policy.

mod plain;

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::{Client, Response, StatusCode, header::HeaderMap, redirect};

use super::{ProviderError, without_keys};

pub use plain::PlainClient;

/// A service that is there answers a connection at once; learners are told within two seconds when it is not.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_millis(1500);
/// Connections to one server that are kept for the next request.
const IDLE_CONNECTIONS: usize = 64;
pub(super) const USER_AGENT: &str = concat!("parla/", env!("CARGO_PKG_VERSION"));
/// How much of an error page is read, in bytes.
const EXCERPT_BYTES: usize = 4096;
/// How much of it a person is shown, in characters.
const EXCERPT_CHARS: usize = 200;

/// A client that follows no redirect (an upstream cannot send parla elsewhere) and keeps its connections.
///
/// # Errors
/// When the TLS set-up of the process is broken.
pub fn client() -> reqwest::Result<Client> {
    Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .redirect(redirect::Policy::none())
        .pool_max_idle_per_host(IDLE_CONNECTIONS)
        .tcp_nodelay(true)
        .user_agent(USER_AGENT)
        .build()
}

/// The address of `path` at an OpenAI-compatible server, whose own address may end in `/v1` or not.
#[must_use]
pub fn endpoint(server: &str, path: &str) -> String {
    let base = server.trim_end_matches('/');
    format!("{}/v1/{path}", base.strip_suffix("/v1").unwrap_or(base))
}

/// The whole body, as far as it has at most `most` bytes.
///
/// # Errors
/// When it is longer or cut off.
pub async fn body(
    provider: &str,
    mut response: Response,
    most: usize,
) -> Result<Bytes, ProviderError> {
    let announced = response.content_length().unwrap_or(0);
    let room = usize::try_from(announced).unwrap_or(0).min(most);
    let mut body = BytesMut::with_capacity(room);
    while let Some(bytes) = response.chunk().await.map_err(|error| failure(provider, &error))? {
        if body.len() + bytes.len() > most {
            let reason = format!("more than {most} bytes");
            return Err(ProviderError::Broken { provider: provider.to_owned(), reason });
        }
        body.extend_from_slice(&bytes);
    }
    Ok(body.freeze())
}

/// What a failed exchange means: before the answer it is unreachable or late, within it cut.
#[must_use]
pub fn failure(provider: &str, error: &reqwest::Error) -> ProviderError {
    let provider = provider.to_owned();
    let reason = root_cause(error);
    if error.is_connect() || error.is_builder() {
        ProviderError::Unreachable { provider, reason }
    } else if error.is_timeout() {
        ProviderError::TimedOut { provider }
    } else {
        ProviderError::Cut { provider, reason }
    }
}

/// What an answer with an error status means.
///
/// Services repeat the key that they refuse: `key` is taken out of what they say.
pub async fn refusal(provider: &str, mut response: Response, key: Option<&str>) -> ProviderError {
    let mut body = Vec::new();
    while let Ok(Some(bytes)) = response.chunk().await {
        body.extend_from_slice(&bytes);
        if body.len() >= EXCERPT_BYTES {
            break;
        }
    }
    refused(provider, (response.status(), response.headers()), &body, key)
}

/// The same for an answer whose body has been read, as far as it was.
pub(super) fn refused(
    provider: &str,
    (status, headers): (StatusCode, &HeaderMap),
    body: &[u8],
    key: Option<&str>,
) -> ProviderError {
    let provider = provider.to_owned();
    if matches!(status.as_u16(), 429 | 503 | 529) {
        return ProviderError::AtCapacity { provider, retry_after: retry_after(headers) };
    }
    let reason = format!("{status}: {}{}", excerpt(body, key), hint(status));
    if status.is_client_error() && status != StatusCode::REQUEST_TIMEOUT {
        ProviderError::Rejected { provider, reason }
    } else {
        ProviderError::Broken { provider, reason }
    }
}

/// What whoever runs parla can do about it.
fn hint(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            "; check the key that parla's settings give it"
        }
        StatusCode::PAYMENT_REQUIRED => "; its account has nothing left",
        StatusCode::NOT_FOUND => "; check its address and the model's name in parla's settings",
        _ => "",
    }
}

/// What a service says, made safe to print: without its key, and short.
pub(super) fn printable(text: &str, key: Option<&str>) -> String {
    // Before it is cut: a part of a key is none to be shown, either.
    let text = match key.filter(|key| !key.is_empty()) {
        Some(key) => text.replace(key, "[key]"),
        None => text.to_owned(),
    };
    let text = without_keys(&text);
    text.chars().filter(|char| !char.is_control()).take(EXCERPT_CHARS).collect()
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get("retry-after")?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// The message inside the usual error bodies, else the beginning of the body, made safe to print.
fn excerpt(body: &[u8], key: Option<&str>) -> String {
    let text = String::from_utf8_lossy(body);
    let message = serde_json::from_str::<serde_json::Value>(&text).ok().and_then(|json| {
        let error = json.get("error").or_else(|| json.get("detail"))?;
        error.get("message").unwrap_or(error).as_str().map(str::to_owned)
    });
    printable(message.as_deref().unwrap_or(&text), key)
}

/// The innermost error says what happened; the outer ones repeat the address, which may hold a secret.
fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    if std::ptr::addr_eq(cause, error) {
        "the request failed".to_owned()
    } else {
        cause.to_string()
    }
}
