//! The learner's page: static files built into the binary, under a policy that lets nothing else run.

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Redirect, Response},
};
use rust_embed::RustEmbed;
use serde::Deserialize;

use crate::app::App;

use super::{error::Problem, gate, read::Parameters};

/// Only the page's own files run, speak and are shown; every text is a text node.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    img-src 'self' data:; media-src 'self' blob:; manifest-src 'self'; object-src 'none'; base-uri 'none'; \
    form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
    trusted-types lit-html";
/// A browser keeps the key for a year.
const COOKIE_SECONDS: u32 = 365 * 24 * 3600;

#[derive(RustEmbed)]
#[folder = "web/"]
struct Files;

#[derive(Deserialize)]
pub(super) struct Entry {
    key: Option<String>,
}

/// The page itself. A link with the key swaps it for a cookie, so that it does not stay in the address.
#[utoipa::path(
    get,
    path = "/",
    params(("key" = Option<String>, Query, description = "Swapped for a cookie")),
    responses(
        (status = 200, content_type = "text/html", body = String),
        (status = 303, description = "The key was right"),
        (status = 304, description = "The page with that ETag is still the one")
    )
)]
pub(super) async fn index(
    State(app): State<App>,
    Parameters(entry): Parameters<Entry>,
    headers: HeaderMap,
) -> Response {
    match entry.key {
        Some(key) if app.auth.user(Some(&key)).is_some() => welcome(&key),
        Some(_) => Problem::unauthorized().into_response(),
        None => file("index.html", &headers),
    }
}

/// A file of the page.
pub(super) async fn asset(uri: Uri, headers: HeaderMap) -> Response {
    file(uri.path().trim_start_matches('/'), &headers)
}

fn welcome(key: &str) -> Response {
    let cookie = format!(
        "{}={key}; HttpOnly; SameSite=Strict; Path=/; Max-Age={COOKIE_SECONDS}",
        gate::COOKIE
    );
    let mut response = Redirect::to("/").into_response();
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

fn file(path: &str, headers: &HeaderMap) -> Response {
    let Some(found) = Files::get(path) else { return Problem::not_found().into_response() };
    let hash = found.metadata.sha256_hash();
    let tag: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let tag = format!("\"{tag}\"");
    let is_known = headers.get(header::IF_NONE_MATCH).is_some_and(|known| known == tag.as_str());
    let (status, body) = match is_known {
        true => (StatusCode::NOT_MODIFIED, Body::empty()),
        false => (StatusCode::OK, Body::from(found.data)),
    };
    let headers = [
        (header::CONTENT_TYPE, media_type(path).to_owned()),
        (header::CONTENT_SECURITY_POLICY, POLICY.to_owned()),
        (header::ETAG, tag),
        // The browser asks each time; the answer is short when nothing has changed.
        (header::CACHE_CONTROL, "no-cache".to_owned()),
    ];
    (status, headers, body).into_response()
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("webmanifest") => "application/manifest+json",
        Some("png") => "image/png",
        _ => "text/plain; charset=utf-8",
    }
}
