//! Refusals under `/v1/` in OpenAI's shape. They are the same refusals as anywhere else.

use axum::{
    Json,
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::{realtime::Fault, transport::error::Problem};

/// Why something under `/v1/` was not done.
pub(in crate::transport) enum Refusal {
    Problem(Problem),
    /// A session that cannot be.
    Fault(Fault),
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Problem(problem) => problem.into_response(),
            Self::Fault(fault) => {
                (StatusCode::BAD_REQUEST, Json(json!({"error": fault.shown()}))).into_response()
            }
        }
    }
}

/// Gives a problem OpenAI's shape, whoever has found it.
pub(in crate::transport) async fn reshape(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let Some(problem) = response.extensions().get::<Problem>() else { return response };
    let kind =
        if response.status().is_server_error() { "server_error" } else { "invalid_request_error" };
    let error = json!({
        "message": problem.detail(), "type": kind, "param": null, "code": problem.code(),
    });
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Response::from_parts(parts, json!({"error": error}).to_string().into())
}
