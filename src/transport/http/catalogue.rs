//! What there is to choose from: voices, models, scenarios.

use axum::{Json, extract::State};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{app::App, domain::Voice, transport::gate::Caller};

/// The voices of all engines; an engine that does not answer is left out.
pub(super) async fn voices(State(app): State<App>, _: Caller) -> Json<Value> {
    let lists = join_all(app.engines.iter().map(|engine| engine.voices())).await;
    let voices: Vec<Voice> = lists.into_iter().flatten().flatten().collect();
    Json(json!({"items": voices, "next": null}))
}

/// The model that answers now.
pub(super) async fn models(State(app): State<App>, _: Caller) -> Json<Value> {
    let info = app.model.info();
    let tokens = info.context_tokens;
    let item = json!({"id": info.name, "provider": info.provider, "contextTokens": tokens});
    Json(json!({"items": [item], "next": null}))
}

/// What can be practised.
pub(super) async fn scenarios(State(app): State<App>, _: Caller) -> Json<Value> {
    let scenarios: Vec<_> = app.lessons.scenarios().collect();
    Json(json!({"items": scenarios, "next": null}))
}
