//! From a GET request to a listening: who it is for, what is to be heard, and whether there is room. It reads no frame.

use std::net::SocketAddr;

use axum::{
    extract::{ConnectInfo, RawQuery, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{connection::Connection, refusal, wanted::Wanted};
use crate::{
    app::App,
    auth::User,
    telemetry::metrics::{Carrier, Dialect},
    transport::{
        error::Problem,
        gate,
        socket::{
            handshake::Handshake,
            wire::{Allowance, Wire},
        },
    },
};

/// Sound comes in frames of any length, texts are requests.
const ALLOWANCE: Allowance = Allowance { message_bytes: 1024 * 1024, counts_texts: true };
/// Subprotocols that a client offers before its key.
const KEY_FOLLOWS: [&str; 2] = ["token", "bearer"];

/// Live transcription in Deepgram's wire shape.
#[utoipa::path(
    get,
    path = "/v1/listen",
    params(
        ("encoding" = String, Query, description = "linear16, linear32, mulaw, alaw or opus"),
        ("sample_rate" = Option<u32>, Query, description = "In hertz; opus needs none"),
        ("channels" = Option<u16>, Query, description = "1, or 2 that are mixed"),
        ("language" = Option<String>, Query, description = "Else the engine finds out"),
        ("interim_results" = Option<bool>, Query, description = "Words that may still change, too"),
        ("endpointing" = Option<String>, Query, description = "Milliseconds of silence, or false"),
        ("utterance_end_ms" = Option<u32>, Query, description = "Silence before UtteranceEnd"),
        ("vad_events" = Option<bool>, Query, description = "SpeechStarted as well")
    ),
    responses((status = 101, description = "A WebSocket with Deepgram's frames"))
)]
pub(in crate::transport) async fn socket(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    handshake: Handshake,
) -> Result<Response, Problem> {
    let query = query.unwrap_or_default();
    let user = caller(&app, &headers, &query).ok_or_else(Problem::unauthorized)?;
    let wanted = match Wanted::read(&query) {
        Ok(wanted) => wanted,
        Err(detail) => return Ok(refusal::bad_query(&detail).into_response()),
    };
    app.limits.rates.start(&user.id, peer.ip())?;
    let seat = gate::seat(&app, Some(&user), peer.ip())?;
    let connection = Connection::open(&app, wanted, seat).map_err(|_| no_ears())?;
    let selected = protocols(&headers).find_map(key_scheme);
    let (answer, upgrade) = handshake.accept(selected.map(HeaderValue::from_static));
    let shutdown = app.shutdown.clone();
    // Tracked, so that the process does not end before it has told its clients.
    shutdown.spawn("listening socket", async move {
        // A client that has gone meanwhile leaves nothing to carry.
        let Ok(upgraded) = upgrade.await else { return };
        let _open = app.metrics.wire.open(Dialect::Listen, Carrier::Socket);
        let mut wire = Wire::new(upgraded, ALLOWANCE, app.metrics.wire.clone()).await;
        let closing = connection.carry(&mut wire).await;
        wire.close(closing).await;
    });
    Ok(answer)
}

/// By Deepgram's own ways to carry a key, or as anywhere else.
fn caller(app: &App, headers: &HeaderMap, query: &str) -> Option<User> {
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = token.and_then(|value| value.split_once(' '));
    let token = token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("token"));
    let offered: Vec<&str> = protocols(headers).collect();
    let offered = offered.windows(2).find_map(|pair| key_scheme(pair[0]).map(|_| pair[1]));
    let keys = [token.map(|(_, key)| key.trim()), offered];
    let known = keys.into_iter().flatten().find_map(|key| app.auth.user(Some(key)));
    known.or_else(|| gate::user(app, headers, Some(query)))
}

/// The subprotocols that a client offers.
fn protocols(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).into_iter();
    let lines = lines.filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}

/// A client that names its key's kind as a subprotocol fails unless the server selects it.
fn key_scheme(offered: &str) -> Option<&'static str> {
    KEY_FOLLOWS.into_iter().find(|scheme| *scheme == offered)
}

fn no_ears() -> Problem {
    let detail = "the server has nothing to hear with; parla doctor says what is missing";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "no_ears", detail)
}
