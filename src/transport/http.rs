//! Which address leads where.

mod audio;
pub(super) mod bodies;
mod catalogue;
mod chat;
mod conversations;
mod events;
mod items;
mod openapi;
mod tickets;
mod transcribe;

use axum::{
    Extension, Router,
    extract::DefaultBodyLimit,
    http::StatusCode,
    middleware,
    response::IntoResponse,
    routing::{get, post},
};

use crate::app::App;

use super::{
    calls::{self, Calls},
    error::Problem,
    gate, health, listen, page, realtime, socket, watch,
};

/// Longest body of a request, in bytes: a message of 8,000 characters fits whatever its script.
pub(super) const BODY_LIMIT: usize = 64 * 1024;

/// The whole public listener.
pub(super) fn router(app: App, calls: Calls) -> Router {
    let recordings = DefaultBodyLimit::max(transcribe::BODY_LIMIT);
    let transcribe = post(transcribe::transcribe).layer(recordings);
    let api = Router::new()
        .route("/chat", post(chat::chat))
        .route("/conversations", get(conversations::list))
        .route("/conversations/{id}/messages", get(conversations::messages))
        .route("/conversations/{id}/events", get(events::events))
        .route("/conversations/{id}/stop", post(conversations::stop))
        .route("/conversations/{id}/played", post(conversations::played))
        .route("/audio/{file}", get(audio::audio))
        .route("/voices", get(catalogue::voices))
        .route("/models", get(catalogue::models))
        .route("/scenarios", get(catalogue::scenarios))
        .route("/tickets", post(tickets::ticket))
        .route("/transcribe", transcribe);
    Router::new()
        .nest("/api/v1", api)
        .route("/ws", get(socket::upgrade::tutor))
        .merge(realtime_api(calls))
        .merge(deepgram_api())
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/version", get(health::version))
        .route("/openapi.json", get(openapi::document))
        .route("/", get(page::index))
        .method_not_allowed_fallback(wrong_method)
        .fallback_service(get(page::asset).fallback(nothing_here))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(middleware::from_fn_with_state(app.clone(), gate::admit))
        .layer(middleware::from_fn_with_state(app.metrics.wire.clone(), watch::watch))
        .with_state(app)
}

/// OpenAI's addresses, with refusals in OpenAI's shape.
fn realtime_api(calls: Calls) -> Router<App> {
    let calls = Router::new()
        .route("/v1/realtime", post(calls::http::older_call).get(realtime::upgrade::socket))
        .route("/v1/realtime/calls", post(calls::http::call))
        .route("/v1/realtime/calls/{call_id}", post(calls::http::restart))
        .route("/v1/realtime/calls/{call_id}/hangup", post(calls::http::hang_up))
        .layer(DefaultBodyLimit::max(calls::http::BODY_LIMIT))
        .layer(Extension(calls));
    Router::new()
        .merge(calls)
        .route("/v1/realtime/client_secrets", post(realtime::secrets::client_secret))
        .route("/v1/realtime/sessions", post(realtime::secrets::session))
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn(realtime::refusal::reshape))
}

/// Deepgram's address, with refusals in Deepgram's shape.
fn deepgram_api() -> Router<App> {
    Router::new()
        .route("/v1/listen", get(listen::upgrade::socket))
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn(listen::reshape))
}

async fn wrong_method() -> impl IntoResponse {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "this address takes another method",
    )
}

pub(super) async fn nothing_here() -> Problem {
    Problem::not_found()
}
