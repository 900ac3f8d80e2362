//! A ticket for who is in already, to carry where no header can be sent. It lets nobody in by itself.

use axum::{Json, extract::State, http::StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{app::App, transport::gate::KeyHolder};

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Ticket {
    ticket: String,
    expires_in_seconds: u32,
}

/// A token good for one request within a minute, never for another ticket.
#[utoipa::path(post, path = "/api/v1/tickets", responses((status = 201, body = Ticket)))]
pub(super) async fn ticket(State(app): State<App>, _: KeyHolder) -> (StatusCode, Json<Ticket>) {
    let ticket = Ticket { ticket: app.auth.ticket(), expires_in_seconds: 60 };
    (StatusCode::CREATED, Json(ticket))
}
