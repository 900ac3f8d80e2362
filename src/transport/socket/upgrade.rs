//! From a GET request to the tutor's socket: who it is for, and whether there is room. It reads no frame.

use std::net::SocketAddr;

use axum::{
    extract::{ConnectInfo, RawQuery, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};

use crate::{
    app::App,
    domain::{ConversationId, random_token},
    transport::{error::Problem, gate, read},
};

use super::{
    Visit,
    handshake::Handshake,
    run,
    wire::{Allowance, Wire},
};

/// The tutor dialect's socket.
#[utoipa::path(
    get,
    path = "/ws",
    params(
        ("conversationId" = Option<String>, Query, description = "Without one the server names it"),
        ("after" = Option<u64>, Query, description = "Resume behind this event, with epoch"),
        ("epoch" = Option<String>, Query, description = "The life of the log in which after counts"),
        ("deltas" = Option<bool>, Query, description = "Text as it is released")
    ),
    responses((status = 101, description = "A WebSocket; docs/PROTOCOL.md shows its frames"))
)]
pub(in crate::transport) async fn tutor(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    handshake: Handshake,
) -> Result<Response, Problem> {
    let query = query.unwrap_or_default();
    let name = conversation_name(&query)?;
    let user = gate::user(&app, &headers, Some(&query));
    let seat = gate::seat(&app, user.as_ref(), peer.ip())?;
    let visit = Box::new(Visit {
        user,
        seat,
        address: peer.ip(),
        name,
        resume: read::resume(&query),
        deltas: gate::parameter(&query, "deltas") == Some("true"),
        app,
    });
    let shutdown = visit.app.shutdown.clone();
    let (answer, upgrade) = handshake.accept(offered_token(&headers));
    // Tracked, so that the process does not end before it has told its clients.
    shutdown.spawn("socket", async move {
        // A client that has gone meanwhile leaves nothing to carry.
        if let Ok(upgraded) = upgrade.await {
            let metrics = visit.app.metrics.wire.clone();
            run(Wire::new(upgraded, Allowance::COMMANDS, metrics).await, visit).await;
        }
    });
    Ok(answer)
}

/// The name in the query, else a new one that nobody can guess.
fn conversation_name(query: &str) -> Result<String, Problem> {
    let Some(name) = gate::parameter(query, "conversationId") else { return Ok(random_token()) };
    if ConversationId::parse(name).is_none() {
        let detail = "conversationId: expected 1 to 64 characters of A-Z a-z 0-9 _ -";
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_field", detail));
    }
    Ok(name.to_owned())
}

/// A browser that offers its token as a subprotocol fails unless the server selects it.
fn offered_token(headers: &HeaderMap) -> Option<HeaderValue> {
    let line = headers.get(header::SEC_WEBSOCKET_PROTOCOL)?.to_str().ok()?;
    let mut offered = line.split(',').map(str::trim);
    let token = offered.find(|protocol| protocol.starts_with(gate::TOKEN_PROTOCOL))?;
    HeaderValue::from_str(token).ok()
}
