//! The addresses of calls: an offer makes one, a further offer moves it to another network, a request ends it. It reads no
//! line of an offer itself.

use std::net::SocketAddr;

use axum::{
    Extension,
    body::Body,
    extract::{ConnectInfo, FromRequest, Multipart, Path, RawQuery, Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde_json::{Map, Value};

use super::{
    CallError, Calls,
    carrier::Carrier,
    line::{Order, RestartError},
    offer::{LONGEST, Offer, OfferError},
};
use crate::{
    app::App,
    auth::User,
    dialect::json,
    realtime::SoundPath,
    transport::{
        error::Problem,
        gate, read,
        realtime::{
            call::Call,
            grant::Grant,
            refusal::Refusal,
            upgrade::{caller, completed},
        },
    },
};

/// Longest body: an offer, and beside it a session with its instructions and tools.
pub(in crate::transport) const BODY_LIMIT: usize = 4 * LONGEST;
const SDP: &str = "application/sdp";

/// A call begins.
#[utoipa::path(
    post,
    path = "/v1/realtime/calls",
    params(
        ("model" = Option<String>, Query, description = "Any name: the configured model answers"),
        ("conversation_id" = Option<String>, Query, description = "Joins that conversation; else a new one begins")
    ),
    request_body(content = String, content_type = "application/sdp", description = "An SDP offer; or multipart/form-data with the parts sdp and session"),
    responses((status = 201, content_type = "application/sdp", body = String, description = "The SDP answer; Location names the call"))
)]
pub(in crate::transport) async fn call(
    state: State<App>,
    calls: Extension<Calls>,
    peer: ConnectInfo<SocketAddr>,
    query: RawQuery,
    request: Request,
) -> Result<Response, Refusal> {
    begin((state.0, calls.0, peer.0), query, request, false).await
}

/// A call of the older shape.
#[utoipa::path(
    post,
    path = "/v1/realtime",
    request_body(content = String, content_type = "application/sdp", description = "An SDP offer"),
    responses((status = 201, content_type = "application/sdp", body = String, description = "The SDP answer; Location names the call"))
)]
pub(in crate::transport) async fn older_call(
    state: State<App>,
    calls: Extension<Calls>,
    peer: ConnectInfo<SocketAddr>,
    query: RawQuery,
    request: Request,
) -> Result<Response, Refusal> {
    begin((state.0, calls.0, peer.0), query, request, true).await
}

/// The caller is in another network.
#[utoipa::path(
    post,
    path = "/v1/realtime/calls/{call_id}",
    params(("call_id" = String, Path, description = "The last part of Location")),
    request_body(content = String, content_type = "application/sdp", description = "An offer that restarts ICE"),
    responses((status = 200, content_type = "application/sdp", body = String, description = "The SDP answer"))
)]
pub(in crate::transport) async fn restart(
    State(app): State<App>,
    Extension(calls): Extension<Calls>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let (user, _) = admitted(&app, peer, request.headers(), "")?;
    let orders = calls.find(&id, &user.id).ok_or_else(Problem::not_found)?;
    let (offer, _) = read_offer(request, &app).await?;
    let answer = Calls::restart(&orders, offer).await.map_err(Problem::from)?;
    Ok(([(header::CONTENT_TYPE, SDP)], answer).into_response())
}

/// The call ends.
#[utoipa::path(
    post,
    path = "/v1/realtime/calls/{call_id}/hangup",
    params(("call_id" = String, Path, description = "The last part of Location")),
    responses((status = 200, description = "It is over"))
)]
pub(in crate::transport) async fn hang_up(
    State(app): State<App>,
    Extension(calls): Extension<Calls>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Refusal> {
    let (user, _) = admitted(&app, peer, &headers, "")?;
    let orders = calls.find(&id, &user.id).ok_or_else(Problem::not_found)?;
    // A line that has ended meanwhile is what was asked for.
    drop(orders.send(Order::HangUp).await);
    Ok(StatusCode::OK)
}

async fn begin(
    (app, calls, peer): (App, Calls, SocketAddr),
    RawQuery(query): RawQuery,
    request: Request,
    is_older: bool,
) -> Result<Response, Refusal> {
    let query = query.unwrap_or_default();
    let (user, grant) = admitted(&app, peer, request.headers(), &query)?;
    let mut grant = completed(grant, request.headers(), &query)?;
    grant.older |= is_older;
    let (offer, session) = read_offer(request, &app).await?;
    grant.session.extend(session);
    let seat = gate::seat(&app, Some(&user), peer.ip())?;
    let who = (user.clone(), peer.ip());
    let (call, first) = Call::open(app.clone(), who, grant, SoundPath::Carrier).await?;
    let (handset, answer) = calls.answer(offer).await.map_err(Problem::from)?;
    let listing = calls.list(user.id, &handset.orders);
    let place = format!("/v1/realtime/calls/{}", listing.id);
    let carrier = Carrier::new(&app, call, handset, (seat, listing));
    app.shutdown.spawn("call", carrier.carry(first));
    let headers = [(header::CONTENT_TYPE, SDP.to_owned()), (header::LOCATION, place)];
    Ok((StatusCode::CREATED, headers, answer).into_response())
}

/// Whoever asks, counted as one who starts work.
fn admitted(
    app: &App,
    peer: SocketAddr,
    headers: &HeaderMap,
    query: &str,
) -> Result<(User, Grant), Problem> {
    let (user, grant) = caller(app, headers, query)?;
    app.limits.rates.start(&user.id, peer.ip())?;
    Ok((user, grant))
}

/// The offer, alone or as a part beside the session it is for.
async fn read_offer(request: Request, app: &App) -> Result<(Offer, Map<String, Value>), Problem> {
    let (parts, body) = request.into_parts();
    let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let is_form = kind.eq_ignore_ascii_case("multipart/form-data");
    if !is_form && !kind.eq_ignore_ascii_case(SDP) {
        let detail = "send application/sdp, or multipart/form-data with the part sdp";
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Err(Problem::new(status, "unsupported_media_type", detail));
    }
    let limit = if is_form { BODY_LIMIT } else { LONGEST };
    let head = parts.clone();
    let body = read::body(Request::from_parts(parts, body), app, limit).await?;
    if is_form {
        return read_form(Request::from_parts(head, Body::from(body)), app).await;
    }
    Ok((offer(&body)?, Map::new()))
}

async fn read_form(request: Request, app: &App) -> Result<(Offer, Map<String, Value>), Problem> {
    let form = Multipart::from_request(request, app).await;
    let mut form = form.map_err(|_| bad_form())?;
    let (mut found, mut session) = (None, Map::new());
    while let Some(field) = form.next_field().await.map_err(|_| bad_form())? {
        let name = field.name().unwrap_or_default().to_owned();
        let body = field.bytes().await.map_err(|_| bad_form())?;
        match name.as_str() {
            "sdp" => found = Some(offer(&body)?),
            "session" => session = json::object(&body)?,
            _ => {}
        }
    }
    Ok((found.ok_or_else(bad_form)?, session))
}

fn offer(body: &Bytes) -> Result<Offer, Problem> {
    let text = std::str::from_utf8(body).map_err(|_| OfferError::NoSdp);
    Ok(text.and_then(Offer::read)?)
}

fn bad_form() -> Problem {
    let detail = "the form has no part sdp, or cannot be read";
    Problem::new(StatusCode::BAD_REQUEST, "bad_body", detail)
}

impl From<OfferError> for Problem {
    fn from(error: OfferError) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_offer", error.to_string())
    }
}

impl From<CallError> for Problem {
    fn from(error: CallError) -> Self {
        let detail = error.to_string();
        match error {
            CallError::Offer(error) => error.into(),
            CallError::Off => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "calls_unavailable", detail)
            }
            CallError::Busy => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "at_capacity", detail).retry_after(1)
            }
        }
    }
}

impl From<RestartError> for Problem {
    fn from(error: RestartError) -> Self {
        match error {
            RestartError::Offer(error) => error.into(),
            RestartError::Over => Self::not_found(),
            RestartError::TooMany => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", error.to_string())
            }
        }
    }
}
