//! From a GET request to a socket: what a client must bring, and how much memory a socket may take.

use axum::{
    extract::{
        RawQuery, State, WebSocketUpgrade, ws::rejection::WebSocketUpgradeRejection as Rejection,
    },
    http::{HeaderMap, HeaderValue, StatusCode, Version, header},
    response::{IntoResponse, Response},
};

use crate::{
    app::App,
    domain::{ConversationId, random_token},
    transport::{error::Problem, gate, http::read},
};

use super::{Visit, run};

/// Largest message, in bytes.
const MESSAGE_LIMIT: usize = 64 * 1024;
/// Buffers of one socket, in bytes: the library's own default costs 128 KiB an idle socket.
const BUFFER: usize = 4096;

/// The tutor dialect's socket.
pub(in crate::transport) async fn tutor(
    State(app): State<App>,
    version: Version,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    upgrade: Result<WebSocketUpgrade, Rejection>,
) -> Result<Response, Response> {
    if version < Version::HTTP_11 {
        return Err(bad_upgrade("a socket needs HTTP/1.1"));
    }
    let upgrade = upgrade.map_err(|rejection| refused(&rejection))?;
    let query = query.unwrap_or_default();
    let name = conversation_name(&query).map_err(IntoResponse::into_response)?;
    let visit = Visit {
        user: gate::user(&app, &headers, Some(&query)),
        name,
        resume: read::resume(&query),
        deltas: gate::parameter(&query, "deltas") == Some("true"),
        app,
    };
    let upgrade = upgrade
        .max_message_size(MESSAGE_LIMIT)
        .max_frame_size(MESSAGE_LIMIT)
        .read_buffer_size(BUFFER)
        .write_buffer_size(BUFFER)
        .protocols(offered_token(&headers));
    let shutdown = visit.app.shutdown.clone();
    Ok(upgrade.on_upgrade(async move |socket| {
        // Tracked, so that the process does not end before it has told its clients.
        shutdown.spawn("socket", run(socket, visit));
    }))
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
fn offered_token(headers: &HeaderMap) -> Option<String> {
    let line = headers.get(header::SEC_WEBSOCKET_PROTOCOL)?.to_str().ok()?;
    let mut offered = line.split(',').map(str::trim);
    offered.find(|protocol| protocol.starts_with(gate::TOKEN_PROTOCOL)).map(str::to_owned)
}

fn refused(rejection: &Rejection) -> Response {
    match rejection {
        Rejection::InvalidWebSocketVersionHeader(_) => {
            upgrade_required("version 13 is spoken here")
        }
        Rejection::InvalidConnectionHeader(_) | Rejection::InvalidUpgradeHeader(_) => {
            upgrade_required("this address is a WebSocket")
        }
        Rejection::MethodNotGet(_) => Problem::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "a socket is asked for with GET",
        )
        .into_response(),
        _ => bad_upgrade("the request for a socket is not complete"),
    }
}

fn upgrade_required(detail: &str) -> Response {
    let problem = Problem::new(StatusCode::UPGRADE_REQUIRED, "upgrade_required", detail);
    let mut response = problem.into_response();
    let headers = response.headers_mut();
    headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    response
}

fn bad_upgrade(detail: &str) -> Response {
    Problem::new(StatusCode::BAD_REQUEST, "bad_upgrade", detail).into_response()
}
