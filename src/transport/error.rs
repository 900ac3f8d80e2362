//! The one mapping from what went wrong to an HTTP answer: `application/problem+json` with a stable `code`.

use std::borrow::Cow;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::{dialect::json::BadInput, domain::Failure, limits::TooFast, storage::StorageError};

/// The code of a refusal, for whoever counts answers.
#[derive(Clone)]
pub(super) struct RefusalCode(pub(super) Cow<'static, str>);

/// A refusal.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    status: StatusCode,
    code: Cow<'static, str>,
    detail: String,
    retry_after_s: Option<u32>,
    ends_connection: bool,
}

impl Problem {
    pub(super) fn new(
        status: StatusCode,
        code: impl Into<Cow<'static, str>>,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            status,
            code: code.into(),
            detail: detail.into(),
            retry_after_s: None,
            ends_connection: false,
        }
    }

    /// A turn that failed the first time, asked for again.
    pub(super) fn of_failed_turn(code: String) -> Self {
        Self::new(status_of(&code), code, "the turn failed; send the message anew to try again")
    }

    /// Also the answer for what exists but belongs to somebody else.
    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "there is nothing under this address")
    }

    pub(super) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "a token of this server is needed")
    }

    /// The server's own fault, and no more is said of it.
    pub(super) fn internal() -> Self {
        let detail = "something broke in the server; its log says what";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", detail)
    }

    pub(super) fn code(&self) -> &str {
        &self.code
    }

    /// For people.
    pub(super) fn detail(&self) -> &str {
        &self.detail
    }

    pub(super) fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// The request was not read to its end, so that no other can follow it.
    pub(super) fn ending_connection(mut self) -> Self {
        self.ends_connection = true;
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let title = self.status.canonical_reason().unwrap_or("Error");
        let status = self.status.as_u16();
        let body =
            json!({"title": title, "status": status, "code": self.code, "detail": self.detail});
        let problem = HeaderValue::from_static("application/problem+json");
        let mut response =
            (self.status, [(header::CONTENT_TYPE, problem)], body.to_string()).into_response();
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        if self.ends_connection {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
        }
        response.extensions_mut().insert(RefusalCode(self.code.clone()));
        response.extensions_mut().insert(self);
        response
    }
}

impl From<BadInput> for Problem {
    fn from(bad: BadInput) -> Self {
        let status = match bad {
            BadInput::Json(_) | BadInput::TooDeep => StatusCode::BAD_REQUEST,
            BadInput::UnknownType(_) | BadInput::Field { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Self::new(status, bad.code(), bad.to_string())
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        let status = status_of(failure.code);
        let problem = Self::new(status, failure.code, failure.message);
        match status {
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                problem.retry_after(1)
            }
            _ => problem,
        }
    }
}

impl From<TooFast> for Problem {
    fn from(too_fast: TooFast) -> Self {
        let seconds = u32::try_from(too_fast.wait.as_secs()).unwrap_or(u32::MAX);
        Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", too_fast.to_string())
            .retry_after(seconds.saturating_add(1))
    }
}

impl From<StorageError> for Problem {
    fn from(error: StorageError) -> Self {
        tracing::error!(code = "storage_failed", %error, "the store does not answer");
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "storage_unavailable",
            "what is stored cannot be read at the moment",
        )
        .retry_after(1)
    }
}

/// The HTTP status of a turn's or message's failure.
fn status_of(code: &str) -> StatusCode {
    match code {
        "MESSAGE_TOO_LONG" => StatusCode::PAYLOAD_TOO_LARGE,
        "empty_message" | "idempotency_conflict" => StatusCode::UNPROCESSABLE_ENTITY,
        "busy" => StatusCode::TOO_MANY_REQUESTS,
        "at_capacity" | "shutting_down" | "storage_unavailable" | "too_slow" => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        "llm_timeout" | "llm_stalled" => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::BAD_GATEWAY,
    }
}
