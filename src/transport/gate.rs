//! The door: which requests come in at all, and as whom. It lets nothing through that it does not understand.

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::{ConnectInfo, FromRequestParts, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::{
    app::App,
    auth::{Refused, User},
    limits::Seat,
};

use super::{error::Problem, server::TwoLengths};

/// The cookie that a browser gets for the key.
pub(super) const COOKIE: &str = "parla_key";
/// A subprotocol that carries a token, for browsers that cannot send a header with a socket.
pub(super) const TOKEN_PROTOCOL: &str = "parla.bearer.";

/// What a page of another origin may read of an answer, beside its body.
const EXPOSED: HeaderValue = HeaderValue::from_static("etag, content-range, location, retry-after");

/// Whoever asks, when that is somebody.
pub(super) struct Caller(pub(super) User);

/// Somebody who came with more than a ticket.
pub(super) struct KeyHolder;

/// Turns away what comes from elsewhere, and marks every answer.
pub(super) async fn admit(State(app): State<App>, request: Request, next: Next) -> Response {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let verdict = judge(&app, &request);
    let mut response = match verdict {
        Ok(()) if is_preflight(&request) => preflight(),
        Ok(()) => next.run(request).await,
        Err(problem) => return problem.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origin {
        // Only a page that was let in comes this far. Cookies are not for pages of other origins.
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
    response
}

/// A browser asks before it lets a page of another origin send JSON or a token.
fn is_preflight(request: &Request) -> bool {
    request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

fn preflight() -> Response {
    let headers = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
        (
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            "authorization, content-type, idempotency-key, last-event-id, range, x-openai-agents-sdk",
        ),
        (header::ACCESS_CONTROL_MAX_AGE, "600"),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

fn refusal(refused: Refused) -> Problem {
    match refused {
        Refused::Host => Problem::new(
            StatusCode::MISDIRECTED_REQUEST,
            "unknown_host",
            "this server does not answer under that name",
        ),
        Refused::Origin => Problem::new(
            StatusCode::FORBIDDEN,
            "origin_refused",
            "pages of that origin may not use this server; PARLA_ORIGINS lists those that may",
        ),
    }
}

fn bad_body(detail: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "bad_body", detail).ending_connection()
}

fn judge(app: &App, request: &Request) -> Result<(), Problem> {
    let codings = request.headers().get_all(header::TRANSFER_ENCODING);
    let is_chunked = |coding: &HeaderValue| coding.as_bytes().eq_ignore_ascii_case(b"chunked");
    // Where a body ends is a matter of its coding: one that is not understood is not guessed at.
    if codings.iter().count() > 1 || !codings.iter().all(is_chunked) {
        return Err(bad_body("a body may come in chunks and in no other transfer coding"));
    }
    if request.extensions().get::<TwoLengths>().is_some() {
        return Err(bad_body("a body that comes in chunks may not say its length as well"));
    }

    let text = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    // An origin that cannot be read is none that is known.
    let has_origin = request.headers().contains_key(header::ORIGIN);
    let origin = text(header::ORIGIN).or(has_origin.then_some("unreadable"));
    // Of a request that names the server twice, a proxy before it may have read the other name.
    if request.headers().get_all(header::HOST).iter().count() > 1 {
        return Err(refusal(Refused::Host));
    }
    let authority = request.uri().authority().map(|host| host.as_str());
    let host = authority.or_else(|| text(header::HOST));
    app.doors.admit(host, origin).map_err(refusal)
}

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let user = user(app, &parts.headers, parts.uri.query());
        counted(parts, app, user.ok_or_else(Problem::unauthorized)?).map(Self)
    }
}

impl FromRequestParts<App> for KeyHolder {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        // Where no key is asked for, none will do.
        let tokens = tokens(&parts.headers).into_iter().flatten().chain([""]);
        let user = tokens.into_iter().find_map(|token| app.auth.key_holder(token));
        counted(parts, app, user.ok_or_else(Problem::unauthorized)?).map(|_| Self)
    }
}

/// In this API a GET reads and a POST starts work: only so much of that is taken.
fn counted(parts: &Parts, app: &App, user: User) -> Result<User, Problem> {
    let peer: Option<&ConnectInfo<SocketAddr>> = parts.extensions.get();
    if let (&Method::POST, Some(ConnectInfo(peer))) = (&parts.method, peer) {
        app.limits.rates.start(&user.id, peer.ip())?;
    }
    Ok(user)
}

/// A place for a connection that stays.
pub(super) fn seat(app: &App, user: Option<&User>, address: IpAddr) -> Result<Seat, Problem> {
    let seat = app.limits.connections.seat(user.map(|user| &user.id), address);
    seat.ok_or_else(|| {
        let detail = "there are as many connections as there may be";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "at_capacity", detail).retry_after(5)
    })
}

/// The user behind a request: by header, by cookie, by subprotocol, or by a one-time ticket in the query.
pub(super) fn user(app: &App, headers: &HeaderMap, query: Option<&str>) -> Option<User> {
    // A stale cookie must not hide a good token, and a ticket is spent only when nothing else opens.
    let known = tokens(headers).into_iter().flatten().find_map(|token| app.auth.user(Some(token)));
    known.or_else(|| app.auth.user(query.and_then(|query| parameter(query, "ticket"))))
}

fn tokens(headers: &HeaderMap) -> [Option<&str>; 3] {
    [bearer(headers), cookie(headers), protocol_token(headers)]
}

/// A parameter of a query, for values that need no unescaping.
pub(super) fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.into_iter().find(|(key, _)| *key == name).map(|(_, value)| value)
}

pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|line| line.split(';')).filter_map(|pair| pair.split_once('='));
    pairs.find(|(name, _)| name.trim() == COOKIE).map(|(_, value)| value.trim())
}

fn protocol_token(headers: &HeaderMap) -> Option<&str> {
    let line = headers.get(header::SEC_WEBSOCKET_PROTOCOL)?.to_str().ok()?;
    line.split(',').find_map(|protocol| protocol.trim().strip_prefix(TOKEN_PROTOCOL))
}
