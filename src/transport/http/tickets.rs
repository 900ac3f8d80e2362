//! A ticket for who is in already, to carry where no header can be sent. It lets nobody in by itself.

use axum::{Json, extract::State, http::StatusCode};
use serde_json::{Value, json};

use crate::{app::App, transport::gate::KeyHolder};

/// A token good for one request within a minute, never for another ticket.
pub(super) async fn ticket(State(app): State<App>, _: KeyHolder) -> (StatusCode, Json<Value>) {
    (StatusCode::CREATED, Json(json!({"ticket": app.auth.ticket(), "expiresInSeconds": 60})))
}
