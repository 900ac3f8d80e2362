//! Refusals of `/v1/listen` in Deepgram's shape. They are the same refusals as anywhere else.

use axum::{
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::{domain::random_token, transport::error::Problem};

/// What the query asks for cannot be had.
pub(super) fn bad_query(detail: &str) -> Response {
    shaped(StatusCode::BAD_REQUEST.into_response(), "INVALID_QUERY_PARAMETER", detail)
}

/// Gives a problem Deepgram's shape, whoever has found it.
pub(in crate::transport) async fn reshape(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let Some(problem) = response.extensions().get::<Problem>().cloned() else { return response };
    let code = match problem.code() {
        "unauthorized" => "INVALID_AUTH".to_owned(),
        "rate_limited" => "TOO_MANY_REQUESTS".to_owned(),
        code => code.to_uppercase(),
    };
    shaped(response, &code, problem.detail())
}

fn shaped(response: Response, code: &str, detail: &str) -> Response {
    let request_id = random_token();
    let body = json!({"err_code": code, "err_msg": detail, "request_id": request_id});
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in [("dg-error", detail), ("dg-request-id", &request_id)] {
        if let Ok(value) = HeaderValue::from_str(value) {
            parts.headers.insert(name, value);
        }
    }
    Response::from_parts(parts, body.to_string().into())
}
