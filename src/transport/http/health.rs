//! Whether the server lives, whether it can do its work, and which it is; and a ticket for who is in already.

use std::time::Duration;

use axum::{Json, extract::State, http::StatusCode};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use crate::{app::App, transport::gate::Caller};

/// How long a dependency may take to say that it is well.
const PATIENCE: Duration = Duration::from_secs(2);

/// The process runs.
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

pub(super) async fn version() -> Json<Value> {
    Json(json!({"name": "parla", "version": env!("CARGO_PKG_VERSION")}))
}

/// Each dependency with its milliseconds and, when it is not well, the reason.
pub(super) async fn ready(State(app): State<App>) -> (StatusCode, Json<Value>) {
    let model = check(async { app.model.check().await.map_err(|error| error.to_string()) });
    let storage = check(async { app.storage.check().await.map_err(|error| error.to_string()) });
    let voice = check(async {
        let first = app.engines.first().ok_or("no voice is configured")?;
        first.voices().await.map(drop).map_err(|error| error.to_string())
    });
    let (model, storage, voice) = tokio::join!(model, storage, voice);
    let is_well = [&model, &storage, &voice].iter().all(|part| part["ok"] == json!(true));
    let is_ready = is_well && !app.shutdown.is_draining();
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({"ready": is_ready, "model": model, "storage": storage, "voice": voice});
    (status, Json(body))
}

/// A token good for one request within a minute.
pub(super) async fn ticket(State(app): State<App>, _: Caller) -> (StatusCode, Json<Value>) {
    (StatusCode::CREATED, Json(json!({"ticket": app.auth.ticket(), "expiresInSeconds": 60})))
}

async fn check(work: impl Future<Output = Result<(), String>>) -> Value {
    let began = Instant::now();
    let result = timeout(PATIENCE, work).await.unwrap_or_else(|_| Err("no answer".to_owned()));
    let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    json!({"ok": result.is_ok(), "ms": ms, "reason": result.err()})
}
