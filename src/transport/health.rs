//! Whether the server lives, whether it can do its work, and which it is. It changes nothing.

use std::time::Duration;

use axum::{Json, extract::State, http::StatusCode};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use crate::{
    app::App,
    providers::{Synthesizer, breaker::BreakerState, guard::CircuitReport},
};

use super::http::bodies;

/// How long a dependency may take to say that it is well.
const PATIENCE: Duration = Duration::from_secs(2);

/// The process runs.
#[utoipa::path(get, path = "/healthz", responses((status = 200, body = String)))]
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// Which server this is.
#[utoipa::path(get, path = "/version", responses((status = 200, body = bodies::Version)))]
pub(super) async fn version() -> Json<Value> {
    Json(json!({"name": "parla", "version": env!("CARGO_PKG_VERSION")}))
}

/// Each dependency with its milliseconds and, when it is not well, the reason.
#[utoipa::path(
    get,
    path = "/readyz",
    responses(
        (status = 200, body = bodies::Readiness),
        (status = 503, body = bodies::Readiness, description = "No turn could be made")
    )
)]
pub(super) async fn ready(State(app): State<App>) -> (StatusCode, Json<Value>) {
    let model = check(async { app.model.check().await.map_err(|error| error.to_string()) });
    let storage = check(async { app.storage.check().await.map_err(|error| error.to_string()) });
    let voices = join_all(app.engines.iter().map(|engine| voice(&**engine)));
    let audio_cache = check(async { app.speech.cache_trouble().map_or(Ok(()), Err) });
    let (model, storage, voices, audio_cache) = tokio::join!(model, storage, voices, audio_cache);
    let is_well = |part: &Value| part["ok"] == json!(true);
    // One voice that speaks is enough: it stands in for the others. Without a folder sounds are kept in memory.
    let can_work = is_well(&model) && is_well(&storage) && voices.iter().any(is_well);
    let is_ready = can_work && !app.shutdown.is_draining();
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({
        "ready": is_ready,
        "model": model,
        "storage": storage,
        "voices": voices,
        "audioCache": audio_cache,
        "ears": ears(&app),
    });
    (status, Json(body))
}

/// As their breakers stand: a question would be a connection to a service that counts them.
fn ears(app: &App) -> Vec<Value> {
    let circuits = app.ears.transcriber().map(|ears| ears.circuits()).unwrap_or_default();
    let ear = |ear: CircuitReport| {
        let is_ok = ear.state == BreakerState::Closed;
        json!({"name": ear.provider, "ok": is_ok, "reason": ear.reason})
    };
    circuits.into_iter().map(ear).collect()
}

async fn voice(engine: &dyn Synthesizer) -> Value {
    let voices = async { engine.voices().await.map(drop).map_err(|error| error.to_string()) };
    let mut checked = check(voices).await;
    checked["name"] = json!(engine.name());
    checked
}

async fn check(work: impl Future<Output = Result<(), String>>) -> Value {
    let began = Instant::now();
    let result = timeout(PATIENCE, work).await.unwrap_or_else(|_| Err("no answer".to_owned()));
    let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    json!({"ok": result.is_ok(), "ms": ms, "reason": result.err()})
}
