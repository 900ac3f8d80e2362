//! What there is to choose from: voices, models, scenarios.

use axum::{Json, extract::State};
use futures_util::future::join_all;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{app::App, domain::Voice, prompts::lessons::Scenario, transport::gate::Caller};

use super::{bodies, items::List};

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Model {
    id: String,
    provider: String,
    #[schema(required)]
    context_tokens: Option<u32>,
}

/// The voices of all engines; an engine that does not answer is left out.
#[utoipa::path(get, path = "/api/v1/voices", responses((status = 200, body = List<bodies::Voice>)))]
pub(super) async fn voices(State(app): State<App>, _: Caller) -> Json<List<Voice>> {
    let lists = join_all(app.engines.iter().map(|engine| engine.voices())).await;
    Json(List::whole(lists.into_iter().flatten().flatten().collect()))
}

/// The model that answers now.
#[utoipa::path(get, path = "/api/v1/models", responses((status = 200, body = List<Model>)))]
pub(super) async fn models(State(app): State<App>, _: Caller) -> Json<List<Model>> {
    let info = app.model.info();
    let (id, provider, context_tokens) = (info.name, info.provider, info.context_tokens);
    Json(List::whole(vec![Model { id, provider, context_tokens }]))
}

/// What can be practised.
#[utoipa::path(get, path = "/api/v1/scenarios", responses((status = 200, body = List<bodies::Scenario>)))]
pub(super) async fn scenarios(State(app): State<App>, _: Caller) -> Json<List<Scenario>> {
    Json(List::whole(app.lessons.scenarios().collect()))
}
