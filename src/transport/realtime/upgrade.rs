//! From a GET request to a session of the Realtime protocol: who it is for, and whether there is room. It reads no frame.

use std::net::SocketAddr;

use axum::{
    extract::{ConnectInfo, RawQuery, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use serde_json::json;

use super::{call::Call, connection::Connection, grant::Grant};
use crate::{
    app::App,
    auth::User,
    domain::ConversationId,
    realtime::SoundPath,
    telemetry::metrics::{Carrier, Dialect},
    transport::{
        error::Problem,
        gate,
        socket::{
            handshake::Handshake,
            wire::{Allowance, Closing, Wire},
        },
    },
};

/// A subprotocol that carries a key, for browsers that cannot send a header with a socket.
const KEY_PROTOCOL: &str = "openai-insecure-api-key.";
/// What a client that carries a key that way expects to be selected.
const PROTOCOL: &str = "realtime";
/// Sound comes as base64 in events of any length, with its own pace.
const ALLOWANCE: Allowance = Allowance { message_bytes: 15 * 1024 * 1024, counts_texts: false };

/// A session of OpenAI's Realtime protocol.
#[utoipa::path(
    get,
    path = "/v1/realtime",
    params(
        ("model" = Option<String>, Query, description = "Any name: the configured model answers"),
        ("conversation_id" = Option<String>, Query, description = "Joins that conversation; else a new one begins")
    ),
    responses((status = 101, description = "A WebSocket with OpenAI's events"))
)]
pub(in crate::transport) async fn socket(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    handshake: Handshake,
) -> Result<Response, Problem> {
    let query = query.unwrap_or_default();
    let (user, grant) = caller(&app, &headers, &query)?;
    let grant = completed(grant, &headers, &query)?;
    let seat = gate::seat(&app, Some(&user), peer.ip())?;
    let selected = protocols(&headers).any(|offered| offered == PROTOCOL);
    let (answer, upgrade) = handshake.accept(selected.then(|| HeaderValue::from_static(PROTOCOL)));
    let shutdown = app.shutdown.clone();
    // Tracked, so that the process does not end before it has told its clients.
    shutdown.spawn("realtime socket", async move {
        // A client that has gone meanwhile leaves nothing to carry.
        let Ok(upgraded) = upgrade.await else { return };
        let _open = app.metrics.wire.open(Dialect::Realtime, Carrier::Socket);
        let mut wire = Wire::new(upgraded, ALLOWANCE, app.metrics.wire.clone()).await;
        let opened = Call::open(app.clone(), (user, peer.ip()), grant, SoundPath::Events).await;
        let closing = match opened {
            Ok((call, first)) => Connection::new(&app, call, seat).carry(&mut wire, first).await,
            // Grants are tried when they are given.
            Err(_) => Closing::ABUSE,
        };
        wire.close(closing).await;
    });
    Ok(answer)
}

/// Whoever asks, and what they may do: by a secret made for them, or as anywhere else.
pub(in crate::transport) fn caller(
    app: &App,
    headers: &HeaderMap,
    query: &str,
) -> Result<(User, Grant), Problem> {
    let key = protocols(headers).find_map(|offered| offered.strip_prefix(KEY_PROTOCOL));
    let keys = [gate::bearer(headers), key];
    for key in keys.into_iter().flatten() {
        if let Some((user, grant)) = app.auth.ephemeral_grant(key) {
            let grant = serde_json::from_value(grant).map_err(|_| Problem::unauthorized())?;
            return Ok((user, grant));
        }
    }
    let user = gate::user(app, headers, Some(query));
    let user = user.or_else(|| app.auth.user(key)).ok_or_else(Problem::unauthorized)?;
    Ok((user, Grant::default()))
}

/// What the request adds to a grant. A secret's conversation is the one it was made for.
pub(in crate::transport) fn completed(
    mut grant: Grant,
    headers: &HeaderMap,
    query: &str,
) -> Result<Grant, Problem> {
    let asks_for_older = headers.get("openai-beta").is_some_and(|value| value == "realtime=v1");
    grant.older |=
        asks_for_older || protocols(headers).any(|name| name == "openai-beta.realtime-v1");
    if gate::parameter(query, "intent") == Some("transcription") {
        grant.session.entry("type").or_insert_with(|| json!("transcription"));
    }
    if grant.conversation.is_none() {
        grant.conversation = gate::parameter(query, "conversation_id").map(str::to_owned);
    }
    conversation_name(grant.conversation.as_deref())?;
    Ok(grant)
}

/// # Errors
/// For a name that no conversation can have.
pub(super) fn conversation_name(name: Option<&str>) -> Result<(), Problem> {
    if name.is_none_or(|name| ConversationId::parse(name).is_some()) {
        return Ok(());
    }
    let detail = "conversation_id: expected 1 to 64 characters of A-Z a-z 0-9 _ -";
    Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_field", detail))
}

/// The subprotocols that a client offers.
fn protocols(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).into_iter();
    let lines = lines.filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}
