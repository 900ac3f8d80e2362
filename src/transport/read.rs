//! Reads what a request carries: bodies, parameters, the conversation in its path. It answers nothing.

use std::time::Duration;

use axum::{
    body::{Bytes, HttpBody},
    extract::{FromRequest, FromRequestParts, Path, Query, Request, rejection::BytesRejection},
    http::{StatusCode, header, request::Parts},
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tokio::time::timeout;

use crate::{app::App, dialect::json, domain::ConversationId, hub::Resume, session::Session};

use super::{
    error::Problem,
    gate::{self, Caller},
    http::BODY_LIMIT,
};

/// How long a body may take to arrive.
const BODY_PATIENCE: Duration = Duration::from_secs(10);

/// A body that is one JSON object, or nothing.
pub(super) struct JsonObject(pub(super) Map<String, Value>);

/// What the query says.
pub(super) struct Parameters<T>(pub(super) T);

/// The caller in the conversation that the path names.
pub(super) struct InConversation(pub(super) Session);

impl FromRequest<App> for JsonObject {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let kind = request.headers().get(header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or("application/json");
        let essence = kind.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("application/json") {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "send application/json",
            ));
        }
        let body = body(request, app, BODY_LIMIT).await?;
        // Where every field may be missing, the whole body may.
        if body.is_empty() {
            return Ok(Self(Map::new()));
        }
        Ok(Self(json::object(&body)?))
    }
}

impl<T: DeserializeOwned> FromRequestParts<App> for Parameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        match Query::from_request_parts(parts, app).await {
            Ok(Query(found)) => Ok(Self(found)),
            Err(rejection) => Err(invalid_field(rejection.body_text())),
        }
    }
}

impl FromRequestParts<App> for InConversation {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Caller(user) = Caller::from_request_parts(parts, app).await?;
        let path = Path::<String>::from_request_parts(parts, app).await;
        let Path(name) = path.map_err(|_| Problem::not_found())?;
        // A name that cannot be one is the name of nothing.
        ConversationId::parse(&name).ok_or_else(Problem::not_found)?;
        Ok(Self(Session::open(&app.conversations, &app.auth, user, Some(&name))))
    }
}

/// The whole body, of so many bytes at most; the router's own limit holds as well.
pub(super) async fn body(request: Request, app: &App, limit: usize) -> Result<Bytes, Problem> {
    // What announces itself as too large is not waited for.
    if request.body().size_hint().lower() > limit as u64 {
        return Err(too_large(limit));
    }
    let body = timeout(BODY_PATIENCE, Bytes::from_request(request, app)).await;
    body.map_err(|_| too_slow())?.map_err(|error| unreadable(&error, limit))
}

/// Where a client that comes back had got to; `None` when it does not say, or not both.
pub(super) fn resume(query: &str) -> Option<Resume> {
    let after = gate::parameter(query, "after")?.parse().ok()?;
    let epoch = gate::parameter(query, "epoch")?.to_owned();
    Some(Resume { epoch, after })
}

/// `detail` begins with the field's name.
pub(super) fn invalid_field(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_field", detail)
}

fn unreadable(rejection: &BytesRejection, limit: usize) -> Problem {
    match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => too_large(limit),
        status => Problem::new(status, "bad_body", "the body could not be read"),
    }
}

fn too_large(limit: usize) -> Problem {
    let detail = format!("a request has at most {} KiB", limit / 1024);
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail).ending_connection()
}

fn too_slow() -> Problem {
    Problem::new(StatusCode::REQUEST_TIMEOUT, "body_too_slow", "a body has 10 seconds to arrive")
        .ending_connection()
}
